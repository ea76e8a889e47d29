//! APISIX's `vars` expressions, compiled once and evaluated per request.
//!
//! An expression is a list of conditions (all must hold), or a logical operator
//! followed by such; a condition is `[variable, operator, value]`, with `"!"`
//! before the operator to negate it. Operators: `==` `~=` `>` `>=` `<` `<=`
//! `~~` `~*` `in` `has` `ipmatch`; logic: `AND` `OR` `!AND` `!OR`. The meaning
//! is lua-resty-expr 1.3.2's, Lua's typing included.
//!
//! Variables are resolved to whatever the caller finds fastest when the
//! expression is compiled, so that evaluation compares no names.
//!
//! ```
//! use std::borrow::Cow;
//! use gateway_kit::expr::{Expr, Value, Variables};
//! use serde_json::json;
//!
//! struct Query(&'static str);
//! impl Variables<String> for Query {
//!     fn value(&self, name: &String) -> Value<'_> {
//!         let pair = self.0.split('&').filter_map(|pair| pair.split_once('='));
//!         pair.filter(|(key, _)| key == name).map(|(_, value)| value.into()).next().unwrap_or_default()
//!     }
//! }
//!
//! let rule = json!(["OR", ["version", "==", "v2"], ["weight", ">", 10]]);
//! let expr = Expr::compile(&rule, &mut |name| Ok(name.to_owned())).unwrap();
//! assert_eq!(expr.eval(&Query("version=v1&weight=11")), Some(true));
//! assert_eq!(expr.eval(&Query("version=v1")), Some(false));
//! ```
//!
//! What surprises:
//! - A number on the right converts the left (`"08" == 8`); a text on the right
//!   does not convert a typed left (`18 == "18"` is false for a JSON body).
//! - `in` never converts: `["arg_id", "in", [1, 2]]` is always false.
//! - The two-element form `["arg_k", "V"]` lowers its value, as APISIX does.
//! - `["arg_k", "~="]` holds where the variable is present.
//! - A pattern that does not compile is refused; APISIX accepts it and lets it
//!   never match.

mod check;
mod compile;
mod explain;
mod number;
mod pattern;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use serde_json::Value as Json;

use check::Check;

pub use compile::{CompileError, MAX_DEPTH};
pub use explain::Decisive;
pub use pattern::Pattern;

/// The value of a variable for one request.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value<'a> {
    /// The request has no such thing; Lua's `nil`.
    #[default]
    Missing,
    /// Not known yet, for example because it is in a body that has not arrived.
    /// An expression that depends on it evaluates to `None`.
    Pending,
    /// What every nginx variable is.
    Text(Cow<'a, [u8]>),
    /// A typed value: part of a JSON body, or a list for `has`.
    Json(Cow<'a, Json>),
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text.as_bytes()))
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(text: &'a [u8]) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl<'a> From<&'a Json> for Value<'a> {
    fn from(value: &'a Json) -> Self {
        Self::Json(Cow::Borrowed(value))
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Missing, Into::into)
    }
}

/// Where an expression finds its variables; `A` is what their names were
/// resolved to.
pub trait Variables<A> {
    /// The value of one variable.
    fn value(&self, variable: &A) -> Value<'_>;
}

/// A compiled expression; see the [module](self).
#[derive(Debug)]
pub struct Expr<A> {
    /// `None` for the empty list, which always holds.
    root: Option<Node<A>>,
}

#[derive(Debug)]
enum Node<A> {
    Group {
        /// One suffices; else all are needed.
        any: bool,
        negated: bool,
        nodes: Box<[Node<A>]>,
        /// Where the first of them stands in the list as written: behind the operator, if any.
        first: u8,
    },
    Test {
        variable: A,
        negated: bool,
        check: Check,
    },
}

impl<A> Expr<A> {
    /// Whether the expression holds; `None` if that hangs on a variable that
    /// is [`Value::Pending`]. Conditions are looked at in their order and only
    /// as far as needed, so a condition that decides before a pending one
    /// decides.
    pub fn eval(&self, variables: &impl Variables<A>) -> Option<bool> {
        self.root.as_ref().map_or(Some(true), |root| root.eval(variables))
    }

    /// Every variable the expression may ask for, in order, repeats included.
    pub fn variables(&self) -> impl Iterator<Item = &A> {
        let mut todo: Vec<&Node<A>> = self.root.iter().collect();
        std::iter::from_fn(move || {
            loop {
                match todo.pop()? {
                    Node::Group { nodes, .. } => todo.extend(nodes.iter().rev()),
                    Node::Test { variable, .. } => return Some(variable),
                }
            }
        })
    }
}

impl<A> Node<A> {
    fn eval(&self, variables: &impl Variables<A>) -> Option<bool> {
        match self {
            Self::Test { variable, negated, check } => {
                Some(check.holds(&variables.value(variable))? != *negated)
            }
            Self::Group { any, negated, nodes, .. } => {
                for node in nodes {
                    if node.eval(variables)? == *any {
                        return Some(any != negated);
                    }
                }
                Some(any == negated)
            }
        }
    }
}
