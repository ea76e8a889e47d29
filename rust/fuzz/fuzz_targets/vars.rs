//! Expressions of `vars`: what compiles evaluates, and a negation says the opposite.
//!
//! The input is a JSON document and, after a NUL, the values that variables take in turn.

#![no_main]

use gateway_kit::expr::{Expr, Value, Variables};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value as Json, json};

fuzz_target!(|data: &[u8]| {
    let split = data.iter().position(|b| *b == 0).unwrap_or(data.len());
    let (rules, values) = data.split_at(split);
    let Ok(rules) = serde_json::from_slice::<Json>(rules) else { return };
    let values = Values(values.split(|b| *b == 0).skip(1).map(|v| (v, typed(v))).collect());
    let said = eval(&rules, &values);

    let Json::Array(list) = &rules else {
        assert!(said.is_none(), "only a list is an expression");
        return;
    };
    // A list of conditions is the same as AND before them, which needs two at least.
    if list.len() < 2 || !list.iter().all(Json::is_array) {
        return;
    }
    let with = |operator: &str| {
        let mut group = vec![json!(operator)];
        group.extend(list.iter().cloned());
        eval(&Json::Array(group), &values)
    };
    if said.is_some() {
        assert_eq!(with("AND"), said);
        assert_eq!(with("!AND").flatten(), said.flatten().map(|holds| !holds));
        let any = with("OR").flatten();
        assert_eq!(with("!OR").flatten(), any.map(|holds| !holds));
    }
});

/// None if it does not compile, Some(None) if it hangs on what is pending.
fn eval(rules: &Json, values: &Values) -> Option<Option<bool>> {
    let mut resolve = |name: &str| {
        let sum = name.bytes().fold(0_usize, |sum, b| sum * 31 % 9973 + usize::from(b));
        Ok(sum)
    };
    Expr::compile(rules, &mut resolve).ok().map(|expr| expr.eval(values))
}

/// A value, and what it is as JSON.
struct Values<'a>(Vec<(&'a [u8], Option<Json>)>);

fn typed(value: &[u8]) -> Option<Json> {
    value.strip_prefix(b"=").and_then(|text| serde_json::from_slice(text).ok())
}

impl Variables<usize> for Values<'_> {
    fn value(&self, variable: &usize) -> Value<'_> {
        if self.0.is_empty() {
            return Value::Missing;
        }
        match &self.0[variable % self.0.len()] {
            (b"-", _) => Value::Missing,
            (b"?", _) => Value::Pending,
            (_, Some(json)) => json.into(),
            (text, None) => (*text).into(),
        }
    }
}
