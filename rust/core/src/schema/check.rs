//! The walk over a document: which rule fails first, and in which words.

use serde_json::{Map, Number, Value};

use super::error::SchemaError;
use super::node::{
    Additional, ArrayRules, Branches, Conditional, Dependency, Items, Node, NodeId, NumberRules,
    ObjectRules, Rules, StringRules, TypeSet, Types,
};
use super::{MAX_DEPTH, equal, is_reference, lua, nearest};

/// What failed: the text so far, and the way to the value, innermost segment first.
pub(super) struct Failure {
    pub(super) message: String,
    pub(super) path: Vec<String>,
    pub(super) nearest: Option<String>,
    /// Where in `message`, after the steps that lead there, it says what is wrong.
    pub(super) reason_at: usize,
    /// What is wrong with the branch that came closest, and the way there from `path`.
    pub(super) closer: Option<Box<Closer>>,
}

/// What is wrong in a branch, and the way there.
pub(super) struct Closer {
    pub(super) reason: String,
    pub(super) path: Vec<String>,
}

impl Failure {
    fn new(message: String) -> Self {
        Self { message, path: Vec::new(), nearest: None, reason_at: 0, closer: None }
    }

    /// The innermost of what is wrong, and the way there from the outermost value.
    pub(super) fn into_closer(self) -> Closer {
        if let Some(mut closer) = self.closer {
            closer.path.extend(self.path);
            return *closer;
        }
        Closer { reason: self.message[self.reason_at..].to_owned(), path: self.path }
    }
}

type Checked = Result<(), Failure>;

/// One validation, or one branch of it.
pub(super) struct Checker<'a> {
    nodes: &'a [Node],
    /// Off in branches whose error nobody will read: then no text is made.
    explain: bool,
    depth: usize,
}

impl<'a> Checker<'a> {
    pub(super) fn new(nodes: &'a [Node]) -> Self {
        Self { nodes, explain: true, depth: 0 }
    }

    pub(super) fn run(&self, document: &mut Value) -> Result<(), SchemaError> {
        self.check(0, document).map_err(SchemaError::from)
    }

    fn fail(&self, message: impl FnOnce() -> String) -> Checked {
        Err(Failure::new(if self.explain { message() } else { String::new() }))
    }

    /// Checks a value inside this one; its failure is told after `prefix`, at `segment`.
    fn inner(
        &self,
        id: NodeId,
        value: &mut Value,
        prefix: impl FnOnce() -> String,
        segment: impl FnOnce() -> Option<String>,
    ) -> Checked {
        self.check(id, value).map_err(|mut failure| {
            if self.explain {
                let prefix = prefix();
                failure.message.insert_str(0, &prefix);
                failure.reason_at += prefix.len();
                failure.path.extend(segment());
            }
            failure
        })
    }

    /// Whether a branch holds; why not is not asked.
    fn holds(&self, id: NodeId, value: &mut Value) -> bool {
        Checker { explain: false, ..*self }.check(id, value).is_ok()
    }

    fn check(&self, id: NodeId, value: &mut Value) -> Checked {
        let rules = match &self.nodes[id] {
            Node::Always => return Ok(()),
            Node::Never => return self.fail(|| "expect false always".into()),
            Node::Rules(rules) => rules,
        };
        if self.depth >= MAX_DEPTH {
            return self.fail(|| format!("nested more than {MAX_DEPTH} levels deep"));
        }
        Checker { depth: self.depth + 1, ..*self }.rules(rules, value)
    }

    fn rules(&self, rules: &Rules, value: &mut Value) -> Checked {
        let takes_text = rules.types.as_ref().is_none_or(|types| types.only_string);
        if takes_text && value.as_str().is_some_and(is_reference) {
            return Ok(());
        }
        if let Some(types) = &rules.types {
            self.types(types, value)?;
        }
        if let Some(object) = &rules.object
            && (value.is_object() || is_empty_table(value))
        {
            self.object(object, value)?;
        }
        if rules.must_be_empty && !is_empty_table(value) {
            return self.fail(|| "the input data should be an empty table".into());
        }
        if let Some(array) = &rules.array {
            match array.items {
                Items::True => return Ok(()),
                Items::False if is_empty_table(value) => return Ok(()),
                Items::False => return self.fail(|| "expect false always".into()),
                _ => self.array(array, value)?,
            }
        }
        match value {
            Value::String(text) => self.string(rules.string.as_ref(), text)?,
            Value::Number(n) => self.number(rules.number.as_ref(), n.as_f64().unwrap_or(0.0))?,
            _ => {}
        }
        self.allowed(rules.allowed.as_deref(), value)?;
        self.combined(rules, value)?;
        self.last(rules, value)
    }

