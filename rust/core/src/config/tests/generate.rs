//! Documents made up from a schema: mostly right, sometimes just beside it.

use serde_json::{Map, Value, json};

/// A stream of numbers from a seed (splitmix64).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.roll() % n.max(1) as u64) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

/// Strings that some pattern or format of the schemas takes.
const STRINGS: &[&str] = &[
    "",
    "a",
    "a-b_c.d",
    "/a",
    "/a/*",
    "*.a.com",
    "*",
    "10.0.0.1",
    "10.0.0.0/8",
    "::1",
    "fe80::/10",
    ":/8",
    "[::1]",
    "arg_x",
    "uri",
    "x/credentials/y1",
    "http://a.com:80/x",
    "$env://A",
    "$secret://vault/1/a/b",
    "function(vars) return true end",
    "a:80",
    "[::1]:80",
    "::1",
    "a:70000",
    "roundrobin",
    "chash",
    "ä ö\r\n",
];

const NUMBERS: &[f64] = &[-1.0, 0.0, 0.5, 1.0, 2.0, 80.0, 254.0, 65535.0, 4_294_967_296.0, 1e300];

pub(super) fn value(schema: &Value, dice: &mut Dice) -> Value {
    let get = |keyword: &str| schema.get(keyword);
    if let Some(Value::Array(allowed)) = get("enum") {
        return allowed[dice.below(allowed.len())].clone();
    }
    for branches in ["anyOf", "oneOf"] {
        if let (Some(Value::Array(branches)), None) = (get(branches), get("properties")) {
            return value(&branches[dice.below(branches.len())], dice);
        }
    }
    match get("type").and_then(Value::as_str) {
        Some("string") => text(schema, dice),
        Some("boolean") => json!(dice.one_in(2)),
        Some("integer") => whole(schema, dice),
        Some("number") => json!(NUMBERS[dice.below(NUMBERS.len())]),
        Some("array") => {
            let item = get("items").cloned().unwrap_or(json!({"type": "string"}));
            let count = dice.below(3);
            Value::Array((0..count).map(|_| value(&item, dice)).collect())
        }
        _ => object(schema, dice),
    }
}

fn whole(schema: &Value, dice: &mut Dice) -> Value {
    let bound = |keyword: &str| schema.get(keyword).and_then(Value::as_i64);
    match (dice.below(4), bound("minimum"), bound("maximum")) {
        (0, Some(minimum), _) => json!(minimum),
        (1, _, Some(maximum)) => json!(maximum),
        (2, ..) => json!(1.0),
        _ => json!(NUMBERS[dice.below(NUMBERS.len())].round()),
    }
}

fn text(schema: &Value, dice: &mut Dice) -> Value {
    let length = schema.get("minLength").and_then(Value::as_u64).unwrap_or(0) as usize;
    if length > 20 && !dice.one_in(4) {
        return json!("c".repeat(length));
    }
    json!(STRINGS[dice.below(STRINGS.len())])
}

fn object(schema: &Value, dice: &mut Dice) -> Value {
    let mut members = Map::new();
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    for (name, property) in
        schema.get("properties").and_then(Value::as_object).into_iter().flatten()
    {
        // Few of the optional members: each one more may be the one that is wrong.
        let chosen =
            if required.contains(&name.as_str()) { !dice.one_in(20) } else { dice.one_in(4) };
        if chosen {
            members.insert(name.clone(), value(property, dice));
        }
    }
    if let Some(Value::Object(patterns)) = schema.get("patternProperties") {
        for property in patterns.values() {
            for _ in 0..dice.below(3) {
                members
                    .insert(STRINGS[dice.below(STRINGS.len())].to_owned(), value(property, dice));
            }
        }
    }
    Value::Object(members)
}
