//! YAML from the events of a parser that keeps to the specification; what scalars mean is ours.

mod scalar;

use std::collections::{HashMap, HashSet};

use granit_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, Tag, options};
use serde_json::{Map, Value};

use super::spans::{Place, Spans};
use super::{MAX_DEPTH, Mistake};

/// Values that aliases may put into a document in all: enough for any file that people write, too
/// little for aliases of aliases of aliases to fill the memory.
const MAX_ALIASED: usize = 1_000_000;

pub(super) fn load(text: &str, spans: &mut Spans) -> Result<Value, Mistake> {
    let options = options! {
        emit_comments: false,
        block_scalar_eof_without_line_feed: true, // as libyaml, which APISIX reads with
    };
    let mut loader = Loader {
        events: Parser::new_from_str_with_options(text, options),
        anchors: HashMap::new(),
        aliased: 0,
        spans,
    };
    loader.document()
}

/// A value that an alias may stand for.
struct Anchored {
    value: Value,
    /// How many values it consists of.
    count: usize,
    /// How deeply they are nested.
    depth: usize,
}

struct Loader<'a, P> {
    events: P,
    anchors: HashMap<usize, Anchored>,
    aliased: usize,
    spans: &'a mut Spans,
}

type Next<'t> = Result<(Event<'t>, Span), ScanError>;

impl<'t, P: Iterator<Item = Next<'t>>> Loader<'_, P> {
    fn document(&mut self) -> Result<Value, Mistake> {
        let mut document = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                _ if document.is_some() => {
                    return Err(Mistake::new(offset(span.start), "a second document"));
                }
                event => {
                    self.spans.note(Place::ROOT, offset(span.start));
                    document = Some(self.value(event, span, Place::ROOT, 0)?);
                }
            }
        }
        document
            .filter(|value| !value.is_null())
            .ok_or_else(|| Mistake::new(0, "the text is empty"))
    }

    fn next(&mut self) -> Result<(Event<'t>, Span), Mistake> {
        match self.events.next() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => {
                Err(Mistake::new(offset(*error.marker()), error.kind().to_string()))
            }
            None => Ok((Event::StreamEnd, Span::empty(Marker::new(0, 1, 0)))),
        }
    }

    fn value(
        &mut self,
        event: Event<'t>,
        span: Span,
        place: Place,
        depth: usize,
    ) -> Result<Value, Mistake> {
        let start = offset(span.start);
        if depth >= MAX_DEPTH {
            return Err(Mistake::new(start, format!("nested more than {MAX_DEPTH} levels deep")));
        }
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = scalar(&text, style, tag.as_deref())
                    .map_err(|message| Mistake::new(start, message))?;
                (value, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                known_tag(tag.as_deref(), "seq", start)?;
                (self.sequence(place, depth)?, anchor)
            }
            Event::MappingStart(_, anchor, tag) => {
                known_tag(tag.as_deref(), "map", start)?;
                (self.mapping(place, depth)?, anchor)
            }
            Event::Alias(id) => return self.alias(id, start, depth),
            other => return Err(Mistake::new(start, format!("unexpected {other:?}"))),
        };
        if anchor != 0 {
            let (count, depth) = measure(&value);
            self.anchors.insert(anchor, Anchored { value: value.clone(), count, depth });
        }
        Ok(value)
    }

    fn alias(&mut self, id: usize, start: usize, depth: usize) -> Result<Value, Mistake> {
        let Some(anchored) = self.anchors.get(&id) else {
            return Err(Mistake::new(start, "an alias inside of what it stands for"));
        };
        self.aliased += anchored.count;
        if self.aliased > MAX_ALIASED {
            let message = format!("aliases stand for more than {MAX_ALIASED} values");
            return Err(Mistake::new(start, message));
        }
        if depth + anchored.depth >= MAX_DEPTH {
            return Err(Mistake::new(start, format!("nested more than {MAX_DEPTH} levels deep")));
        }
        Ok(anchored.value.clone())
    }

    fn sequence(&mut self, place: Place, depth: usize) -> Result<Value, Mistake> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                return Ok(Value::Array(items));
            }
            let inner = place.item(items.len());
            self.spans.note(inner, offset(span.start));
            items.push(self.value(event, span, inner, depth + 1)?);
        }
    }

    fn mapping(&mut self, place: Place, depth: usize) -> Result<Value, Mistake> {
        let mut members = Map::new();
        let mut merged = HashSet::new();
        loop {
            let (event, span) = self.next()?;
            let start = offset(span.start);
            let key = match event {
                Event::MappingEnd => return Ok(Value::Object(members)),
                Event::Scalar(text, ..) => text.into_owned(),
                Event::Alias(id) => match self.anchors.get(&id).map(|anchored| &anchored.value) {
                    Some(Value::String(text)) => text.clone(),
                    _ => return Err(Mistake::new(start, "a key is text")),
                },
                _ => return Err(Mistake::new(start, "a key is text, not a list or a mapping")),
            };
            if key == "<<" {
                self.merge(&mut members, &mut merged, depth)?;
                continue;
            }
            if members.contains_key(&key) && !merged.remove(&key) {
                return Err(Mistake::new(start, format!("the key {key:?} stands here twice")));
            }
            let inner = place.member(&key);
            self.spans.note(inner, start);
            let (event, span) = self.next()?;
            let value = self.value(event, span, inner, depth + 1)?;
            members.insert(key, value);
        }
    }

    /// `<<: *other`: the members of another mapping, or of several, that are not here already.
    fn merge(
        &mut self,
        members: &mut Map<String, Value>,
        merged: &mut HashSet<String>,
        depth: usize,
    ) -> Result<(), Mistake> {
        let (event, span) = self.next()?;
        let start = offset(span.start);
        // What is merged has no place of its own.
        let nowhere = Place::ROOT.member("<<");
        let sources = match self.value(event, span, nowhere, depth + 1)? {
            Value::Array(sources) => sources,
            source => vec![source],
        };
        for source in sources {
            let Value::Object(source) = source else {
                return Err(Mistake::new(start, "`<<` merges mappings"));
            };
            for (key, value) in source {
                if !members.contains_key(&key) {
                    merged.insert(key.clone());
                    members.insert(key, value);
                }
            }
        }
        Ok(())
    }
}

