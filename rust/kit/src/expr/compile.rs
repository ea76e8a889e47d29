//! From the JSON of a `vars` field to an [`Expr`], refusing what
//! lua-resty-expr refuses, in its words.

use std::fmt;

use serde_json::Value as Json;

use super::check::{Check, Order};
use super::number::{to_number, to_text};
use super::pattern::Pattern;
use super::{Expr, Node};
use crate::ip_set::IpSet;

/// Groups may nest this deep. APISIX has no limit of its own; real rules need
/// three or four.
pub const MAX_DEPTH: usize = 32;

/// Why an expression is refused. Displays as the message alone, which is what
/// APISIX answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileError {
    /// What is wrong, in lua-resty-expr's words where it has any.
    pub message: String,
    /// Which part, as indices from the outermost list: the third element of
    /// the second condition is `[1, 2]`.
    pub path: Vec<usize>,
}

impl CompileError {
    /// The part as a JSON pointer relative to the expression: `/1/2`.
    pub fn pointer(&self) -> String {
        self.path.iter().fold(String::new(), |pointer, index| format!("{pointer}/{index}"))
    }
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CompileError {}

/// What turns a variable's name into what the request path uses, or says why
/// there is no such variable.
type Resolve<'r, A> = &'r mut dyn FnMut(&str) -> Result<A, String>;

impl<A> Expr<A> {
    /// Compile the value of a `vars` field. `resolve` is called once for each
    /// mention of a variable.
    ///
    /// # Errors
    /// The first part that is no expression, or that `resolve` refuses.
    pub fn compile(rules: &Json, resolve: Resolve<'_, A>) -> Result<Self, CompileError> {
        let mut compiler = Compiler { resolve, path: Vec::new() };
        let Json::Array(list) = rules else {
            return Err(compiler.error("rule should be wrapped inside brackets"));
        };
        let Some(first) = list.first() else {
            return Ok(Self { root: None });
        };
        if !is_list(first) && Logic::parse(first).is_none() {
            return Err(compiler.error("rule should be wrapped inside brackets"));
        }
        compiler.node(rules).map(|root| Self { root: Some(root) })
    }
}

/// A leading logical operator.
struct Logic {
    any: bool,
    negated: bool,
}

impl Logic {
    fn parse(element: &Json) -> Option<Self> {
        let (any, negated) = match element.as_str()?.to_ascii_uppercase().as_str() {
            "AND" => (false, false),
            "OR" => (true, false),
            "!AND" => (false, true),
            "!OR" => (true, true),
            _ => return None,
        };
        Some(Self { any, negated })
    }
}

/// Lua has one kind of table for both.
fn is_list(element: &Json) -> bool {
    element.is_array() || element.is_object()
}

struct Compiler<'r, A> {
    resolve: Resolve<'r, A>,
    /// Where we are.
    path: Vec<usize>,
}

impl<A> Compiler<'_, A> {
    fn error(&self, message: impl Into<String>) -> CompileError {
        CompileError { message: message.into(), path: self.path.clone() }
    }

    fn error_at(&self, index: usize, message: impl Into<String>) -> CompileError {
        let mut error = self.error(message);
        error.path.push(index);
        error
    }

    fn node(&mut self, rules: &Json) -> Result<Node<A>, CompileError> {
        if self.path.len() > MAX_DEPTH {
            return Err(self.error(format!("expression nested deeper than {MAX_DEPTH} levels")));
        }
        let list: &[Json] = match rules {
            Json::Array(list) => list,
            // A table without a first element.
            Json::Object(_) => &[],
            _ => return Err(self.error("invalid expression")),
        };
        let first = list.first().ok_or_else(|| self.error("rule too short"))?;
        if is_list(first) {
            return self.group(list, 0, &Logic { any: false, negated: false });
        }
        if let Some(logic) = Logic::parse(first) {
            if list.len() <= 2 {
                return Err(self.error("rule too short"));
            }
            return self.group(list, 1, &logic);
        }
        self.test(list)
    }

    fn group(
        &mut self,
        list: &[Json],
        from: usize,
        logic: &Logic,
    ) -> Result<Node<A>, CompileError> {
        let mut nodes = Vec::with_capacity(list.len() - from);
        for (index, rules) in list.iter().enumerate().skip(from) {
            self.path.push(index);
            nodes.push(self.node(rules)?);
            self.path.pop();
        }
        Ok(Node::Group {
            any: logic.any,
            negated: logic.negated,
            nodes: nodes.into_boxed_slice(),
            first: from as u8,
        })
    }

    fn test(&mut self, list: &[Json]) -> Result<Node<A>, CompileError> {
        let (operator_at, mut negated) = match list.len() {
            4 if list[1].as_str() == Some("!") => (2, true),
            4 => return Err(self.error("bad 'not' expression")),
            _ => (1, false),
        };
        let operator = match list.get(operator_at) {
            Some(Json::String(text)) => text.to_ascii_lowercase(),
            Some(Json::Number(number)) => to_text(number),
            Some(_) => return Err(self.error_at(operator_at, "invalid expression")),
            None => return Err(self.error("invalid expression")),
        };
        let right = list.get(operator_at + 1);
        let check = match Operator::parse(&operator) {
            Some(operator) => {
                negated ^= matches!(operator, Operator::NotEqual);
                operator
                    .check(right.unwrap_or(&Json::Null))
                    .map_err(|message| self.error_at(operator_at + 1, message))?
            }
            // `[variable, value]`: Lua lowered the value on the way here.
            None if right.is_none() => Check::Equals(Json::String(operator)),
            None => {
                let message = format!("invalid operator '{operator}'");
                return Err(self.error_at(operator_at, message));
            }
        };
        let name = list[0].as_str().ok_or_else(|| self.error_at(0, "invalid expression"))?;
        let variable = (self.resolve)(name).map_err(|message| self.error_at(0, message))?;
        Ok(Node::Test { variable, negated, check })
    }
}

