use std::collections::HashMap;

use proptest::prelude::*;

use super::{Escape, Source, Template};

struct Table(HashMap<&'static str, Vec<u8>>);

impl Source<String> for Table {
    fn write(&self, variable: &String, out: &mut Vec<u8>) -> bool {
        let value = self.0.get(variable.as_str());
        out.extend(value.into_iter().flatten());
        value.is_some()
    }
}

fn compile(format: &str, escape: Escape) -> Result<Template<String>, super::FormatError> {
    Template::compile(format, escape, &mut |name| match name {
        "unknown" => Err("unknown \"unknown\" variable".to_owned()),
        name => Ok(name.to_owned()),
    })
}

fn render(format: &str, escape: Escape, value: &[u8]) -> Vec<u8> {
    let mut out = b"before ".to_vec();
    let table = Table(HashMap::from([("v", value.to_vec())]));
    compile(format, escape).expect("the format is valid").render(&table, &mut out);
    assert_eq!(&out[..7], b"before ", "what is in the buffer stays");
    out.split_off(7)
}

#[test]
fn names_end_where_their_letters_end() {
    assert_eq!(render("[$v] $v-$v", Escape::Default, b"x"), b"[x] x-x");
    assert_eq!(render("${v}v$v", Escape::Default, b"x"), b"xvx");
    assert_eq!(render("$va", Escape::Default, b"x"), b"-");
    assert_eq!(render("", Escape::Default, b"x"), b"");
    assert_eq!(render("é$v", Escape::Default, b"x"), "éx".as_bytes());
}

#[test]
fn only_a_missing_value_is_a_dash_and_only_by_default() {
    assert_eq!(render("$missing|$v", Escape::Default, b""), b"-|");
    assert_eq!(render("$missing|$v", Escape::Json, b""), b"|");
    assert_eq!(render("$missing|$v", Escape::None, b""), b"|");
}

#[test]
fn literal_text_is_not_escaped() {
    assert_eq!(render("{\"a\":\"$v\"}\n", Escape::Json, b"x"), b"{\"a\":\"x\"}\n");
    assert_eq!(render("\"\\\t", Escape::Default, b""), b"\"\\\t");
}

#[test]
fn default_escapes_quotes_backslashes_controls_and_beyond_ascii() {
    assert_eq!(
        render("$v", Escape::Default, b"a\"\\\0\n~\x7f\x80\xff'z"),
        br"a\x22\x5C\x00\x0A~\x7F\x80\xFF'z"
    );
}

#[test]
fn json_escapes_what_json_must_and_nothing_else() {
    assert_eq!(
        render("$v", Escape::Json, b"a\"\\/\n\r\t\x08\x0c\0\x1f\x7f\xc3\xa9z"),
        [&br#"a\"\\/\n\r\t\b\f\u0000\u001F"#[..], b"\x7f\xc3\xa9z"].concat()
    );
}

#[test]
fn none_escapes_nothing() {
    assert_eq!(render("$v", Escape::None, b"\"\n\xff"), b"\"\n\xff");
}

#[test]
fn errors_have_nginx_words_and_say_where() {
    for (format, message, at) in [
        ("a $", "invalid parameter \"$\"", 2),
        ("$ b", "invalid parameter \"$ b\"", 0),
        ("a ${", "invalid parameter \"${\"", 2),
        ("${}", "invalid parameter \"${}\"", 0),
        ("${v", "the closing bracket in \"v\" variable is missing", 0),
        ("${v-}", "the closing bracket in \"v\" variable is missing", 0),
        ("x$unknown", "unknown \"unknown\" variable", 1),
    ] {
        let error = compile(format, Escape::Default).expect_err(format);
        assert_eq!((error.to_string().as_str(), error.at), (message, at), "{format}");
    }
}

#[test]
fn variables_are_listed_in_order() {
    let template = compile("$a ${b} $a", Escape::Default).expect("the format is valid");
    assert_eq!(template.variables().collect::<Vec<_>>(), ["a", "b", "a"]);
}

/// What `text` becomes where only `v` has a value, and how many variables were filled.
fn interpolate(text: &str) -> (String, usize) {
    let template = Template::interpolate(text, &mut str::to_owned);
    let mut out = Vec::new();
    let table = Table(HashMap::from([("v", b"x".to_vec()), ("a.b", b"y".to_vec())]));
    let filled = template.render(&table, &mut out);
    (String::from_utf8(out).expect("all parts are text"), filled)
}

#[test]
fn texts_of_apisix_take_names_with_dots_and_braces_with_blanks() {
    assert_eq!(interpolate("$v-$a.b"), ("x-y".to_owned(), 2));
    assert_eq!(interpolate("${ v }s${v}"), ("xsx".to_owned(), 2));
    assert_eq!(interpolate("$missing/${missing}"), ("/".to_owned(), 0));
}

#[test]
fn texts_of_apisix_may_have_defaults() {
    assert_eq!(interpolate("${missing ?? none}!"), ("none!".to_owned(), 1));
    assert_eq!(interpolate("${v??none}"), ("x".to_owned(), 1));
    assert_eq!(interpolate("${missing ??}"), (String::new(), 0));
    assert_eq!(interpolate("${missing ?? a ?? b}"), ("a".to_owned(), 1));
}

#[test]
fn a_dollar_of_no_variable_is_a_dollar() {
    for text in ["", "plain", "5 $", "$-", "${}", "${v", "\\$v", "\\${v}", "$ v", "é$é"] {
        assert_eq!(interpolate(text), (text.to_owned(), 0), "{text}");
    }
    assert_eq!(interpolate("$$v"), ("$x".to_owned(), 1));
}

proptest! {
    #[test]
    fn any_text_interpolates(text in r"[${}?\\ .v_ é]{0,16}") {
        interpolate(&text);
    }

    #[test]
    fn json_escape_round_trips(value in any::<String>()) {
        let json = render("\"$v\"", Escape::Json, value.as_bytes());
        prop_assert_eq!(serde_json::from_slice::<String>(&json).expect("it is JSON"), value);
    }

    #[test]
    fn any_format_compiles_or_is_refused(format in r"[${}a_ é]{0,12}") {
        let _ = compile(&format, Escape::Default);
    }
}
