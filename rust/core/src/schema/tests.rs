use serde_json::{Value, json};

use super::{Schema, SchemaError, expand, is_reference, lua, nearest};

fn compile(schema: &Value) -> Schema {
    Schema::compile(schema).expect("accepted")
}

fn error(schema: &Value, document: Value) -> SchemaError {
    let mut document = document;
    compile(schema).validate(&mut document).expect_err("refused")
}

fn filled(schema: &Value, document: Value) -> Value {
    let mut document = document;
    compile(schema).validate(&mut document).expect("accepted");
    document
}

/// One failure a row: schema, document, APISIX's text, pointer to the wrong value.
fn failures() -> Vec<(Value, Value, &'static str, &'static str)> {
    let a = json!({"properties": {"a": {"type": "string"}}});
    let mut rows = vec![
        (json!(false), json!(1), "expect false always", ""),
        (json!({"type": "string"}), json!(1), "wrong type: expected string, got number", ""),
        (json!({"type": "object"}), json!(true), "wrong type: expected object, got boolean", ""),
        (json!({"type": "object"}), json!([1]), "wrong type: expected object, got table", ""),
        (json!({"type": "array"}), json!({"a": 1}), "wrong type: expected array, got table", ""),
        (json!({"type": "string"}), json!(null), "wrong type: expected string, got userdata", ""),
        (json!({"type": "integer"}), json!(1.5), "wrong type: expected integer, got number", ""),
        (
            json!({"type": ["string", "number"]}),
            json!([]),
            "wrong type: expected one of string, number, got table",
            "",
        ),
        (
            a,
            json!({"a": 1}),
            "property \"a\" validation failed: wrong type: expected string, got number",
            "/a",
        ),
        (json!({"required": ["a/b"]}), json!({}), "property \"a/b\" is required", ""),
        (
            json!({"properties": {"a": true}, "required": ["a"]}),
            json!([]),
            "property \"a\" is required",
            "",
        ),
        (
            json!({"properties": {"a": true}, "dependencies": {"a": ["b"]}}),
            json!({"a": 1}),
            "property \"b\" is required when \"a\" is set",
            "",
        ),
        (
            json!({"dependencies": {"a": ["b"]}}),
            json!({"a": 1}),
            "property \"b\" is required when \"a\" is set",
            "",
        ),
        (
            json!({"dependencies": {"a": {"required": ["b"]}}}),
            json!({"a": 1}),
            "failed to validate dependent schema for \"a\": property \"b\" is required",
            "",
        ),
        (
            json!({"patternProperties": {"^x\\d": {"type": "string"}}}),
            json!({"x1": 1}),
            "failed to validate x1 (matching \"^x\\d\"): wrong type: expected string, got number",
            "/x1",
        ),
        (
            json!({"additionalProperties": {"type": "string"}}),
            json!({"a": 1}),
            "failed to validate additional property a: wrong type: expected string, got number",
            "/a",
        ),
        (
            json!({"additionalProperties": false}),
            json!({"a/b": 1}),
            "additional properties forbidden, found a/b",
            "/a~1b",
        ),
    ];
    rows.extend(count_and_item_failures());
    rows.extend(scalar_failures());
    rows.extend(combined_failures());
    rows
}

fn count_and_item_failures() -> Vec<(Value, Value, &'static str, &'static str)> {
    let tuple =
        |additional: Value| json!({"items": [{"type": "string"}], "additionalItems": additional});
    vec![
        (json!({"minProperties": 1}), json!([]), "expect object to have at least 1 properties", ""),
        (
            json!({"maxProperties": 1}),
            json!({"a": 1, "b": 1}),
            "expect object to have at most 1 properties",
            "",
        ),
        (json!({"required": []}), json!({"a": 1}), "the input data should be an empty table", ""),
        (json!({"minItems": 1}), json!({}), "expect array to have at least 1 items", ""),
        (json!({"maxItems": 1}), json!([1, 2]), "expect array to have at most 1 items", ""),
        (
            json!({"items": {"type": "string"}}),
            json!(["a", 1]),
            "failed to validate item 2: wrong type: expected string, got number",
            "/1",
        ),
        (
            tuple(json!({"type": "string"})),
            json!(["a", 1]),
            "failed to validate additional item 2: wrong type: expected string, got number",
            "/1",
        ),
        (tuple(json!(false)), json!(["a", 1]), "found unexpected extra items in array", ""),
        (
            json!({"uniqueItems": true}),
            json!(["a", "b", "a"]),
            "expected unique items but items 1 and 3 are equal",
            "",
        ),
        (
            json!({"uniqueItems": true}),
            json!([{"a": 1}, 2, {"a": 1.0}]),
            "expected unique items but items 1 and 3 are equal",
            "",
        ),
    ]
}