    fn types(&self, types: &Types, value: &mut Value) -> Checked {
        let set = types.set;
        let holds = match value {
            Value::Null => set.has(TypeSet::NULL),
            Value::Bool(_) => set.has(TypeSet::BOOLEAN),
            Value::String(_) => set.has(TypeSet::STRING),
            Value::Number(n) => {
                set.has(TypeSet::NUMBER) || set.has(TypeSet::INTEGER) && make_whole(n)
            }
            Value::Array(items) => {
                set.has(TypeSet::ARRAY) || set.has(TypeSet::OBJECT) && items.is_empty()
            }
            Value::Object(members) => {
                set.has(TypeSet::OBJECT) || set.has(TypeSet::ARRAY) && members.is_empty()
            }
        };
        if !holds {
            let got = lua::type_name(value);
            return self.fail(|| format!("wrong type: expected {}, got {got}", types.expected));
        }
        // Lua has one empty table; the decoder after us has two.
        match value {
            Value::Array(_) if !set.has(TypeSet::ARRAY) => *value = Value::Object(Map::new()),
            Value::Object(_) if !set.has(TypeSet::OBJECT) => *value = Value::Array(Vec::new()),
            _ => {}
        }
        Ok(())
    }

    fn object(&self, rules: &ObjectRules, value: &mut Value) -> Checked {
        for property in &rules.properties {
            let name = property.name.as_str();
            if let Some(member) = value.get_mut(name) {
                self.inner(
                    property.schema,
                    member,
                    || format!("property \"{name}\" validation failed: "),
                    || Some(name.to_owned()),
                )?;
                if let Some(dependency) = &property.dependency {
                    self.dependency(name, dependency, value)?;
                }
            } else if property.required {
                return self.fail(|| format!("property \"{name}\" is required"));
            } else if let Some(default) = &property.default {
                members_of(value).insert(name.to_owned(), default.clone());
            }
        }
        if let Some(name) = rules.required.iter().find(|name| value.get(name.as_str()).is_none()) {
            return self.fail(|| format!("property \"{name}\" is required"));
        }
        for (name, dependency) in &rules.dependencies {
            if value.get(name).is_some() {
                self.dependency(name, dependency, value)?;
            }
        }
        let Value::Object(members) = value else { return self.counts(rules, 0) };
        let checks_each =
            !rules.patterns.is_empty() || !matches!(rules.additional, Additional::Allowed);
        if checks_each {
            members.iter_mut().try_for_each(|(name, member)| self.member(rules, name, member))?;
        }
        self.counts(rules, members.len())
    }

    fn dependency(&self, name: &str, dependency: &Dependency, value: &mut Value) -> Checked {
        match dependency {
            Dependency::Names(names) => {
                match names.iter().find(|n| value.get(n.as_str()).is_none()) {
                    Some(missing) => self.fail(|| {
                        format!("property \"{missing}\" is required when \"{name}\" is set")
                    }),
                    None => Ok(()),
                }
            }
            Dependency::Schema(id) => self.inner(
                *id,
                value,
                || format!("failed to validate dependent schema for \"{name}\": "),
                || None,
            ),
        }
    }

    /// `patternProperties`, then `additionalProperties`, for one member.
    fn member(&self, rules: &ObjectRules, name: &str, member: &mut Value) -> Checked {
        let mut matched = false;
        for rule in &rules.patterns {
            // A pattern that gives up (too much backtracking) has not matched.
            if rule.pattern.regex.is_match(name).unwrap_or(false) {
                matched = true;
                self.inner(
                    rule.schema,
                    member,
                    || {
                        format!(
                            "failed to validate {name} (matching \"{}\"): ",
                            rule.pattern.source
                        )
                    },
                    || Some(name.to_owned()),
                )?;
            }
        }
        if matched || rules.declared.contains(name) {
            return Ok(());
        }
        match rules.additional {
            Additional::Allowed => Ok(()),
            Additional::Schema(id) => self.inner(
                id,
                member,
                || format!("failed to validate additional property {name}: "),
                || Some(name.to_owned()),
            ),
            Additional::Forbidden if !self.explain => self.fail(String::new),
            Additional::Forbidden => {
                let known = rules.declared.iter().map(AsRef::as_ref);
                Err(Failure {
                    path: vec![name.to_owned()],
                    nearest: nearest(name, known).map(str::to_owned),
                    ..Failure::new(format!("additional properties forbidden, found {name}"))
                })
            }
        }
    }

    fn counts(&self, rules: &ObjectRules, count: usize) -> Checked {
        if let Some(n) = rules.min_properties.filter(|n| count < *n) {
            return self.fail(|| format!("expect object to have at least {n} properties"));
        }
        if let Some(n) = rules.max_properties.filter(|n| count > *n) {
            return self.fail(|| format!("expect object to have at most {n} properties"));
        }
        Ok(())
    }

