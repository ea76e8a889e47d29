//! Expressions of `vars`, against lua-resty-expr's rules read from the JSON: both refuse, or both
//! say the same of the same values.

#![no_main]

use arbitrary::Arbitrary;
use gateway_kit::expr::{Expr, Value, Variables};
use libfuzzer_sys::fuzz_target;
use reference::expression::{self, Left};
use reference::words::{Element, Rules};
use serde_json::Value as Json;

const NAMES: [&str; 4] = ["arg_a", "http_b", "cookie_c", "post_arg_d"];

#[derive(Arbitrary, Debug)]
struct Case {
    rules: Vec<Rules>,
    bare: bool,
    values: [Known; NAMES.len()],
}

/// What a variable is in the request.
#[derive(Arbitrary, Debug)]
enum Known {
    Missing,
    Pending,
    Text(Element),
    Bytes(Vec<u8>),
    Json(Element),
}

enum Held {
    Missing,
    Pending,
    Text(Vec<u8>),
    Json(Json),
}

impl Known {
    fn held(&self) -> Held {
        match self {
            Self::Missing => Held::Missing,
            Self::Pending => Held::Pending,
            Self::Bytes(bytes) => Held::Text(bytes.iter().copied().take(16).collect()),
            Self::Json(element) => Held::Json(element.json()),
            Self::Text(element) => match element.json() {
                Json::String(text) => Held::Text(text.into_bytes()),
                other => Held::Text(other.to_string().into_bytes()),
            },
        }
    }
}

struct Values([Held; NAMES.len()]);

impl Variables<usize> for Values {
    fn value(&self, variable: &usize) -> Value<'_> {
        match &self.0[*variable] {
            Held::Missing => Value::Missing,
            Held::Pending => Value::Pending,
            Held::Text(text) => text.as_slice().into(),
            Held::Json(json) => json.into(),
        }
    }
}

fn index(name: &str) -> usize {
    NAMES.iter().position(|known| *known == name).unwrap_or(0)
}

fuzz_target!(|case: Case| {
    let values = Values(case.values.each_ref().map(Known::held));
    let lookup = |name: &str| match &values.0[index(name)] {
        Held::Missing => Left::Nil,
        Held::Pending => Left::Pending,
        Held::Text(text) => Left::Text(text),
        Held::Json(json) => Left::Json(json),
    };
    let rules = match (case.bare, case.rules.first()) {
        (true, Some(rules)) => rules.json(&NAMES),
        _ => case.rules.iter().map(|rules| rules.json(&NAMES)).collect(),
    };
    let ours = Expr::compile(&rules, &mut |name| Ok(index(name)));
    let theirs = expression::eval(&rules, &lookup);
    match (&ours, theirs) {
        (Err(_), Err(expression::Refused)) => {}
        (Ok(expr), Ok(holds)) => assert_eq!(expr.eval(&values), holds, "{rules}"),
        (ours, theirs) => panic!("{rules}: {ours:?}, and {theirs:?}"),
    }
});
