//! What a consistent hash is taken of.

use gateway_core::config::HashKey;
use gateway_kit::expr::{Value, Variables};
use gateway_kit::ketama;
use gateway_kit::template::Template;

use crate::variables::post::unescape;
use crate::variables::{Fixed, Variable, View};

/// The key of requests: what `hash_on` and `key` name.
#[derive(Debug)]
pub(crate) enum Key {
    /// The client's address. It is also what counts for a request without the key.
    RemoteAddress,
    /// A variable. Headers, cookies and the consumer's name are some.
    Variable(Variable),
    /// A text with variables in it.
    Combination(Template<Variable>),
}

impl Key {
    /// The key that a document names.
    pub(super) fn new(key: &HashKey) -> Self {
        let variable = match key {
            HashKey::Variable(name) => Variable::of(name),
            HashKey::Header(name) => Variable::of(&format!("http_{}", name.to_ascii_lowercase())),
            HashKey::Cookie(name) => Variable::of(&format!("cookie_{name}")),
            HashKey::Consumer => Variable::of("consumer_name"),
            HashKey::Combination(text) => {
                return Self::Combination(Template::interpolate(text, &mut Variable::of));
            }
        };
        match variable {
            Variable::Fixed(Fixed::RemoteAddr) => Self::RemoteAddress,
            variable => Self::Variable(variable),
        }
    }

    /// The request's place on a ring. A key that is missing or empty, and a combination of which
    /// every variable is missing, is replaced by the client's address, as in APISIX.
    pub(super) fn hash(&self, view: &View<'_>) -> u32 {
        match self {
            Self::RemoteAddress => None,
            Self::Variable(variable) => match (variable, view.value(variable)) {
                (_, Value::Text(text)) if text.is_empty() => None,
                // APISIX decodes parameters, which nginx's own variable leaves as they are.
                (Variable::Arg(_), Value::Text(text)) => Some(ketama::hash(&unescape(&text))),
                (_, Value::Text(text)) => Some(ketama::hash(&text)),
                _ => None,
            },
            Self::Combination(template) => {
                let mut text = Vec::new();
                (template.render(view, &mut text) > 0).then(|| ketama::hash(&text))
            }
        }
        .unwrap_or_else(|| ketama::hash(view.exchange.remote_text(view.client).as_bytes()))
    }
}