fn scalar_failures() -> Vec<(Value, Value, &'static str, &'static str)> {
    vec![
        (json!({"minLength": 3}), json!("äö"), "string too short, expected at least 3, got 2", ""),
        (json!({"maxLength": 1}), json!("äö"), "string too long, expected at most 1, got 2", ""),
        (
            json!({"pattern": "^\\d+$"}),
            json!("a\"\n"),
            "failed to match pattern \"^\\\\d+$\" with \"a\\\"\\\n\"",
            "",
        ),
        (json!({"minimum": 1}), json!(0), "expected 0 to be at least 1", ""),
        (json!({"exclusiveMinimum": 0}), json!(0), "expected 0 to be greater than 0", ""),
        (json!({"maximum": 0.5}), json!(1e20), "expected 1e+20 to be at most 0.5", ""),
        (json!({"exclusiveMaximum": 9}), json!(9.0), "expected 9 to be smaller than 9", ""),
        (json!({"multipleOf": 2}), json!(3), "expected 3 to be a multiple of 2", ""),
        (json!({"multipleOf": 0.25}), json!(0.3), "expected 0.3 to be a multiple of 0.25", ""),
        (json!({"enum": ["a", 1]}), json!("b"), "matches none of the enum values", ""),
        (json!({"format": "email"}), json!("x"), "expect valid email format but got: x", ""),
        (
            json!({"format": "ipv4"}),
            json!("1.2.3.256"),
            "expect valid ipv4 format but got: 1.2.3.256",
            "",
        ),
        (json!({"format": "ipv6"}), json!("::g"), "expect valid ipv6 format but got: ::g", ""),
        (
            json!({"format": "hostname"}),
            json!("a_b"),
            "expect valid hostname format but got: a_b",
            "",
        ),
        (json!({"format": "uuid"}), json!("1-2"), "expect valid uuid format but got: 1-2", ""),
        (
            json!({"format": "date"}),
            json!("2023-02-29"),
            "expect valid date format but got: 2023-02-29",
            "",
        ),
        (
            json!({"format": "date-time"}),
            json!("2024-02-29T24:00:00Z"),
            "expect valid date-time format but got: 2024-02-29T24:00:00Z",
            "",
        ),
        (json!({"format": "uri"}), json!("no uri"), "expect valid uri format but got: no uri", ""),
        (json!({"const": [1]}), json!([2]), "failed to check const value", ""),
    ]
}

fn combined_failures() -> Vec<(Value, Value, &'static str, &'static str)> {
    let conditional = json!({
        "if": {"properties": {"t": {"const": "a"}}}, "then": {"required": ["b"]},
        "else": {"required": ["c"]},
    });
    vec![
        (
            json!({"allOf": [true, {"type": "string"}]}),
            json!(1),
            "allOf 2 failed: wrong type: expected string, got number",
            "",
        ),
        (
            json!({"anyOf": [{"type": "string"}, false]}),
            json!(1),
            "object matches none of the required",
            "",
        ),
        (
            json!({"anyOf": [{"required": ["a"]}, {"required": ["a", "b"]}]}),
            json!({}),
            "object matches none of the required: [\"a\"] or [\"a\",\"b\"]",
            "",
        ),
        (
            json!({"oneOf": [false, false]}),
            json!(1),
            "value should match only one schema, but matches none",
            "",
        ),
        (
            json!({"oneOf": [true, false, true]}),
            json!(1),
            "value should match only one schema, but matches both schemas 1 and 3",
            "",
        ),
        (conditional.clone(), json!({"t": "a"}), "then clause did not match", ""),
        (conditional, json!({"t": "b"}), "else clause did not match", ""),
        (
            json!({"not": {"type": "string"}}),
            json!("a"),
            "value wasn't supposed to match schema",
            "",
        ),
        (json!({"propertyNames": false}), json!({"a": 1}), "expect false always", "/a"),
        (json!({"contains": {"type": "string"}}), json!([1, 2]), "failed to check contains", ""),
        (
            json!({"contains": {"type": "string"}}),
            json!([]),
            "check contains: empty array is invalid",
            "",
        ),
    ]
}