    fn array(&self, rules: &ArrayRules, value: &mut Value) -> Checked {
        let mut none = Vec::new();
        let items = match value {
            Value::Array(items) => items,
            Value::Object(members) if members.is_empty() => &mut none,
            _ => return Ok(()),
        };
        if let Some(n) = rules.min_items.filter(|n| items.len() < *n) {
            return self.fail(|| format!("expect array to have at least {n} items"));
        }
        if let Some(n) = rules.max_items.filter(|n| items.len() > *n) {
            return self.fail(|| format!("expect array to have at most {n} items"));
        }
        match &rules.items {
            Items::Each(id) => {
                items
                    .iter_mut()
                    .enumerate()
                    .try_for_each(|(i, item)| self.item(*id, i, "item", item))?;
            }
            Items::Tuple(ids, additional) => self.tuple(ids, additional, items)?,
            Items::Any | Items::True | Items::False => {}
        }
        if rules.unique
            && let Some((i, j)) = equal::repeated(items)
        {
            return self.fail(|| format!("expected unique items but items {i} and {j} are equal"));
        }
        Ok(())
    }

    fn item(&self, id: NodeId, i: usize, what: &str, item: &mut Value) -> Checked {
        self.inner(
            id,
            item,
            || format!("failed to validate {what} {}: ", i + 1),
            || Some(i.to_string()),
        )
    }

    fn tuple(&self, ids: &[NodeId], additional: &Additional, items: &mut [Value]) -> Checked {
        for (i, item) in items.iter_mut().enumerate() {
            match (ids.get(i), additional) {
                (Some(id), _) => self.item(*id, i, "item", item)?,
                (None, Additional::Allowed) => return Ok(()),
                (None, Additional::Forbidden) => {
                    return self.fail(|| "found unexpected extra items in array".into());
                }
                (None, Additional::Schema(id)) => self.item(*id, i, "additional item", item)?,
            }
        }
        Ok(())
    }

    fn string(&self, rules: Option<&StringRules>, text: &str) -> Checked {
        let Some(rules) = rules else { return Ok(()) };
        if rules.min_length.is_some() || rules.max_length.is_some() {
            let length = text.chars().count();
            if let Some(n) = rules.min_length.filter(|n| length < *n) {
                return self
                    .fail(|| format!("string too short, expected at least {n}, got {length}"));
            }
            if let Some(n) = rules.max_length.filter(|n| length > *n) {
                return self
                    .fail(|| format!("string too long, expected at most {n}, got {length}"));
            }
        }
        match &rules.pattern {
            Some(pattern) if !pattern.regex.is_match(text).unwrap_or(false) => self.fail(|| {
                let pattern = lua::quoted(&pattern.source);
                format!("failed to match pattern {pattern} with {}", lua::quoted(text))
            }),
            _ => Ok(()),
        }
    }

    fn number(&self, rules: Option<&NumberRules>, value: f64) -> Checked {
        let Some(rules) = rules else { return Ok(()) };
        let expected = |relation: &str, limit: f64| {
            let (value, limit) = (lua::number(value), lua::number(limit));
            self.fail(|| format!("expected {value} to be {relation} {limit}"))
        };
        if let Some(limit) = rules.minimum.filter(|limit| value < *limit) {
            return expected("at least", limit);
        }
        if let Some(limit) = rules.exclusive_minimum.filter(|limit| value <= *limit) {
            return expected("greater than", limit);
        }
        if let Some(limit) = rules.maximum.filter(|limit| value > *limit) {
            return expected("at most", limit);
        }
        if let Some(limit) = rules.exclusive_maximum.filter(|limit| value >= *limit) {
            return expected("smaller than", limit);
        }
        if let Some(limit) = rules.multiple_of.filter(|limit| !is_multiple(value, *limit)) {
            return expected("a multiple of", limit);
        }
        Ok(())
    }

    fn allowed(&self, allowed: Option<&[Value]>, value: &Value) -> Checked {
        let Some(allowed) = allowed else { return Ok(()) };
        if allowed.iter().any(|one| equal::equal(one, value)) {
            return Ok(());
        }
        self.fail(|| "matches none of the enum values".into()).map_err(|mut failure| {
            if self.explain
                && let Some(text) = value.as_str()
            {
                let known = allowed.iter().filter_map(Value::as_str);
                failure.nearest = nearest(text, known).map(str::to_owned);
            }
            failure
        })
    }

