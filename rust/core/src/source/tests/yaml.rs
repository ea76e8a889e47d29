use serde_json::{Value, json};

use super::{mistake, nothing, parsed};
use crate::source::{Format, Position, parse};

fn yaml(text: &str) -> Value {
    parsed(text, Format::Yaml)
}

#[test]
fn plain_scalars_mean_what_they_mean_to_apisix() {
    let text = "[yes, Off, y, 'yes', ~, null, NuLL]";
    assert_eq!(yaml(text), json!([true, false, "y", "yes", null, null, "NuLL"]));
    let text = "[80, -1, +1, 010, -010, 08, 0, 1_000, 0x1F, 0b101]";
    assert_eq!(yaml(text), json!([80, -1, 1, 8, -8, 8, 0, 1000, 31, 5]));
    let text = "[1.5, -.5, 5., 1e3, 1.0, 1e-3, 9007199254740993]";
    assert_eq!(yaml(text), json!([1.5, -0.5, 5, 1000, 1, 0.001, 9_007_199_254_740_992_u64]));
    let text = "[12:30, 1.2.3.4, 127.0.0.1:80, 1e, 0x, _, 2026-08-20, v1, .a, 09a, 1-1]";
    assert_eq!(
        yaml(text),
        json!([
            "12:30",
            "1.2.3.4",
            "127.0.0.1:80",
            "1e",
            "0x",
            "_",
            "2026-08-20",
            "v1",
            ".a",
            "09a",
            "1-1"
        ])
    );
}

#[test]
fn keys_are_the_text_they_are_written_with() {
    assert_eq!(
        yaml("{on: 1, 010: 2, '': 3, 127.0.0.1:80: 4}"),
        json!({"on": 1, "010": 2, "": 3, "127.0.0.1:80": 4})
    );
}

#[test]
fn styles_and_tags_are_read() {
    let text = "a: |\n  x\n  y\nb: >-\n  x\n  y\nc: \"\\u00e9\\n\"\nd: !!str 1\ne: !!int '1'\nf: !!float 1\ng: |\n  end";
    assert_eq!(
        yaml(text),
        json!({"a": "x\ny\n", "b": "x y", "c": "é\n", "d": "1", "e": 1, "f": 1, "g": "end"})
    );
}

#[test]
fn every_value_has_a_place() {
    let text = "# routes\nroutes:\n  - uri: /ü\n    upstream: {nodes: {a: 1}}\n  -\n    - 1\n";
    let (_, spans) = parse(text, Format::Yaml, &nothing).expect("parses");
    let at = |pointer| {
        let Position { line, column } = spans.position(pointer);
        (line, column)
    };
    assert_eq!(at("/routes"), (2, 1));
    assert_eq!(at("/routes/0"), (3, 5));
    assert_eq!(at("/routes/0/upstream/nodes/a"), (4, 24));
    assert_eq!(at("/routes/0/upstream/type"), (4, 5), "a default stands where its object does");
    assert_eq!(at("/routes/1/0"), (6, 7));
}

#[test]
fn aliases_and_merges_are_expanded() {
    let text = "a: &a {x: 1, y: 2}\nb: *a\nc:\n  y: 3\n  <<: *a\nd:\n  <<: [{x: 9}, *a]\n  y: 4\n";
    assert_eq!(
        yaml(text),
        json!({"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 2}, "c": {"y": 3, "x": 1}, "d": {"x": 9, "y": 4}})
    );
}

#[test]
fn mistakes_have_places() {
    let rows = [
        ("", "1:1: the text is empty"),
        ("# nothing\n", "1:1: the text is empty"),
        ("a: 1\nb: 2\na: 3\n", "3:1: the key \"a\" stands here twice"),
        ("a: 1\n---\nb: 1\n", "3:1: a second document"),
        ("a: &x [*x]\n", "1:8: an alias inside of what it stands for"),
        ("[a]: 1\n", "1:1: a key is text, not a list or a mapping"),
        ("a: .nan\n", "1:4: .nan is not a number that JSON has"),
        ("a: 1e999\n", "1:4: 1e999 is too large a number"),
        ("a:\n  <<: 1\n", "2:7: `<<` merges mappings"),
        ("a: !!int x\n", "1:10: \"x\" is no !!int"),
    ];
    for (text, message) in rows {
        assert_eq!(mistake(text, Format::Yaml), message, "{text}");
    }
    for text in ["a: [1\n", "a: *b\n", "a: !local x\n", "a: 'x\n", "a:\n\t- 1\n", "a: b: c\n"] {
        mistake(text, Format::Yaml);
    }
}

#[test]
fn depth_and_aliases_are_bounded() {
    let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    assert!(matches!(yaml(&nested(100)), Value::Array(_)));
    for text in [nested(129), nested(100_000), "- ".repeat(100_000), "? ".repeat(100_000)] {
        mistake(&text, Format::Yaml);
    }
    let ten_of = |i: usize| vec![format!("*a{i}"); 10].join(", ");
    let laughs: Vec<String> =
        (1..20).map(|i| format!("a{i}: &a{i} [{}]\n", ten_of(i - 1))).collect();
    let laughs = format!("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n{}", laughs.concat());
    assert!(mistake(&laughs, Format::Yaml).contains("aliases stand for more than"));
}