#[test]
fn errors_read_as_apisix_words_them() {
    for (schema, document, message, pointer) in failures() {
        let error = error(&schema, document);
        assert_eq!(
            (error.message.as_str(), error.pointer.as_str()),
            (message, pointer),
            "{schema}"
        );
    }
}

#[test]
fn a_nested_error_names_every_step() {
    let schema =
        json!({"properties": {"nodes": {"items": {"properties": {"port": {"maximum": 9}}}}}});
    let error = error(&schema, json!({"nodes": [{"port": 1}, {"port": 10}]}));
    assert_eq!(error.pointer, "/nodes/1/port");
    assert_eq!(
        error.message,
        "property \"nodes\" validation failed: failed to validate item 2: \
         property \"port\" validation failed: expected 10 to be at most 9"
    );
}

#[test]
fn properties_are_tried_in_the_order_of_the_schema() {
    let schema = json!({
        "properties": {"b": {"type": "string"}, "a": {"type": "string"}}, "required": ["a", "c"],
        "additionalProperties": false,
    });
    let tried = |document| error(&schema, document).message;
    assert!(tried(json!({"x": 1, "a": 1, "b": 1})).starts_with("property \"b\" validation failed"));
    assert!(tried(json!({"x": 1, "a": 1})).starts_with("property \"a\" validation failed"));
    assert_eq!(tried(json!({"x": 1})), "property \"a\" is required");
    assert_eq!(tried(json!({"x": 1, "a": ""})), "property \"c\" is required");
}

#[test]
fn defaults_are_filled_in_where_a_property_is_absent() {
    let schema = json!({"type": "object", "properties": {
        "n": {"default": 0}, "s": {"default": ""}, "b": {"default": false}, "t": {"default": {"x": 1}},
        "kept": {"default": 1}, "null": {"default": null},
        "inner": {"type": "object", "properties": {"d": {"default": [1]}}},
    }});
    assert_eq!(
        filled(&schema, json!({"kept": 2, "inner": []})),
        json!({"n": 0, "s": "", "b": false, "t": {"x": 1}, "kept": 2, "inner": {"d": [1]}})
    );
}

#[test]
fn a_branch_that_matched_has_filled_its_defaults() {
    let schema = json!({"anyOf": [
        {"type": "string"}, {"type": "object", "properties": {"a": {"default": 1}}},
    ]});
    assert_eq!(filled(&schema, json!({})), json!({"a": 1}));
}

#[test]
fn an_empty_table_passes_as_object_and_as_array() {
    assert_eq!(filled(&json!({"type": "object"}), json!([])), json!({}));
    assert_eq!(filled(&json!({"type": "array"}), json!({})), json!([]));
    assert_eq!(filled(&json!({"type": ["array", "object"]}), json!({})), json!({}));
    assert_eq!(filled(&json!({"enum": [[]]}), json!({})), json!({}));
}

#[test]
fn a_whole_number_with_a_fraction_part_becomes_an_integer() {
    assert_eq!(filled(&json!({"type": "integer"}), json!(80.0)).to_string(), "80");
    assert_eq!(filled(&json!({"type": "number"}), json!(80.0)).to_string(), "80.0");
}

