use std::borrow::Cow;
use std::collections::HashMap;

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::number::{to_number, to_text};
use super::pattern::Pattern;
use super::{Expr, MAX_DEPTH, Value, Variables};

/// Variables by name: strings are texts, as nginx's are; other JSON is typed.
struct Table(HashMap<&'static str, Json>);

impl Variables<String> for Table {
    fn value(&self, name: &String) -> Value<'_> {
        match self.0.get(name.as_str()) {
            _ if name == "pending" => Value::Pending,
            None => Value::Missing,
            Some(Json::String(text)) => text.as_str().into(),
            Some(json) => Value::Json(Cow::Borrowed(json)),
        }
    }
}

fn compile(rules: &Json) -> Result<Expr<String>, super::CompileError> {
    Expr::compile(rules, &mut |name| match name {
        "unknown" => Err("no such variable".to_owned()),
        name => Ok(name.to_owned()),
    })
}

fn eval<const N: usize>(rules: &Json, variables: [(&'static str, Json); N]) -> Option<bool> {
    compile(rules).expect("the rules are valid").eval(&Table(HashMap::from(variables)))
}

/// Whether `[x, operator, right]` holds for `left`.
fn holds(left: &Json, operator: &str, right: &Json) -> bool {
    let plain = eval(&json!([["x", operator, right]]), [("x", left.clone())]);
    let negated = eval(&json!([["x", "!", operator, right]]), [("x", left.clone())]);
    let plain = plain.expect("nothing is pending");
    assert_eq!(negated, Some(!plain), "negation is the opposite");
    plain
}

fn error(rules: &Json) -> (String, String) {
    let error = compile(rules).expect_err("the rules are invalid");
    (error.to_string(), error.pointer())
}

#[test]
fn the_empty_list_always_holds() {
    assert_eq!(eval(&json!([]), []), Some(true));
}

#[test]
fn equality_compares_texts_byte_for_byte() {
    assert!(holds(&json!("v"), "==", &json!("v")));
    assert!(!holds(&json!("V"), "==", &json!("v")));
    assert!(!holds(&json!("18.0"), "==", &json!("18")));
    assert!(holds(&json!("v"), "~=", &json!("w")));
}

#[test]
fn a_number_on_the_right_converts_the_left() {
    assert!(holds(&json!("08"), "==", &json!(8)));
    assert!(holds(&json!(" 0x10 "), "==", &json!(16)));
    assert!(holds(&json!(18), "==", &json!(18.0)));
    assert!(!holds(&json!("eight"), "==", &json!(8)));
    assert!(holds(&json!("eight"), "~=", &json!(8)));
    assert!(!holds(&json!("18"), "~=", &json!(18)));
}

#[test]
fn a_typed_left_is_not_converted_to_text() {
    assert!(!holds(&json!(18), "==", &json!("18")));
    assert!(holds(&json!(true), "==", &json!(true)));
    assert!(!holds(&json!("true"), "==", &json!(true)));
    assert!(!holds(&json!([1]), "==", &json!([1])));
}

#[test]
fn ordering_converts_both_sides() {
    for (operator, below, equal, above) in [
        ("<", true, false, false),
        ("<=", true, true, false),
        (">", false, false, true),
        (">=", false, true, true),
    ] {
        for (left, expected) in [("9", below), ("10", equal), ("11", above)] {
            assert_eq!(holds(&json!(left), operator, &json!(10)), expected, "{left} {operator} 10");
            assert_eq!(
                holds(&json!(left), operator, &json!("10")),
                expected,
                "{left} {operator} 10"
            );
        }
        assert!(!holds(&json!("x"), operator, &json!(10)));
        assert!(!holds(&json!("9"), operator, &json!("x")));
        assert!(!holds(&json!("9"), operator, &json!(null)));
        assert!(!holds(&json!("nan"), operator, &json!(10)));
    }
}

#[test]
fn a_missing_variable_is_only_unequal() {
    for (operator, right, expected) in [
        ("==", json!("v"), false),
        ("==", json!(null), true),
        ("~=", json!("v"), true),
        ("~=", json!(1), true),
        ("~=", json!(null), false),
        (">", json!(1), false),
        ("~~", json!(".*"), false),
        ("in", json!(["v", null]), false),
        ("has", json!("v"), false),
        ("ipmatch", json!("0.0.0.0/0"), false),
    ] {
        assert_eq!(eval(&json!([["x", operator, right]]), []), Some(expected), "{operator}");
    }
}

#[test]
fn an_operator_without_a_right_side_compares_with_nothing() {
    assert_eq!(eval(&json!([["x", "~="]]), [("x", json!(""))]), Some(true));
    assert_eq!(eval(&json!([["x", "~="]]), []), Some(false));
    assert_eq!(eval(&json!([["x", "=="]]), []), Some(true));
}

#[test]
fn two_elements_mean_equal_to_the_lowered_text() {
    assert_eq!(eval(&json!([["x", "V"]]), [("x", json!("v"))]), Some(true));
    assert_eq!(eval(&json!([["x", "V"]]), [("x", json!("V"))]), Some(false));
    assert_eq!(eval(&json!([["x", 5]]), [("x", json!("5"))]), Some(true));
    assert_eq!(eval(&json!([["x", 5]]), [("x", json!(5))]), Some(false));
}

#[test]
fn operators_ignore_case() {
    assert_eq!(
        eval(&json!(["or", ["x", "HAS", "a"], ["x", "Has", "c"]]), [("x", json!(["c"]))]),
        Some(true)
    );
}

#[test]
fn in_looks_the_left_up_without_conversion() {
    assert!(holds(&json!("b"), "in", &json!(["c", "b", "a"])));
    assert!(!holds(&json!("d"), "in", &json!(["c", "b", "a"])));
    assert!(!holds(&json!("1"), "in", &json!([1, 2])));
    assert!(holds(&json!(1), "in", &json!(["1", 1.0])));
    assert!(!holds(&json!(1), "in", &json!(["1"])));
    assert!(!holds(&json!("a"), "in", &json!("a")));
}

#[test]
fn has_looks_into_a_list_on_the_left() {
    assert!(holds(&json!(["a", "b"]), "has", &json!("b")));
    assert!(!holds(&json!(["a", "b"]), "has", &json!("c")));
    assert!(holds(&json!([1, 2]), "has", &json!(2)));
    assert!(!holds(&json!("b"), "has", &json!("b")));
    assert!(!holds(&json!([null]), "has", &json!(null)));
}

#[test]
fn ipmatch_takes_one_address_or_many() {
    assert!(holds(&json!("127.0.0.1"), "ipmatch", &json!("127.0.0.0/16")));
    assert!(holds(&json!("::1"), "ipmatch", &json!(["10.0.0.1", "::1"])));
    assert!(!holds(&json!("127.0.0.1"), "ipmatch", &json!(["10.0.0.1", "::1"])));
    assert!(!holds(&json!("localhost"), "ipmatch", &json!("127.0.0.1")));
}

#[test]
fn patterns_match_anywhere_unless_anchored() {
    assert!(holds(&json!("/api/v2/x"), "~~", &json!("/v[0-9]+/")));
    assert!(!holds(&json!("/api/v2/x"), "~~", &json!("^v")));
    assert!(!holds(&json!("DEV"), "~~", &json!("dev")));
    assert!(holds(&json!("DEV"), "~*", &json!("dev")));
    assert!(!holds(&json!(""), "~*", &json!("a")));
    assert!(holds(&json!(42), "~~", &json!("^42$")));
    assert!(!holds(&json!(false), "~~", &json!(".*")));
}

#[test]
fn logic_nests() {
    let rules = json!([
        "!AND",
        ["name", "==", "json"],
        ["OR", ["AND", ["weight", ">", 10], ["height", ">", 10]], ["height", "!", ">", 15]]
    ]);
    let with = |name: &str, weight: &str, height: &str| {
        eval(&rules, [("name", json!(name)), ("weight", json!(weight)), ("height", json!(height))])
    };
    assert_eq!(with("json", "11", "16"), Some(false));
    assert_eq!(with("json", "9", "16"), Some(true));
    assert_eq!(with("json", "9", "15"), Some(false));
    assert_eq!(with("xml", "11", "16"), Some(true));
    let neither = json!(["!OR", ["x", "==", "a"], ["x", "==", "b"]]);
    assert_eq!(eval(&neither, [("x", json!("c"))]), Some(true));
    assert_eq!(eval(&neither, [("x", json!("b"))]), Some(false));
    let bare_list = json!([[["x", "~=", "a"], ["x", "~=", "b"]], ["x", "==", "c"]]);
    assert_eq!(eval(&bare_list, [("x", json!("c"))]), Some(true));
}

#[test]
fn a_pending_value_matters_only_when_it_is_reached() {
    let pending = || json!(["pending", "==", "a"]);
    let (holds, fails) = (json!(["x", "==", "a"]), json!(["x", "==", "b"]));
    let with_a = |rules: &Json| eval(rules, [("x", json!("a"))]);
    assert_eq!(with_a(&json!([holds, pending()])), None);
    assert_eq!(with_a(&json!([fails, pending()])), Some(false));
    assert_eq!(with_a(&json!(["OR", holds, pending()])), Some(true));
    assert_eq!(with_a(&json!(["!OR", fails, pending()])), None);
}

#[test]
fn variables_are_listed_in_order() {
    let expr = compile(&json!(["OR", [["a", "==", 1], ["b", "==", 1]], ["c", "==", 1]]));
    let expr = expr.expect("the rules are valid");
    assert_eq!(expr.variables().map(String::as_str).collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[test]
fn errors_have_apisix_words_and_say_where() {
    for (rules, message, pointer) in [
        (json!("x"), "rule should be wrapped inside brackets", ""),
        (json!(["x", "==", "v"]), "rule should be wrapped inside brackets", ""),
        (json!([["x", "invalid", 10]]), "invalid operator 'invalid'", "/0/1"),
        (json!([["x", "=", "v"]]), "invalid operator '='", "/0/1"),
        (json!([["x", "!", "=="]]), "invalid operator '!'", "/0/1"),
        (json!([["x"]]), "invalid expression", "/0"),
        (json!([["x", null]]), "invalid expression", "/0/1"),
        (json!([[5, "==", 5]]), "invalid expression", "/0/0"),
        (json!([["x", "==", 1], "y"]), "invalid expression", "/1"),
        (json!([[]]), "rule too short", "/0"),
        (json!([{}]), "rule too short", "/0"),
        (json!(["OR", ["x", ">", 10]]), "rule too short", ""),
        (json!(["OR", ["x", ">", 10], ["AND"]]), "rule too short", "/2"),
        (json!([["!", "x", "==", "1"]]), "bad 'not' expression", "/0"),
        (json!([["x", "ipmatch"]]), "invalid ip address", "/0/2"),
        (json!([["x", "ipmatch", ""]]), "invalid ip address", "/0/2"),
        (json!([["x", "ipmatch", []]]), "invalid ip address", "/0/2"),
        (json!([["x", "ipmatch", [""]]]), "invalid ip address: ", "/0/2"),
        (json!([["x", "!", "ipmatch", "host"]]), "invalid ip address: host", "/0/3"),
        (json!([["unknown", "==", "x"]]), "no such variable", "/0/0"),
    ] {
        assert_eq!(error(&rules), (message.to_owned(), pointer.to_owned()), "{rules}");
    }
    let (message, pointer) = error(&json!([["x", "~~", "(a"]]));
    assert!(message.starts_with("invalid regular expression '(a': "), "{message}");
    assert_eq!(pointer, "/0/2");
}

#[test]
fn nesting_has_a_limit() {
    let nested = |depth| (0..depth).fold(json!(["x", "==", "a"]), |inner, _| json!([inner]));
    assert!(compile(&nested(MAX_DEPTH)).is_ok());
    let (message, _) = error(&nested(MAX_DEPTH + 1));
    assert_eq!(message, "expression nested deeper than 32 levels");
}

#[test]
fn numbers_are_what_luajit_takes_for_numbers() {
    for (text, expected) in [
        ("0", 0.0),
        ("007", 7.0),
        ("-1.5e3", -1500.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("+3", 3.0),
        ("\t\x0b 3 \r\n", 3.0),
        ("0x1F", 31.0),
        ("-0x.8p1", -1.0),
        ("0b101", 5.0),
        ("12345678901234567890", 12_345_678_901_234_567_890.0),
        ("inf", f64::INFINITY),
        ("-Infinity", f64::NEG_INFINITY),
    ] {
        assert_eq!(to_number(text.as_bytes()), Some(expected), "{text:?}");
    }
    assert!(to_number(b"nan").is_some_and(f64::is_nan));
    for text in [
        "",
        " ",
        "-",
        "+-1",
        "- 1",
        "1 2",
        "1e",
        "1e+",
        "e5",
        ".",
        "1..2",
        "0x",
        "0b",
        "0b2",
        "0b1.1",
        "1u",
        "1ll",
        "0x1g",
        "1_000",
        "infinit",
        "1e1048576",
        "1\0",
        "１",
    ] {
        assert_eq!(to_number(text.as_bytes()), None, "{text:?}");
    }
}

#[test]
fn numbers_are_written_as_lua_writes_them() {
    for (number, text) in [
        (json!(5.0), "5"),
        (json!(-0.5), "-0.5"),
        (json!(1e14), "1e+14"),
        (json!(99_999_999_999_999_i64), "99999999999999"),
        (json!(123_456_789_012_345_678_i64), "1.2345678901235e+17"),
        (json!(0.1), "0.1"),
        (json!(0.0001), "0.0001"),
        (json!(0.00001), "1e-05"),
    ] {
        let Json::Number(number) = number else { panic!("it is a number") };
        assert_eq!(to_text(&number), text);
    }
    assert_eq!(eval(&json!([["x", 5.0]]), [("x", json!("5"))]), Some(true));
    assert!(holds(&json!(5.0), "~~", &json!("^5$")));
}

#[test]
fn patterns_read_as_pcre_reads_them() {
    for (pattern, text, expected) in [
        (r"^/users/{id}$", "/users/{id}", true),
        (r"a{2}", "aa", true),
        (r"^a{1,}$", "aaa", true),
        (r"^a{,3}$", "a{,3}", true),
        (r"[[]x", "[x", true),
        (r"[]x]+$", "]x", true),
        (r"^[^]x]$", "y", true),
        (r"^[[:alpha:]]+$", "abc", true),
        (r"^[a&&b]+$", "a&b", true),
        (r"^\Qa.b\E$", "a.b", true),
        (r"^\Qa.b\E$", "axb", false),
        // A brace that is no quantifier is a brace, also behind an escape.
        (r"^\w{*\Q.}\E$", "a{{.}", true),
        (r"^\d{2}$", "12", true),
        (r"a\hb", "a\tb", true),
        (r"\/x\_\-\.", "/x_-.", true),
        (r"^\x{2f}\x2f$", "//", true),
        (r"(?i)DEV", "dev", true),
        (r"^(?!/admin).*", "/public", true),
        (r"^(?!/admin).*", "/admin/x", false),
        (r"(?<=v)2", "v2", true),
        (r"(a)\1", "aa", true),
        (r"^\d+$", "１", false),
        (r"^.{3}$", "１", true),
        (r"^é$", "é", true),
    ] {
        let compiled = Pattern::new(pattern, false).expect(pattern);
        assert_eq!(compiled.is_match(text.as_bytes()), expected, "{pattern} on {text}");
    }
    assert!(Pattern::new(".", false).expect("valid").is_match(b"\xff"));
}

#[test]
fn a_pattern_that_explodes_does_not_match() {
    let pattern = Pattern::new(r"^(a+)+(?!b)\1$", false).expect("valid");
    assert!(!pattern.is_match(&[b'a'; 64].iter().chain(b"c").copied().collect::<Vec<_>>()));
}

proptest! {
    #[test]
    fn any_json_compiles_or_is_refused(rules in arbitrary_rules(), value in ".{0,8}") {
        if let Ok(expr) = compile(&rules) {
            let result = expr.eval(&Table(HashMap::from([("x", json!(value))])));
            prop_assert!(result.is_some());
        }
    }

    #[test]
    fn any_text_reads_as_a_number_or_not(text in "[-+ 0-9a-fx.pe]{0,12}") {
        let _ = to_number(text.as_bytes());
    }

    #[test]
    fn any_pattern_compiles_or_is_refused(pattern in r"[\[\]{}()\\^$a-c&|~:.,*+?QEhHx0-9<>-]{0,12}") {
        if let Ok(pattern) = Pattern::new(&pattern, false) {
            pattern.is_match(b"abcabc");
        }
    }
}

fn arbitrary_rules() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        prop::sample::select(vec!["x", "y", "!", "==", "~=", ">", "in", "has", "~~", "AND", "!OR"])
            .prop_map(|word| json!(word)),
        any::<i32>().prop_map(|number| json!(number)),
        Just(json!(null)),
        Just(json!(true)),
        Just(json!({})),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| prop::collection::vec(inner, 0..5).prop_map(Json::Array))
}

/// The conditions that decide, by their places, with their outcomes.
fn decisive<const N: usize>(
    rules: &Json,
    variables: [(&'static str, Json); N],
) -> Vec<(Vec<usize>, Option<bool>)> {
    let expr = compile(rules).expect("the rules are valid");
    let table = Table(HashMap::from(variables));
    let decisive = expr.explain(&table);
    decisive.into_iter().map(|one| (one.path, one.holds)).collect()
}

#[test]
fn what_decided_is_told_by_its_place() {
    let all = json!([["a", "==", "1"], ["b", "==", "2"], ["c", "==", "3"]]);
    let found = [("a", json!("1")), ("b", json!("0")), ("c", json!("0"))];
    assert_eq!(decisive(&all, found), [(vec![1], Some(false))]);
    let any = json!(["OR", ["a", "==", "1"], ["b", "==", "2"]]);
    assert_eq!(decisive(&any, []), [(vec![1], Some(false)), (vec![2], Some(false))]);
    assert_eq!(decisive(&any, [("b", json!("2"))]), [(vec![2], Some(true))]);
    let nested = json!([["a", "==", "1"], ["!OR", ["b", "==", "2"], ["c", "==", "3"]]]);
    let found = [("a", json!("1")), ("c", json!("3"))];
    assert_eq!(decisive(&nested, found), [(vec![1, 2], Some(true))]);
    assert_eq!(decisive(&json!([["pending", "==", "1"]]), []), [(vec![0], None)]);
}
