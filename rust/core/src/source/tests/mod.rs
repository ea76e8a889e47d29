mod files;
mod json;
mod variables;
mod yaml;

use serde_json::Value;

use super::{Format, Problem, parse};

fn nothing(_: &str) -> Option<String> {
    None
}

fn parsed(text: &str, format: Format) -> Value {
    parse(text, format, &nothing).expect("parses").0
}

/// `line:column: message` of what does not parse.
fn mistake(text: &str, format: Format) -> String {
    let Problem { line, column, message, .. } =
        parse(text, format, &nothing).expect_err("does not parse");
    format!("{line}:{column}: {message}")
}
