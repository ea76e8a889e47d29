//! From a schema document to nodes.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::error::{CompileError, push_segment};
use super::format::Format;
use super::lua;
use super::node::{
    Additional, ArrayRules, Branches, Conditional, Dependency, Items, Node, NodeId, NumberRules,
    ObjectRules, Pattern, PatternProperty, Property, Rules, StringRules, TypeSet, Types,
};
use super::{MAX_DEPTH, Schema, pattern};

/// Keywords that say nothing about validity. `x-…` is free, too.
const ANNOTATIONS: &[&str] = &[
    "$comment",
    "$defs",
    "$id",
    "$schema",
    "contentEncoding",
    "contentMediaType",
    "default",
    "definitions",
    "deprecated",
    "description",
    "encrypt_fields",
    "examples",
    "id",
    "readOnly",
    "title",
    "writeOnly",
];

/// Keywords that a rule is made of.
const KEYWORDS: &[&str] = &[
    "additionalItems",
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "contains",
    "dependencies",
    "else",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "if",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "not",
    "oneOf",
    "pattern",
    "patternProperties",
    "properties",
    "propertyNames",
    "required",
    "then",
    "type",
    "uniqueItems",
];

type Members = Map<String, Value>;

pub(super) fn compile(document: &Value) -> Result<Schema, CompileError> {
    let mut compiler = Compiler::new(document);
    compiler.node(document)?;
    let nodes = compiler.nodes.into_iter().map(|node| node.expect("every node reserved is filled"));
    Ok(Schema { nodes: nodes.collect() })
}

struct Compiler<'a> {
    document: &'a Value,
    nodes: Vec<Option<Node>>,
    /// What each `$ref` in the document became: a schema may refer to itself.
    references: HashMap<String, NodeId>,
    patterns: HashMap<String, Pattern>,
    /// JSON pointer to where the compiler is.
    at: String,
    depth: usize,
}

impl<'a> Compiler<'a> {
    fn new(document: &'a Value) -> Self {
        Self {
            document,
            nodes: Vec::new(),
            references: HashMap::new(),
            patterns: HashMap::new(),
            at: String::new(),
            depth: 0,
        }
    }

    fn wrong<T>(&self, message: impl Into<String>) -> Result<T, CompileError> {
        Err(CompileError { message: message.into(), pointer: self.at.clone() })
    }

    /// Runs `compile` with `segment` on the pointer.
    fn within<T>(
        &mut self,
        segment: &str,
        compile: impl FnOnce(&mut Self) -> Result<T, CompileError>,
    ) -> Result<T, CompileError> {
        let length = self.at.len();
        push_segment(&mut self.at, segment);
        let done = compile(self)?;
        self.at.truncate(length);
        Ok(done)
    }

    fn node(&mut self, schema: &'a Value) -> Result<NodeId, CompileError> {
        if let Some(Value::String(reference)) = schema.get("$ref") {
            return self.reference(reference);
        }
        self.nodes.push(None);
        let id = self.nodes.len() - 1;
        self.fill(id, schema)?;
        Ok(id)
    }

    fn reference(&mut self, reference: &'a str) -> Result<NodeId, CompileError> {
        if let Some(id) = self.references.get(reference) {
            return Ok(*id);
        }
        let target = reference.strip_prefix('#').and_then(|pointer| self.document.pointer(pointer));
        let Some(target) = target else { return self.wrong(format!("no block {reference:?}")) };
        if target.get("$ref").is_some() {
            return self.wrong(format!("{reference:?} is itself a reference"));
        }
        self.nodes.push(None);
        let id = self.nodes.len() - 1;
        self.references.insert(reference.to_owned(), id);
        self.fill(id, target)?;
        Ok(id)
    }

