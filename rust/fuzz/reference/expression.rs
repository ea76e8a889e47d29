//! Whether a `vars` expression holds: lua-resty-expr's rules, read from the JSON each time.
//!
//! Patterns run on PCRE2, which is what APISIX's run on.

use crate::{address, lua};
use pcre2::bytes::RegexBuilder;
use serde_json::Value as Json;

/// The left side of a condition.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Left<'a> {
    Nil,
    Pending,
    Text(&'a [u8]),
    Json(&'a Json),
}

/// The expression is none.
#[derive(Debug, PartialEq)]
pub struct Refused;

/// Where variables come from.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Left<'a>;

/// Whether `rules` are an expression, and whether it holds: None if that hangs on what is pending.
///
/// # Errors
/// It is no expression.
pub fn eval(rules: &Json, lookup: Lookup<'_>) -> Result<Option<bool>, Refused> {
    match rules {
        Json::Array(list) if list.is_empty() => return Ok(Some(true)),
        Json::Array(list) if is_table(&list[0]) || logic(&list[0]).is_some() => {}
        _ => return Err(Refused),
    }
    check(rules, 0)?;
    Ok(holds(rules, lookup))
}

/// The names that an expression mentions.
pub fn variables(rules: &Json) -> Vec<&str> {
    match rules.as_array().map(Vec::as_slice) {
        Some([first, ..]) if !is_table(first) && logic(first).is_none() => {
            first.as_str().into_iter().collect()
        }
        Some(list) => list.iter().flat_map(variables).collect(),
        None => Vec::new(),
    }
}

fn is_table(json: &Json) -> bool {
    json.is_array() || json.is_object()
}

fn logic(json: &Json) -> Option<String> {
    let word = json.as_str()?.to_uppercase();
    ["AND", "OR", "!AND", "!OR"].contains(&word.as_str()).then_some(word)
}

/// A condition's parts.
struct Test<'a> {
    name: &'a str,
    negated: bool,
    operator: String,
    right: Option<Json>,
}

const OPERATORS: [&str; 11] =
    ["==", "~=", "<", "<=", ">", ">=", "~~", "~*", "in", "has", "ipmatch"];

impl<'a> Test<'a> {
    fn read(list: &'a [Json]) -> Result<Self, Refused> {
        let negated = list.len() == 4;
        if negated && list[1] != "!" {
            return Err(Refused);
        }
        let at = if negated { 2 } else { 1 };
        let operator = match list.get(at).ok_or(Refused)? {
            Json::String(text) => text.to_ascii_lowercase(),
            Json::Number(number) => lua::tostring(number.as_f64().ok_or(Refused)?),
            _ => return Err(Refused),
        };
        let name = list[0].as_str().ok_or(Refused)?;
        let right = list.get(at + 1).cloned();
        if OPERATORS.contains(&operator.as_str()) {
            return Ok(Self { name, negated, operator, right });
        }
        if right.is_some() {
            return Err(Refused);
        }
        Ok(Self { name, negated, operator: "==".to_owned(), right: Some(Json::String(operator)) })
    }

    /// What a pattern is made of.
    fn pattern(&self) -> Option<String> {
        match self.right.as_ref()? {
            Json::String(text) => Some(text.clone()),
            Json::Number(number) => number.as_f64().map(lua::tostring),
            _ => None,
        }
    }

    fn networks(&self) -> Option<Vec<&str>> {
        match self.right.as_ref()? {
            Json::String(text) => Some(vec![text]),
            Json::Array(list) if !list.is_empty() => list.iter().map(Json::as_str).collect(),
            _ => None,
        }
    }
}

fn regex(pattern: &str, operator: &str) -> Result<pcre2::bytes::Regex, pcre2::Error> {
    RegexBuilder::new().caseless(operator == "~*").build(pattern)
}

fn check(rules: &Json, depth: usize) -> Result<(), Refused> {
    let list = rules.as_array().filter(|list| !list.is_empty() && depth <= 32).ok_or(Refused)?;
    if is_table(&list[0]) {
        return list.iter().try_for_each(|rules| check(rules, depth + 1));
    }
    if logic(&list[0]).is_some() {
        let rest = list.get(1..).filter(|rest| rest.len() > 1).ok_or(Refused)?;
        return rest.iter().try_for_each(|rules| check(rules, depth + 1));
    }
    let test = Test::read(list)?;
    let fine = match test.operator.as_str() {
        operator @ ("~~" | "~*") => {
            test.pattern().is_some_and(|pattern| regex(&pattern, operator).is_ok())
        }
        "ipmatch" => test.networks().is_some_and(|list| list.into_iter().all(address::is_network)),
        _ => true,
    };
    if fine { Ok(()) } else { Err(Refused) }
}