#[test]
fn references_skip_schemas_that_take_a_string() {
    assert!(is_reference("$ENV://A") && is_reference("$secret://vault/1/a/b"));
    assert!(
        !is_reference("$SECRET://vault/1/a/b") && !is_reference("$en") && !is_reference("€env://")
    );
    let reference = json!("$env://KEY");
    filled(&json!({"type": "string", "minLength": 128}), reference.clone());
    filled(&json!({"items": {"type": "string", "minLength": 128}}), json!(["$env://KEY"]));
    filled(&json!({"enum": [1]}), reference.clone());
    filled(
        &json!({"oneOf": [{"type": "number"}, {"type": "string", "maxLength": 1}]}),
        reference.clone(),
    );
    error(&json!({"type": "integer"}), reference.clone());
    error(&json!({"type": ["string", "integer"], "maxLength": 1}), reference);
}

#[test]
fn patterns_are_pcre() {
    let matches = |pattern: &str, text: &str| {
        compile(&json!({"pattern": pattern})).validate(&mut json!(text)).is_ok()
    };
    assert!(matches("^(?!/admin)/", "/x") && !matches("^(?!/admin)/", "/admin"));
    assert!(matches(r"(?<=a)b", "ab") && !matches(r"(?<=a)b", "cb"));
    assert!(matches(r"^(.)\1$", "aa") && !matches(r"^(.)\1$", "ab"));
    assert!(!matches(r"^\d$", "٣") && !matches(r"^[\w]$", "ä"));
    assert!(
        matches("^[a-zA-Z0-9-_.]+$", "a-b_c.d") && matches("^[[]$", "[") && matches("^[]]$", "]")
    );
    assert!(
        matches("^[[:alpha:]]+$", "ab") && !matches("^[a&&b]$", "c") && matches("^[a&&b]$", "&")
    );
    assert!(!matches("^a$", "a\n"), "a trailing line feed is no match");
}

#[test]
fn a_schema_may_refer_to_itself_and_depth_is_bounded() {
    let schema = compile(&json!({
        "definitions": {"tree": {"type": "object", "properties": {"next": {"$ref": "#/definitions/tree"}}}},
        "$ref": "#/definitions/tree",
    }));
    let nested = |depth| (0..depth).fold(json!({}), |inner, _| json!({"next": inner}));
    schema.validate(&mut nested(100)).expect("accepted");
    let error = schema.validate(&mut nested(1000)).expect_err("refused");
    assert!(error.message.ends_with("nested more than 128 levels deep"));
}

#[test]
fn shared_blocks_are_inlined_and_what_stands_beside_them_wins() {
    let shared = json!({"definitions": {
        "name": {"type": "string", "minLength": 1},
        "pair": {"properties": {"a": {"$ref": "shared#/definitions/name", "description": "an a"}}},
        "circle": {"$ref": "shared#/definitions/circle"},
    }});
    let with = |document: &Value| expand(document, &[("shared", &shared)]);
    assert_eq!(
        with(&json!({"$ref": "shared#/definitions/pair"})).expect("accepted"),
        json!({"properties": {"a": {"type": "string", "minLength": 1, "description": "an a"}}})
    );
    assert_eq!(with(&json!({"$ref": "#/local"})).expect("accepted"), json!({"$ref": "#/local"}));
    let wrong =
        with(&json!({"items": [{"$ref": "shared#/definitions/nothing"}]})).expect_err("refused");
    assert_eq!(wrong.pointer, "/items/0");
    assert!(with(&json!({"$ref": "shared#/definitions/circle"})).is_err());
}

#[test]
fn a_wrong_schema_is_refused_with_its_place() {
    let rows = [
        (json!({"properties": {"a": {"minLenght": 1}}}), "/properties/a"),
        (json!({"anyOf": [{"type": "text"}]}), "/anyOf/0"),
        (json!({"items": {"pattern": "("}}), "/items"),
        (json!({"$ref": "#/nowhere"}), ""),
        (json!({"minItems": -1}), ""),
        (json!({"properties": []}), ""),
        (json!(1), ""),
    ];
    for (schema, pointer) in rows {
        assert_eq!(Schema::compile(&schema).expect_err("refused").pointer, pointer, "{schema}");
    }
}