enum Operator {
    Equal,
    NotEqual,
    Ordered(Order),
    Matches { ignore_case: bool },
    In,
    Has,
    IpMatch,
}

impl Operator {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "==" => Self::Equal,
            "~=" => Self::NotEqual,
            "<" => Self::Ordered(Order::Less),
            "<=" => Self::Ordered(Order::LessOrEqual),
            ">" => Self::Ordered(Order::Greater),
            ">=" => Self::Ordered(Order::GreaterOrEqual),
            "~~" => Self::Matches { ignore_case: false },
            "~*" => Self::Matches { ignore_case: true },
            "in" => Self::In,
            "has" => Self::Has,
            "ipmatch" => Self::IpMatch,
            _ => return None,
        })
    }

    fn check(self, right: &Json) -> Result<Check, String> {
        Ok(match self {
            Self::Equal | Self::NotEqual => equality(right),
            Self::Ordered(order) => match number(right) {
                Some(bound) => Check::Ordered(order, bound),
                None => Check::Never,
            },
            Self::Matches { ignore_case } => match right {
                Json::String(text) => Check::Matches(Pattern::new(text, ignore_case)?),
                Json::Number(number) => {
                    Check::Matches(Pattern::new(&to_text(number), ignore_case)?)
                }
                _ => return Err("invalid regular expression: not a string".to_owned()),
            },
            Self::In => match right {
                Json::Array(items) => membership(items),
                _ => Check::Never,
            },
            // A list never holds Lua's nil.
            Self::Has if right.is_null() => Check::Never,
            Self::Has => Check::Has(right.clone()),
            Self::IpMatch => Check::InNetwork(networks(right)?),
        })
    }
}

fn equality(right: &Json) -> Check {
    match right {
        Json::Null => Check::IsMissing,
        Json::Number(number) => number.as_f64().map_or(Check::Never, Check::EqualsNumber),
        Json::Bool(_) | Json::String(_) => Check::Equals(right.clone()),
        Json::Array(_) | Json::Object(_) => Check::Never,
    }
}

fn number(right: &Json) -> Option<f64> {
    match right {
        Json::Number(number) => number.as_f64(),
        Json::String(text) => to_number(text.as_bytes()),
        _ => None,
    }
}

fn membership(items: &[Json]) -> Check {
    let mut texts: Vec<Box<str>> = items.iter().filter_map(Json::as_str).map(Into::into).collect();
    texts.sort_unstable();
    let others = items.iter().filter(|item| !item.is_string()).cloned().collect();
    Check::In { texts: texts.into_boxed_slice(), others }
}

fn networks(right: &Json) -> Result<IpSet, String> {
    const INVALID: &str = "invalid ip address";
    let items = match right {
        Json::Array(items) if !items.is_empty() => items,
        Json::String(text) if !text.is_empty() => std::slice::from_ref(right),
        _ => return Err(INVALID.to_owned()),
    };
    let texts: Option<Vec<&str>> = items.iter().map(Json::as_str).collect();
    IpSet::parse(texts.ok_or(INVALID)?).map_err(|error| error.to_string())
}