fn offset(marker: Marker) -> usize {
    marker.byte_offset().unwrap_or_default()
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, String> {
    let Some(tag) = tag else {
        return match style {
            ScalarStyle::Plain => scalar::plain(text),
            _ => Ok(Value::String(text.to_owned())),
        };
    };
    let is = |name: &str| tag.is_yaml_core_schema_tag(name);
    if is("str") || tag.parts() == ("", "!") {
        return Ok(Value::String(text.to_owned()));
    }
    let value = scalar::plain(text)?;
    let fits = match &value {
        Value::Null => is("null"),
        Value::Bool(_) => is("bool"),
        Value::Number(number) => is("float") || is("int") && !number.is_f64(),
        _ => false,
    };
    if fits { Ok(value) } else { Err(format!("{text:?} is no !!{}", tag.parts().1)) }
}

fn known_tag(tag: Option<&Tag>, name: &str, start: usize) -> Result<(), Mistake> {
    match tag {
        Some(tag) if !tag.is_yaml_core_schema_tag(name) => {
            Err(Mistake::new(start, format!("unknown tag {tag}")))
        }
        _ => Ok(()),
    }
}

/// How many values a value consists of, and how deeply they are nested.
fn measure(value: &Value) -> (usize, usize) {
    let inner = |(count, depth): (usize, usize), value| {
        let (more, deep) = measure(value);
        (count + more, depth.max(deep + 1))
    };
    match value {
        Value::Array(items) => items.iter().fold((1, 0), inner),
        Value::Object(members) => members.values().fold((1, 0), inner),
        _ => (1, 0),
    }
}