#[test]
fn the_nearest_known_name_comes_with_the_error() {
    let schema =
        json!({"properties": {"upstream_id": true, "uri": true}, "additionalProperties": false});
    assert_eq!(error(&schema, json!({"upstrem_id": 1})).nearest.as_deref(), Some("upstream_id"));
    assert_eq!(
        error(&json!({"enum": ["http", "grpc"]}), json!("htpp")).nearest.as_deref(),
        Some("http")
    );
    assert_eq!(nearest("x", ["a", "b"]), Some("a"), "one letter may be another");
    assert_eq!(nearest("Host", ["hosts", "host"]), Some("host"));
    assert_eq!(nearest("completely", ["different"]), None);
}

#[test]
fn the_reason_is_about_the_branch_that_came_closest() {
    let nodes = json!({"properties": {"nodes": {"anyOf": [
        {"type": "object", "additionalProperties": {"minimum": 0}},
        {"type": "array", "items": {"properties": {"weight": {"minimum": 0}}, "required": ["weight"]}},
    ]}}});
    let rows = [
        (json!({"nodes": {"a": -1}}), "/nodes/a", "expected -1 to be at least 0"),
        (json!({"nodes": [{"weight": -1}]}), "/nodes/0/weight", "expected -1 to be at least 0"),
        (json!({"nodes": [{}]}), "/nodes/0", "property \"weight\" is required"),
        (json!({"nodes": 1}), "/nodes", "wrong type: expected object, got number"),
    ];
    for (document, place, reason) in rows {
        let error = error(&nodes, document);
        assert_eq!((error.place.as_str(), error.reason.as_str()), (place, reason));
        assert_eq!(error.pointer, "/nodes");
    }
    let one =
        json!({"if": true, "then": {"oneOf": [{"required": ["a"]}, {"required": ["b", "c"]}]}});
    assert_eq!(error(&one, json!({})).reason, "needs the fields [\"a\"] or [\"b\",\"c\"]");
    let plain = json!({"properties": {"a": {"type": "string"}}});
    assert_eq!(error(&plain, json!({"a": 1})).reason, "wrong type: expected string, got number");
}

#[test]
fn all_unknown_fields_are_found_through_branches_and_items() {
    let schema = compile(&json!({
        "properties": {
            "nodes": {"anyOf": [{"patternProperties": {"^h": true}}, {"items": {"properties": {"host": true}}}]},
            "free": {"type": "object"},
            "checks": {"properties": {"active": {"properties": {"timeout": true}}}},
        },
        "oneOf": [{"properties": {"extra": true}}],
        "additionalProperties": false,
    }));
    let document = json!({
        "nodes": [{"hots": 1}], "free": {"any": 1}, "checks": {"active": {"timeuot": 1}}, "extra": 1, "nods": 1,
    });
    let found = schema.unknown_fields(&document);
    let found: Vec<_> =
        found.iter().map(|f| (f.pointer.as_str(), f.nearest.as_deref(), f.forbidden)).collect();
    assert_eq!(
        found,
        [
            ("/nodes/0/hots", Some("host"), false),
            ("/checks/active/timeuot", Some("timeout"), false),
            ("/nods", Some("nodes"), true),
        ]
    );
}

#[test]
fn numbers_are_written_as_lua_writes_them() {
    let rows = [
        (0.0, "0"),
        (-1.0, "-1"),
        (1.5, "1.5"),
        (100.0, "100"),
        (0.1 + 0.2, "0.3"),
        (1e14, "1e+14"),
        (99_999_999_999_999.0, "99999999999999"),
        (1e-5, "1e-05"),
        (0.000_123, "0.000123"),
        (1.25e300, "1.25e+300"),
    ];
    for (number, text) in rows {
        assert_eq!(lua::number(number), text);
    }
}

#[test]
fn strings_are_quoted_as_lua_quotes_them() {
    assert_eq!(lua::quoted("a\\\"\r1\r\0"), "\"a\\\\\\\"\\0131\\13\\0\"");
}

#[test]
fn a_schema_is_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Schema>();
    shared::<SchemaError>();
}
