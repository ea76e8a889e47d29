//! `graphql_operation`, `graphql_name` and `graphql_root_fields`: what a GraphQL request asks, for
//! `vars`.
//!
//! The query is the parameter `query` of a GET, the member `query` of a JSON body, or a body of
//! `application/graphql`. Of several definitions the first counts, as in APISIX; where that is no
//! operation, or the query has an error, there is nothing to read. Fragments are no root fields.

use apollo_parser::Parser;
use apollo_parser::cst::{Definition, Selection};
use gateway_kit::expr::Value;
use serde_json::Value as Json;

/// Bytes of body that are read for a query: APISIX's default of `graphql.max_size`.
pub(crate) const MAX_SIZE: usize = 1 << 20;
/// Selections within selections; real queries need some ten.
const MAX_DEPTH: usize = 64;
/// Words and signs of a query. Bounds the work, with room for queries of some 100 KiB.
const MAX_TOKENS: usize = 20_000;

/// Which part of the query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// `query`, `mutation` or `subscription`
    Operation,
    /// The operation's name, empty if it has none.
    Name,
    /// The names of the fields at the root, a list.
    RootFields,
}

impl Part {
    /// The part that `name`, without its `graphql_`, stands for.
    pub(crate) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "operation" => Self::Operation,
            "name" => Self::Name,
            "root_fields" => Self::RootFields,
            _ => return None,
        })
    }
}

/// The first operation of a query.
#[derive(Debug, PartialEq)]
pub(crate) struct Graphql {
    operation: &'static str,
    name: String,
    root_fields: Json,
}

impl Graphql {
    /// Reads a query; `None` if it is none.
    pub(crate) fn parse(query: &str) -> Option<Self> {
        if query.len() > MAX_SIZE {
            return None;
        }
        let tree = Parser::new(query).recursion_limit(MAX_DEPTH).token_limit(MAX_TOKENS).parse();
        if tree.errors().len() > 0 {
            return None;
        }
        let Some(Definition::OperationDefinition(first)) = tree.document().definitions().next()
        else {
            return None;
        };
        let operation = match first.operation_type() {
            Some(kind) if kind.mutation_token().is_some() => "mutation",
            Some(kind) if kind.subscription_token().is_some() => "subscription",
            _ => "query",
        };
        let fields = first.selection_set()?.selections().filter_map(|selection| match selection {
            Selection::Field(field) => Some(Json::from(field.name()?.text().to_string())),
            Selection::FragmentSpread(_) | Selection::InlineFragment(_) => None,
        });
        let name = first.name().map(|name| name.text().to_string()).unwrap_or_default();
        Some(Self { operation, name, root_fields: fields.collect() })
    }

    /// One part of it.
    pub(crate) fn part(&self, part: Part) -> Value<'_> {
        match part {
            Part::Operation => self.operation.into(),
            Part::Name => self.name.as_str().into(),
            Part::RootFields => (&self.root_fields).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Graphql, MAX_DEPTH};

    fn parts(query: &str) -> Option<(&'static str, String, serde_json::Value)> {
        Graphql::parse(query).map(|read| (read.operation, read.name, read.root_fields))
    }

    #[test]
    fn an_operation_has_a_kind_a_name_and_root_fields() {
        let query = "query getRepo { owner { name } repo { created } }";
        assert_eq!(parts(query), Some(("query", "getRepo".to_owned(), json!(["owner", "repo"]))));
        let renamed = "mutation($id: ID!) { own: take(id: $id) @fast { id } ...more }";
        assert_eq!(parts(renamed), Some(("mutation", String::new(), json!(["take"]))));
        assert_eq!(parts("{ a }"), Some(("query", String::new(), json!(["a"]))));
        assert_eq!(parts("subscription s { a }").map(|read| read.0), Some("subscription"));
    }

    #[test]
    fn of_several_definitions_the_first_counts() {
        assert_eq!(parts("query a { x } query b { y }").map(|read| read.1).as_deref(), Some("a"));
        assert_eq!(parts("fragment f on T { x } query b { ...f }"), None);
    }

    #[test]
    fn what_is_no_query_or_too_deep_says_nothing() {
        for text in ["", "query", "{", "{ a ", "not graphql", "{ a } }"] {
            assert_eq!(parts(text), None, "{text}");
        }
        let nested = |depth| "{ a ".repeat(depth) + &"}".repeat(depth);
        assert!(parts(&nested(MAX_DEPTH / 2)).is_some());
        assert_eq!(parts(&nested(100_000)), None);
    }
}