    fn fill(&mut self, id: NodeId, schema: &'a Value) -> Result<(), CompileError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.wrong("nested too deeply");
        }
        self.nodes[id] = Some(match schema {
            Value::Bool(true) => Node::Always,
            Value::Bool(false) => Node::Never,
            Value::Object(members) => self.rules(members)?,
            _ => return self.wrong("a schema is an object or a boolean"),
        });
        self.depth -= 1;
        Ok(())
    }

    fn rules(&mut self, schema: &'a Members) -> Result<Node, CompileError> {
        for keyword in schema.keys().map(String::as_str) {
            let known = KEYWORDS.contains(&keyword) || ANNOTATIONS.contains(&keyword);
            if !known && !keyword.starts_with("x-") {
                return self.wrong(format!("unknown keyword {keyword:?}"));
            }
        }
        if !schema.keys().any(|keyword| KEYWORDS.contains(&keyword.as_str())) {
            return Ok(Node::Always);
        }
        let rules = Rules {
            types: self.types(schema)?,
            object: self.object(schema)?,
            must_be_empty: schema
                .get("required")
                .is_some_and(|r| r.as_array().is_some_and(Vec::is_empty)),
            array: self.array(schema)?,
            string: self.string(schema)?,
            number: self.number(schema)?,
            allowed: self.list(schema, "enum")?.map(<[Value]>::to_vec),
            all_of: self.branches(schema, "allOf")?,
            any_of: self.alternatives(schema, "anyOf")?,
            one_of: self.alternatives(schema, "oneOf")?,
            conditional: self.conditional(schema)?,
            not: self.child(schema, "not")?,
            property_names: self.child(schema, "propertyNames")?,
            format: self.text(schema, "format")?.and_then(Format::of),
            constant: schema.get("const").cloned(),
            contains: self.child(schema, "contains")?,
        };
        Ok(Node::Rules(Box::new(rules)))
    }

    fn types(&self, schema: &Members) -> Result<Option<Types>, CompileError> {
        let mut set = TypeSet::default();
        let mut add = |name: &Value| {
            let one = match name.as_str() {
                Some("object") => TypeSet::OBJECT,
                Some("array") => TypeSet::ARRAY,
                Some("table") => TypeSet::OBJECT.with(TypeSet::ARRAY),
                Some("string") => TypeSet::STRING,
                Some("number") => TypeSet::NUMBER,
                Some("integer") => TypeSet::INTEGER,
                Some("boolean") => TypeSet::BOOLEAN,
                Some("null") => TypeSet::NULL,
                _ => return self.wrong(format!("unknown type {name}")),
            };
            set = set.with(one);
            Ok(())
        };
        let (expected, only_string) = match schema.get("type") {
            None => return Ok(None),
            Some(Value::Array(names)) => {
                names.iter().try_for_each(&mut add)?;
                let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
                (format!("one of {}", names.join(", ")), false)
            }
            Some(name) => {
                add(name)?;
                (name.as_str().unwrap_or_default().to_owned(), name == "string")
            }
        };
        Ok(Some(Types { set, expected, only_string }))
    }

    fn object(&mut self, schema: &'a Members) -> Result<Option<ObjectRules>, CompileError> {
        const GROUP: &[&str] = &[
            "properties",
            "additionalProperties",
            "patternProperties",
            "minProperties",
            "maxProperties",
            "dependencies",
            "required",
        ];
        if !GROUP.iter().any(|keyword| schema.contains_key(*keyword)) {
            return Ok(None);
        }
        let mut required = self.names(schema, "required")?;
        let mut dependencies = self.dependencies(schema)?;
        let mut rules = ObjectRules {
            min_properties: self.count(schema, "minProperties")?,
            max_properties: self.count(schema, "maxProperties")?,
            ..ObjectRules::default()
        };
        for (name, schema) in self.members(schema, "properties")? {
            let id = self.within("properties", |c| c.within(name, |c| c.node(schema)))?;
            let dependency = dependencies.iter().position(|(of, _)| of == name);
            rules.declared.insert(name.as_str().into());
            rules.properties.push(Property {
                name: name.clone(),
                schema: id,
                required: required.iter().any(|r| r == name),
                default: self.default(schema),
                dependency: dependency.map(|i| dependencies.remove(i).1),
            });
        }
        required.retain(|name| !rules.declared.contains(name.as_str()));
        rules.required = required;
        rules.dependencies = dependencies;
        for (source, schema) in self.members(schema, "patternProperties")? {
            let pattern = self.pattern(source)?;
            let id = self.within("patternProperties", |c| c.within(source, |c| c.node(schema)))?;
            rules.patterns.push(PatternProperty { pattern, schema: id });
        }
        rules.additional = self.additional(schema, "additionalProperties")?;
        Ok(Some(rules))
    }

    /// The default of a property: beside its `$ref`, or in the block that refers to.
    fn default(&self, schema: &Value) -> Option<Value> {
        let target = schema.get("$ref").and_then(Value::as_str).and_then(|r| r.strip_prefix('#'));
        let target = target.and_then(|pointer| self.document.pointer(pointer));
        let default = schema.get("default").or_else(|| target?.get("default"))?;
        (!default.is_null()).then(|| default.clone())
    }

    fn dependencies(
        &mut self,
        schema: &'a Members,
    ) -> Result<Vec<(String, Dependency)>, CompileError> {
        let members = self.members(schema, "dependencies")?;
        members
            .map(|(name, dependency)| {
                let dependency = self.within("dependencies", |c| {
                    c.within(name, |c| match dependency {
                        Value::Array(names) => Ok(Dependency::Names(c.strings(names)?)),
                        schema => Ok(Dependency::Schema(c.node(schema)?)),
                    })
                })?;
                Ok((name.clone(), dependency))
            })
            .collect()
    }

    fn additional(
        &mut self,
        schema: &'a Members,
        keyword: &str,
    ) -> Result<Additional, CompileError> {
        match schema.get(keyword) {
            None | Some(Value::Bool(true)) => Ok(Additional::Allowed),
            Some(Value::Bool(false)) => Ok(Additional::Forbidden),
            Some(schema) => Ok(Additional::Schema(self.within(keyword, |c| c.node(schema))?)),
        }
    }

    fn array(&mut self, schema: &'a Members) -> Result<Option<ArrayRules>, CompileError> {
        let items = match schema.get("items") {
            None => Items::Any,
            Some(Value::Bool(true)) => Items::True,
            Some(Value::Bool(false)) => Items::False,
            Some(Value::Array(_)) => {
                let tuple = self.branches(schema, "items")?;
                Items::Tuple(tuple, self.additional(schema, "additionalItems")?)
            }
            Some(schema) => Items::Each(self.within("items", |c| c.node(schema))?),
        };
        let rules = ArrayRules {
            items,
            min_items: self.count(schema, "minItems")?,
            max_items: self.count(schema, "maxItems")?,
            unique: schema.get("uniqueItems") == Some(&Value::Bool(true)),
        };
        let any = matches!(rules.items, Items::Any);
        let empty = any && rules.min_items.is_none() && rules.max_items.is_none() && !rules.unique;
        Ok((!empty).then_some(rules))
    }

    fn string(&mut self, schema: &Members) -> Result<Option<StringRules>, CompileError> {
        let rules = StringRules {
            min_length: self.count(schema, "minLength")?,
            max_length: self.count(schema, "maxLength")?,
            pattern: self
                .text(schema, "pattern")?
                .map(|source| self.pattern(source))
                .transpose()?,
        };
        let empty =
            rules.min_length.is_none() && rules.max_length.is_none() && rules.pattern.is_none();
        Ok((!empty).then_some(rules))
    }

    fn number(&self, schema: &Members) -> Result<Option<NumberRules>, CompileError> {
        let limit = |keyword: &str| match schema.get(keyword) {
            None => Ok(None),
            Some(Value::Number(n)) => Ok(n.as_f64()),
            Some(_) => self.wrong(format!("{keyword:?} is a number")),
        };
        let rules = NumberRules {
            minimum: limit("minimum")?,
            exclusive_minimum: limit("exclusiveMinimum")?,
            maximum: limit("maximum")?,
            exclusive_maximum: limit("exclusiveMaximum")?,
            multiple_of: limit("multipleOf")?,
        };
        let all = [
            rules.minimum,
            rules.exclusive_minimum,
            rules.maximum,
            rules.exclusive_maximum,
            rules.multiple_of,
        ];
        Ok(all.iter().any(Option::is_some).then_some(rules))
    }

    fn alternatives(
        &mut self,
        schema: &'a Members,
        keyword: &str,
    ) -> Result<Option<Branches>, CompileError> {
        let nodes = self.branches(schema, keyword)?;
        if nodes.is_empty() {
            return Ok(None);
        }
        let required = |branch: &Value| branch.get("required").map(Value::to_string);
        let branches = self.list(schema, keyword)?.unwrap_or_default();
        let hints: Vec<String> = branches.iter().filter_map(required).collect();
        Ok(Some(Branches { nodes, hint: hints.join(" or ") }))
    }

    fn conditional(&mut self, schema: &'a Members) -> Result<Option<Conditional>, CompileError> {
        let Some(condition) = self.child(schema, "if")? else { return Ok(None) };
        let then = self.child(schema, "then")?;
        let otherwise = self.child(schema, "else")?;
        Ok(Some(Conditional { condition, then, otherwise }))
    }

    fn child(
        &mut self,
        schema: &'a Members,
        keyword: &str,
    ) -> Result<Option<NodeId>, CompileError> {
        let child = schema.get(keyword);
        child.map(|child| self.within(keyword, |c| c.node(child))).transpose()
    }

    fn branches(
        &mut self,
        schema: &'a Members,
        keyword: &str,
    ) -> Result<Vec<NodeId>, CompileError> {
        let list = self.list(schema, keyword)?.unwrap_or_default();
        let branch = |(i, branch)| {
            self.within(keyword, |c| c.within(&usize::to_string(&i), |c| c.node(branch)))
        };
        list.iter().enumerate().map(branch).collect()
    }

    fn pattern(&mut self, source: &str) -> Result<Pattern, CompileError> {
        if let Some(pattern) = self.patterns.get(source) {
            return Ok(pattern.clone());
        }
        match pattern::compile(source) {
            Ok(regex) => {
                let pattern = Pattern { source: source.into(), regex: Arc::new(regex) };
                self.patterns.insert(source.to_owned(), pattern.clone());
                Ok(pattern)
            }
            Err(error) => self.wrong(format!("pattern {}: {error}", lua::quoted(source))),
        }
    }

    fn list(
        &self,
        schema: &'a Members,
        keyword: &str,
    ) -> Result<Option<&'a [Value]>, CompileError> {
        match schema.get(keyword) {
            None => Ok(None),
            Some(Value::Array(list)) => Ok(Some(list)),
            Some(_) => self.wrong(format!("{keyword:?} is an array")),
        }
    }

    fn names(&self, schema: &'a Members, keyword: &str) -> Result<Vec<String>, CompileError> {
        self.strings(self.list(schema, keyword)?.unwrap_or_default())
    }

    fn strings(&self, list: &[Value]) -> Result<Vec<String>, CompileError> {
        let name = |name: &Value| match name {
            Value::String(name) => Ok(name.clone()),
            _ => self.wrong("a list of property names holds strings"),
        };
        list.iter().map(name).collect()
    }

    fn members(
        &self,
        schema: &'a Members,
        keyword: &str,
    ) -> Result<impl Iterator<Item = (&'a String, &'a Value)> + use<'a>, CompileError> {
        match schema.get(keyword) {
            None => Ok(None.into_iter().flatten()),
            Some(Value::Object(members)) => Ok(Some(members).into_iter().flatten()),
            Some(_) => self.wrong(format!("{keyword:?} is an object")),
        }
    }

    fn text<'s>(
        &self,
        schema: &'s Members,
        keyword: &str,
    ) -> Result<Option<&'s str>, CompileError> {
        match schema.get(keyword) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => self.wrong(format!("{keyword:?} is a string")),
        }
    }

    fn count(&self, schema: &Members, keyword: &str) -> Result<Option<usize>, CompileError> {
        match schema.get(keyword).map(Value::as_u64) {
            None => Ok(None),
            Some(Some(n)) => Ok(usize::try_from(n).ok()),
            Some(None) => self.wrong(format!("{keyword:?} is a whole number")),
        }
    }
}