    /// `allOf`, `anyOf`, `oneOf`, `if`, `not`.
    fn combined(&self, rules: &Rules, value: &mut Value) -> Checked {
        for (i, id) in rules.all_of.iter().enumerate() {
            self.inner(*id, value, || format!("allOf {} failed: ", i + 1), || None)?;
        }
        if let Some(Branches { nodes, hint }) = &rules.any_of
            && !nodes.iter().any(|id| self.holds(*id, value))
        {
            let colon = if hint.is_empty() { "" } else { ": " };
            return self
                .fail(|| format!("object matches none of the required{colon}{hint}"))
                .map_err(|failure| self.explained(failure, nodes, hint, value));
        }
        if let Some(branches) = &rules.one_of {
            self.one_of(branches, value)?;
        }
        if let Some(Conditional { condition, then, otherwise }) = &rules.conditional {
            let holds = self.holds(*condition, value);
            let (branch, name) = if holds { (then, "then") } else { (otherwise, "else") };
            if let Some(id) = branch.filter(|id| !self.holds(*id, value)) {
                return self
                    .fail(|| format!("{name} clause did not match"))
                    .map_err(|failure| self.explained(failure, &[id], "", value));
            }
        }
        match rules.not {
            Some(id) if self.holds(id, value) => {
                self.fail(|| "value wasn't supposed to match schema".into())
            }
            _ => Ok(()),
        }
    }

    fn one_of(&self, Branches { nodes, hint }: &Branches, value: &mut Value) -> Checked {
        let mut matched = None;
        for (i, id) in nodes.iter().enumerate() {
            if self.holds(*id, value)
                && let Some(first) = matched.replace(i + 1)
            {
                let second = i + 1;
                return self.fail(|| {
                    format!(
                        "value should match only one schema, \
                         but matches both schemas {first} and {second}"
                    )
                });
            }
        }
        if matched.is_some() {
            return Ok(());
        }
        self.fail(|| "value should match only one schema, but matches none".into())
            .map_err(|failure| self.explained(failure, nodes, hint, value))
    }

    /// Says of a failure without a place which fields would do, or what is wrong with the branch
    /// that came closest: the one that failed deepest, a wrong type counting least.
    fn explained(
        &self,
        mut failure: Failure,
        branches: &[NodeId],
        hint: &str,
        value: &mut Value,
    ) -> Failure {
        if !self.explain {
            return failure;
        }
        if !hint.is_empty() {
            let reason = format!("needs the fields {hint}");
            failure.closer = Some(Box::new(Closer { reason, path: Vec::new() }));
            return failure;
        }
        let failures = branches.iter().filter_map(|id| self.check(*id, value).err());
        let rank = |failure: &Failure| {
            let is_wrong_type = failure.message.starts_with("wrong type");
            let deeper = failure.closer.as_ref().map_or(0, |closer| closer.path.len());
            (failure.path.len() + deeper, !is_wrong_type)
        };
        // Of equals, the one written first.
        let closest =
            failures.reduce(|best, next| if rank(&next) > rank(&best) { next } else { best });
        if let Some(mut closest) = closest {
            failure.nearest = closest.nearest.take();
            failure.closer = Some(Box::new(closest.into_closer()));
        }
        failure
    }

    /// `propertyNames`, `format`, `const`, `contains`.
    fn last(&self, rules: &Rules, value: &mut Value) -> Checked {
        if let (Some(id), Value::Object(members)) = (rules.property_names, &*value) {
            for name in members.keys() {
                self.inner(id, &mut Value::from(name.as_str()), String::new, || {
                    Some(name.clone())
                })?;
            }
        }
        if let (Some(format), Value::String(text)) = (rules.format, &*value)
            && !format.matches(text)
        {
            return self.fail(|| format!("expect valid {} format but got: {text}", format.name()));
        }
        if rules.constant.as_ref().is_some_and(|constant| !equal::equal(constant, value)) {
            return self.fail(|| "failed to check const value".into());
        }
        let Some(id) = rules.contains else { return Ok(()) };
        if is_empty_table(value) {
            return self.fail(|| "check contains: empty array is invalid".into());
        }
        if let Value::Array(items) = value
            && !items.iter_mut().any(|item| self.holds(id, item))
        {
            return self.fail(|| "failed to check contains".into());
        }
        Ok(())
    }
}

/// Lua's empty table, which is an object and an array.
fn is_empty_table(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

/// The members of an object, which an empty array becomes when it gets its first.
fn members_of(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().expect("it has just been made an object")
}

/// Whether a number is whole; one that is and was written as a fraction (`1.0`) is rewritten.
fn make_whole(number: &mut Number) -> bool {
    if number.is_i64() || number.is_u64() {
        return true;
    }
    let Some(value) = number.as_f64() else { return false };
    if value.fract() != 0.0 {
        return false;
    }
    // Beyond 2^63 a number stays what it is: its digits would be made up.
    if value.abs() < 9.2e18 {
        *number = Number::from(value as i64);
    }
    true
}

fn is_multiple(value: f64, of: f64) -> bool {
    if of.fract() == 0.0 { value % of == 0.0 } else { (value / of).fract() == 0.0 }
}
