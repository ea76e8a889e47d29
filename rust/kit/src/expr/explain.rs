//! Why an expression holds or does not: the conditions that decided.

use super::{Expr, Node, Value, Variables};

/// A condition whose outcome decided that of the expression.
#[derive(Debug)]
pub struct Decisive<'v> {
    /// Where it stands, as indices from the outermost list: `[1]` for its second element.
    pub path: Vec<usize>,
    /// What its variable was.
    pub found: Value<'v>,
    /// Whether it holds; `None` while the variable is [`Value::Pending`].
    pub holds: Option<bool>,
}

impl<A> Expr<A> {
    /// The conditions that decide an expression for one request, in order: of `AND` that fails, the
    /// first that fails; of `OR` that fails, all of them. Costs allocations, so it is for people,
    /// not for the request path.
    ///
    /// ```
    /// use gateway_kit::expr::{Expr, Value, Variables};
    /// use serde_json::json;
    ///
    /// struct One;
    /// impl Variables<String> for One {
    ///     fn value(&self, _: &String) -> Value<'_> { "1".into() }
    /// }
    /// let rule = json!([["a", "==", "1"], ["b", "==", "2"]]);
    /// let expr = Expr::compile(&rule, &mut |name| Ok(name.to_owned())).unwrap();
    /// let decisive = expr.explain(&One);
    /// assert_eq!((decisive[0].path.as_slice(), decisive[0].holds), (&[1][..], Some(false)));
    /// ```
    pub fn explain<'v>(&self, variables: &'v impl Variables<A>) -> Vec<Decisive<'v>> {
        let mut decisive = Vec::new();
        if let Some(root) = &self.root {
            root.explain(variables, &mut Vec::new(), &mut decisive);
        }
        decisive
    }
}

impl<A> Node<A> {
    /// As [`Node::eval`], with what decided added to `decisive`.
    fn explain<'v>(
        &self,
        variables: &'v impl Variables<A>,
        path: &mut Vec<usize>,
        decisive: &mut Vec<Decisive<'v>>,
    ) -> Option<bool> {
        match self {
            Self::Test { variable, negated, check } => {
                let found = variables.value(variable);
                let holds = check.holds(&found).map(|holds| holds != *negated);
                decisive.push(Decisive { path: path.clone(), found, holds });
                holds
            }
            Self::Group { any, negated, nodes, first } => {
                let start = decisive.len();
                for (index, node) in nodes.iter().enumerate() {
                    let before = decisive.len();
                    path.push(index + usize::from(*first));
                    let outcome = node.explain(variables, path, decisive);
                    path.pop();
                    // It decides alone: what came before it did not.
                    if outcome.is_none_or(|holds| holds == *any) {
                        decisive.drain(start..before);
                        return outcome.map(|_| any != negated);
                    }
                }
                Some(any == negated)
            }
        }
    }
}
