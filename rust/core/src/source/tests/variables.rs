use serde_json::{Value, json};

use crate::source::{Format, Position, parse, parse_settings};

fn environment(name: &str) -> Option<String> {
    match name {
        "PORT" => Some("9080".to_owned()),
        "ON" => Some("true".to_owned()),
        "LINES" => Some("a: 1\nb: 2\n".to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    }
}

fn yaml(text: &str) -> Value {
    parse(text, Format::Yaml, &environment).expect("parses").0
}

fn settings(text: &str) -> Value {
    parse_settings(text, Format::Yaml, &environment).expect("parses").0
}

#[test]
fn quotes_decide_about_types_in_resources() {
    let text = "a: ${{PORT}}\nb: \"${{ PORT }}\"\nc: ${{NONE:= x y }}\nd: x${{PORT}}-${{ON}}\ne: ${{EMPTY}}\n";
    assert_eq!(
        yaml(text),
        json!({"a": 9080, "b": "9080", "c": "x y", "d": "x9080-true", "e": null})
    );
}

#[test]
fn values_decide_about_types_in_settings_and_in_json() {
    let expected = json!({"a": 9080, "b": 1.5, "c": true, "d": "x9080", "9080": [""], "e": "5"});
    let text = "a: '${{PORT}}'\nb: ${{NONE:=1.5}}\nc: ${{ON}}\nd: x${{PORT}}\n${{PORT}}: ['${{EMPTY}}']\ne: '5'\n";
    assert_eq!(settings(text), expected);
    let text = r#"{"a": "${{PORT}}", "b": "${{NONE:=1.5}}", "c": "${{ON}}", "d": "x${{PORT}}", "${{PORT}}": ["${{EMPTY}}"], "e": "5"}"#;
    assert_eq!(parse(text, Format::Json, &environment).expect("parses").0, expected);
}

#[test]
fn a_missing_variable_is_named_where_it_stands() {
    let message = "failed to handle configuration: can't find environment variable NONE";
    let problem = parse("a: 1\nb: ${{NONE}}\n", Format::Yaml, &environment).expect_err("missing");
    assert_eq!((problem.line, problem.column, problem.message.as_str()), (2, 4, message));
    let problem =
        parse("{\"a\":\n[\"${{NONE}}\"]}", Format::Json, &environment).expect_err("missing");
    assert_eq!(
        (problem.line, problem.path.as_str(), problem.message.as_str()),
        (2, "a[0]", message)
    );
}

#[test]
fn a_comment_may_name_any_variable() {
    assert_eq!(yaml("a: 1\n  # uses ${{NONE}}\n"), json!({"a": 1}));
}

#[test]
fn what_is_no_variable_stays() {
    assert_eq!(
        yaml("a: '${{ }}'\nb: '${{A-B}}'\nc: '$${{PORT}}'\nd: '${{PORT'\n"),
        json!({"a": "${{ }}", "b": "${{A-B}}", "c": "$9080", "d": "${{PORT"})
    );
}

#[test]
fn places_are_those_of_the_text_before() {
    let text = "x: ${{PORT}} # ${{PORT}}\n${{LINES}}\nc: {d: ${{ON}}, e: 1}\n";
    let (value, spans) = parse(text, Format::Yaml, &environment).expect("parses");
    assert_eq!(value, json!({"x": 9080, "a": 1, "b": 2, "c": {"d": true, "e": 1}}));
    let at = |pointer| {
        let Position { line, column } = spans.position(pointer);
        (line, column)
    };
    assert_eq!(at("/b"), (2, 1), "all of a value stands where its variable does");
    assert_eq!(at("/c"), (3, 1));
    assert_eq!(at("/c/e"), (3, 17));
}
