//! JSON as RFC 8259 has it, with the place of every value; repeated keys are refused. As APISIX's
//! reader, this one takes line breaks and other control characters in strings: PEM and protocol
//! definitions are often written so.

use std::borrow::Cow;

use serde_json::{Map, Number, Value};

use super::spans::{Place, Spans};
use super::{MAX_DEPTH, Mistake};

pub(super) fn load(text: &str, spans: &mut Spans) -> Result<Value, Mistake> {
    let mut reader = Reader { text, at: 0, spans };
    reader.skip_blanks();
    if reader.at == text.len() {
        return Err(Mistake::new(0, "the text is empty"));
    }
    let value = reader.value(Place::ROOT, 0)?;
    reader.skip_blanks();
    if reader.at < text.len() {
        return Err(reader.unexpected("nothing more"));
    }
    Ok(value)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    spans: &'a mut Spans,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn unexpected(&self, wanted: &str) -> Mistake {
        let found = match self.text[self.at..].chars().next() {
            Some(c) => format!("{c:?}"),
            None => "the end of the text".into(),
        };
        Mistake::new(self.at, format!("expected {wanted}, found {found}"))
    }

    fn expect(&mut self, byte: u8, wanted: &str) -> Result<(), Mistake> {
        self.skip_blanks();
        if self.peek() != Some(byte) {
            return Err(self.unexpected(wanted));
        }
        self.at += 1;
        Ok(())
    }

    fn value(&mut self, place: Place, depth: usize) -> Result<Value, Mistake> {
        self.skip_blanks();
        if depth >= MAX_DEPTH {
            return Err(Mistake::new(self.at, format!("nested more than {MAX_DEPTH} levels deep")));
        }
        if depth == 0 {
            self.spans.note(place, self.at);
        }
        match self.peek() {
            Some(b'{') => self.object(place, depth),
            Some(b'[') => self.array(place, depth),
            Some(b'"') => self.string().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => {
                let words = [
                    ("true", Value::Bool(true)),
                    ("false", Value::Bool(false)),
                    ("null", Value::Null),
                ];
                let rest = &self.text[self.at..];
                let (word, value) = words
                    .into_iter()
                    .find(|(word, _)| rest.starts_with(word))
                    .ok_or_else(|| self.unexpected("a value"))?;
                self.at += word.len();
                Ok(value)
            }
        }
    }

    fn object(&mut self, place: Place, depth: usize) -> Result<Value, Mistake> {
        self.at += 1;
        let mut members = Map::new();
        self.skip_blanks();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Object(members));
        }
        loop {
            self.skip_blanks();
            let start = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("a key in quotes"));
            }
            let name = self.string()?;
            if members.contains_key(&name) {
                return Err(Mistake::new(start, format!("the key {name:?} stands here twice")));
            }
            self.expect(b':', "`:`")?;
            let inner = place.member(&name);
            self.spans.note(inner, start);
            let value = self.value(inner, depth + 1)?;
            members.insert(name, value);
            self.skip_blanks();
            if self.peek() != Some(b',') {
                self.expect(b'}', "`,` or `}`")?;
                return Ok(Value::Object(members));
            }
            self.at += 1;
        }
    }

    fn array(&mut self, place: Place, depth: usize) -> Result<Value, Mistake> {
        self.at += 1;
        let mut items = Vec::new();
        self.skip_blanks();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::Array(items));
        }
        loop {
            self.skip_blanks();
            let inner = place.item(items.len());
            self.spans.note(inner, self.at);
            items.push(self.value(inner, depth + 1)?);
            self.skip_blanks();
            if self.peek() != Some(b',') {
                self.expect(b']', "`,` or `]`")?;
                return Ok(Value::Array(items));
            }
            self.at += 1;
        }
    }

    /// The string that begins at the quote here. `serde_json` reads the escapes.
    fn string(&mut self) -> Result<String, Mistake> {
        let start = self.at;
        let mut has_control = false;
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.at += 2,
                Some(b) => {
                    has_control |= b < b' ';
                    self.at += 1;
                }
                None => return Err(Mistake::new(start, "a string that does not end")),
            }
        }
        self.at += 1;
        let text = &self.text[start..self.at];
        let escaped = if has_control { escape_controls(text).into() } else { Cow::Borrowed(text) };
        serde_json::from_str(&escaped)
            .map_err(|_| Mistake::new(start, "a string with a wrong escape"))
    }

    fn number(&mut self) -> Result<Value, Mistake> {
        let start = self.at;
        let in_number = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
        let length = self.text.as_bytes()[start..].iter().take_while(|b| in_number(b)).count();
        self.at += length;
        let text = &self.text[start..self.at];
        serde_json::from_str::<Number>(text)
            .map(Value::Number)
            .map_err(|_| Mistake::new(start, format!("{text} is not a number that JSON has")))
    }
}

/// Escapes the control characters of a string in quotes, so that a strict reader takes it.
fn escape_controls(text: &str) -> String {
    let escape = |c: char| match c {
        '\0'..' ' => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    };
    text.chars().map(escape).collect()
}