/// Of what was checked.
fn holds(rules: &Json, lookup: Lookup<'_>) -> Option<bool> {
    let list = rules.as_array().expect("it was checked");
    let (logic, rest) = match logic(&list[0]) {
        Some(word) => (word, &list[1..]),
        None if is_table(&list[0]) => ("AND".to_owned(), &list[..]),
        None => {
            let test = Test::read(list).expect("it was checked");
            return Some(compare(&test, lookup(test.name))? != test.negated);
        }
    };
    let decisive = logic.ends_with("OR");
    for rules in rest {
        if holds(rules, lookup)? == decisive {
            return Some(decisive != logic.starts_with('!'));
        }
    }
    Some(decisive == logic.starts_with('!'))
}

/// What a value is to Lua; a JSON text is a text.
#[derive(Clone, Copy, PartialEq)]
enum Lua<'a> {
    Nil,
    Text(&'a [u8]),
    Number(f64),
    Bool(bool),
    /// `ngx.null`, or a table: equal to nothing but itself.
    Null,
    List(&'a [Json]),
    Map,
}

impl<'a> Lua<'a> {
    fn of(json: &'a Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(bool) => Self::Bool(*bool),
            Json::Number(number) => Self::Number(number.as_f64().expect("all of them are")),
            Json::String(text) => Self::Text(text.as_bytes()),
            Json::Array(list) => Self::List(list),
            Json::Object(_) => Self::Map,
        }
    }

    fn number(self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(number),
            Self::Text(text) => lua::tonumber(text),
            _ => None,
        }
    }

    /// `==`
    fn is(self, other: Lua<'_>) -> bool {
        match (self, other) {
            (Self::Nil, Lua::Nil) | (Self::Null, Lua::Null) => true,
            (Self::Text(left), Lua::Text(right)) => left == right,
            (Self::Number(left), Lua::Number(right)) => left == right,
            (Self::Bool(left), Lua::Bool(right)) => left == right,
            _ => false,
        }
    }
}

fn compare(test: &Test<'_>, left: Left<'_>) -> Option<bool> {
    let left = match left {
        Left::Pending => return None,
        Left::Nil => Lua::Nil,
        Left::Text(text) => Lua::Text(text),
        Left::Json(json) => Lua::of(json),
    };
    // `null` in a configuration is Lua's nil, here only.
    let right = match &test.right {
        None | Some(Json::Null) => Lua::Nil,
        Some(json) => Lua::of(json),
    };
    let equal = || match right {
        Lua::Number(right) => left.number() == Some(right),
        _ => left.is(right),
    };
    let ordered = |holds: fn(f64, f64) -> bool| match (left.number(), right.number()) {
        (Some(left), Some(right)) => holds(left, right),
        _ => false,
    };
    Some(match test.operator.as_str() {
        "==" => equal(),
        "~=" => !equal(),
        "<" => ordered(|left, right| left < right),
        "<=" => ordered(|left, right| left <= right),
        ">" => ordered(|left, right| left > right),
        ">=" => ordered(|left, right| left >= right),
        "in" => matches!(right, Lua::List(list) if list.iter().any(|item| left.is(Lua::of(item)))),
        "has" => matches!(left, Lua::List(list) if list.iter().any(|item| Lua::of(item).is(right))),
        "ipmatch" => match left {
            Lua::Text(text) => {
                let address = std::str::from_utf8(text).ok().and_then(address::parse);
                let networks = test.networks().expect("it was checked");
                address.is_some_and(|a| networks.into_iter().any(|n| address::within(a, n)))
            }
            _ => false,
        },
        operator => {
            let text = match left {
                Lua::Text(text) => text.to_vec(),
                Lua::Number(number) => lua::tostring(number).into_bytes(),
                Lua::Bool(true) => b"true".to_vec(),
                _ => return Some(false),
            };
            let pattern = test.pattern().expect("it was checked");
            let regex = regex(&pattern, operator).expect("it was checked");
            regex.is_match(&text).unwrap_or(false)
        }
    })
}
