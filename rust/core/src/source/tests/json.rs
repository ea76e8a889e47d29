use serde_json::{Value, json};

use super::{mistake, nothing, parsed};
use crate::source::{Format, Position, parse};

#[test]
fn every_value_has_a_place() {
    let text = "{\n  \"a\": [1, {\"ü\": \"é\", \"b/c\": null}]\n}";
    let (value, spans) = parse(text, Format::Json, &nothing).expect("parses");
    assert_eq!(value, json!({"a": [1, {"ü": "é", "b/c": null}]}));
    let at = |pointer| spans.position(pointer);
    assert_eq!(at(""), Position { line: 1, column: 1 });
    assert_eq!(at("/a"), Position { line: 2, column: 3 });
    assert_eq!(at("/a/0"), Position { line: 2, column: 9 });
    assert_eq!(at("/a/1/b~1c"), Position { line: 2, column: 23 });
    assert_eq!(at("/a/1/ü/deeper/still"), Position { line: 2, column: 13 });
    let all = spans.all(&value);
    assert_eq!(all.len(), 6);
    assert_eq!(all[5], ("/a/1/b~1c".to_owned(), at("/a/1/b~1c")));
}

#[test]
fn it_reads_what_serde_json_writes() {
    let value = json!({"s": "\"\\\u{1}\u{1f600}/", "n": [0, -1, 1.5e300, 18_446_744_073_709_551_615_u64], "e": {}, "t": [true, false, null, []]});
    for text in [value.to_string(), serde_json::to_string_pretty(&value).expect("writes")] {
        assert_eq!(parsed(&text, Format::Json), value);
    }
    assert_eq!(parsed(r#""\ud83d\ude00\u00e9\/""#, Format::Json), json!("😀é/"));
}

#[test]
fn strings_may_hold_line_breaks() {
    assert_eq!(parsed("\"a\nb\\n\\\"\tc\"", Format::Json), json!("a\nb\n\"\tc"));
}

#[test]
fn mistakes_have_places() {
    let rows = [
        ("", "1:1: the text is empty"),
        ("{\"a\": 1,\n \"a\": 2}", "2:2: the key \"a\" stands here twice"),
        ("[1 2]", "1:4: expected `,` or `]`, found '2'"),
        ("[1,]", "1:4: expected a value, found ']'"),
        ("{\"a\" 1}", "1:6: expected `:`, found '1'"),
        ("{a: 1}", "1:2: expected a key in quotes, found 'a'"),
        ("{\"a\": 1", "1:8: expected `,` or `}`, found the end of the text"),
        ("{} x", "1:4: expected nothing more, found 'x'"),
        ("\"ab", "1:1: a string that does not end"),
        ("\"\\", "1:1: a string that does not end"),
        ("\"\\x\"", "1:1: a string with a wrong escape"),
        ("\"\\ud800\"", "1:1: a string with a wrong escape"),
        ("[01]", "1:2: 01 is not a number that JSON has"),
        ("[-]", "1:2: - is not a number that JSON has"),
        ("[1e999]", "1:2: 1e999 is not a number that JSON has"),
        ("nul", "1:1: expected a value, found 'n'"),
    ];
    for (text, message) in rows {
        assert_eq!(mistake(text, Format::Json), message, "{text}");
    }
}

#[test]
fn depth_is_bounded() {
    let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    assert!(matches!(parsed(&nested(128), Format::Json), Value::Array(_)));
    assert!(mistake(&nested(100_000), Format::Json).ends_with("nested more than 128 levels deep"));
}
