//! `post_arg_NAME` and `post_arg.PATH`: what a request's body says, for `vars`.
//!
//! `post_arg_NAME` reads a form (`application/x-www-form-urlencoded`) alone, as in APISIX;
//! `post_arg.PATH` reads forms, `multipart/form-data` and JSON, where a path is names and
//! numbers in brackets (`messages[0].role`), and `[*]` stands for every element.

use std::borrow::Cow;

use gateway_kit::expr::Value;
use serde_json::Value as Json;

use super::graphql;

/// A body, taken apart.
#[derive(Debug, Default)]
pub(crate) enum Post {
    /// It was not asked for yet.
    #[default]
    Unread,
    /// It is none of the kinds below, is malformed, or is larger than allowed.
    Opaque,
    /// A form: names and values, decoded. The flag says whether it is the url-encoded kind.
    Form(Vec<(Vec<u8>, Vec<u8>)>, bool),
    /// A JSON document.
    Json(Json),
    /// A GraphQL query.
    Graphql(String),
}

/// A step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// A member.
    Name(Box<str>),
    /// An element.
    Index(usize),
    /// Every element.
    All,
}

impl Post {
    /// Takes a whole body apart.
    pub(crate) fn parse(content_type: Option<&[u8]>, body: &[u8]) -> Self {
        let content_type = String::from_utf8_lossy(content_type.unwrap_or_default());
        let mut parts = content_type.split(';').map(str::trim);
        match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "application/x-www-form-urlencoded" => Self::Form(form(body), true),
            "application/json" => serde_json::from_slice(body).map_or(Self::Opaque, Self::Json),
            "multipart/form-data" => parts
                .find_map(|part| part.strip_prefix("boundary="))
                .and_then(|boundary| multipart(body, boundary.trim_matches('"')))
                .map_or(Self::Opaque, |fields| Self::Form(fields, false)),
            "application/graphql" if body.len() <= graphql::MAX_SIZE => {
                str::from_utf8(body).map_or(Self::Opaque, |query| Self::Graphql(query.to_owned()))
            }
            _ => Self::Opaque,
        }
    }

    /// `post_arg_NAME`
    pub(crate) fn arg(&self, name: &str) -> Value<'_> {
        match self {
            Self::Unread => Value::Pending,
            Self::Form(fields, true) => find(fields, name),
            _ => Value::Missing,
        }
    }

    /// The GraphQL query in the body.
    pub(crate) fn query(&self) -> Option<&str> {
        match self {
            Self::Graphql(query) => Some(query),
            Self::Json(document) => document.get("query")?.as_str(),
            _ => None,
        }
    }

    /// `post_arg.PATH`
    pub(crate) fn at(&self, path: &[Step]) -> Value<'_> {
        match (self, path) {
            (Self::Unread, _) => Value::Pending,
            (Self::Form(fields, _), [Step::Name(name)]) => find(fields, name),
            (Self::Json(document), _) => json(document, path),
            _ => Value::Missing,
        }
    }
}

/// Reads a path.
pub(crate) fn path(text: &str) -> Box<[Step]> {
    let mut steps = Vec::new();
    for part in text.split('.') {
        let (name, mut rest) = part.split_at(part.find('[').unwrap_or(part.len()));
        if !name.is_empty() {
            steps.push(Step::Name(name.into()));
        }
        while let Some((inside, after)) =
            rest.strip_prefix('[').and_then(|rest| rest.split_once(']'))
        {
            steps.push(match (inside, inside.parse()) {
                ("*", _) => Step::All,
                (_, Ok(index)) => Step::Index(index),
                (name, Err(_)) => Step::Name(name.trim_matches(['"', '\'']).into()),
            });
            rest = after;
        }
    }
    steps.into()
}

/// `arg_NAME`, as expressions see it: decoded and by the letter, and Lua's `true` where no value
/// is written.
pub(crate) fn query_arg<'q>(query: &'q [u8], name: &[u8]) -> Value<'q> {
    let plain = |text: &'q [u8]| match memchr::memchr2(b'%', b'+', text) {
        None => Cow::Borrowed(text),
        Some(_) => Cow::Owned(unescape(text)),
    };
    for pair in query.split(|byte| *byte == b'&') {
        let (key, value) = match memchr::memchr(b'=', pair) {
            Some(at) => (&pair[..at], Some(&pair[at + 1..])),
            None => (pair, None),
        };
        if *plain(key) == *name {
            return match value {
                Some(value) => Value::Text(plain(value)),
                None => Value::Json(Cow::Owned(Json::Bool(true))),
            };
        }
    }
    Value::Missing
}

fn find<'a>(fields: &'a [(Vec<u8>, Vec<u8>)], name: &str) -> Value<'a> {
    let field = fields.iter().find(|(key, _)| key == name.as_bytes());
    field.map(|(_, value)| value.as_slice()).into()
}

/// One value as it is, several (through `[*]`) as a list.
fn json<'a>(document: &'a Json, path: &[Step]) -> Value<'a> {
    let mut found = vec![document];
    let mut several = false;
    for step in path {
        found = match step {
            Step::Name(name) => found.into_iter().filter_map(|v| v.get(&**name)).collect(),
            Step::Index(index) => found.into_iter().filter_map(|v| v.get(*index)).collect(),
            Step::All => {
                several = true;
                found.into_iter().filter_map(Json::as_array).flatten().collect()
            }
        };
    }
    match (found.as_slice(), several) {
        ([], _) => Value::Missing,
        ([Json::String(text)], false) => text.as_str().into(),
        ([value], false) => Value::Json(Cow::Borrowed(value)),
        (values, _) => {
            Value::Json(Cow::Owned(Json::Array(values.iter().map(|v| (*v).clone()).collect())))
        }
    }
}

fn form(body: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let pairs = body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| match pair.iter().position(|byte| *byte == b'=') {
            Some(at) => (unescape(&pair[..at]), unescape(&pair[at + 1..])),
            None => (unescape(pair), Vec::new()),
        })
        .collect()
}

/// `+` is a space and `%XX` a byte; what is neither stands for itself.
pub(crate) fn unescape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        let digit = |at: usize| char::from(*after.get(at)?).to_digit(16);
        rest = after;
        match (byte, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high << 4 | low) as u8);
                rest = &after[2..];
            }
            (b'+', ..) => out.push(b' '),
            _ => out.push(*byte),
        }
    }
    out
}

/// The fields of `multipart/form-data` (RFC 7578) that are no files.
fn multipart(body: &[u8], boundary: &str) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    if boundary.is_empty() || boundary.len() > 70 {
        return None;
    }
    let delimiter = format!("--{boundary}");
    let mut parts = split(body, delimiter.as_bytes()).into_iter().skip(1);
    let mut fields = Vec::new();
    loop {
        let part = parts.next()?;
        if part.starts_with(b"--") {
            return Some(fields);
        }
        let part = part.strip_prefix(b"\r\n")?.strip_suffix(b"\r\n")?;
        let end = memchr::memmem::find(part, b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&part[..end]);
        let disposition = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-disposition").then_some(value)
        })?;
        let parameter = |name: &str| {
            let found = disposition.split(';').find_map(|p| p.trim().strip_prefix(name))?;
            Some(found.trim_matches('"').as_bytes().to_vec())
        };
        if let (Some(name), None) = (parameter("name="), parameter("filename=")) {
            fields.push((name, part[end + 4..].to_vec()));
        }
    }
}

fn split<'a>(body: &'a [u8], delimiter: &[u8]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    let mut from = 0;
    for at in memchr::memmem::find_iter(body, delimiter) {
        pieces.push(&body[from..at]);
        from = at + delimiter.len();
    }
    pieces.push(&body[from..]);
    pieces
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use gateway_kit::expr::Value;
    use serde_json::json;

    use super::{Post, path, query_arg};

    #[test]
    fn a_form_is_decoded() {
        let kind = Some(&b"application/x-www-form-urlencoded; charset=utf-8"[..]);
        let post = Post::parse(kind, b"name=J%C3%A4ck+B&empty=&bad=%zz&name=other&lone");
        assert_eq!(post.arg("name"), "Jäck B".into());
        assert_eq!(post.arg("empty"), "".into());
        assert_eq!(post.arg("bad"), "%zz".into());
        assert_eq!(post.arg("lone"), "".into());
        assert_eq!(post.arg("none"), Value::Missing);
        assert_eq!(post.at(&path("name")), "Jäck B".into());
    }

    #[test]
    fn a_parameter_of_the_query_is_decoded() {
        let query = b"a=1&name=J%C3%A4ck+B&name=other&n%20m=2&lone&empty=&A=3";
        assert_eq!(query_arg(query, b"name"), "Jäck B".into());
        assert_eq!(query_arg(query, b"n m"), "2".into());
        assert_eq!(query_arg(query, b"A"), "3".into());
        assert_eq!(query_arg(query, b"empty"), "".into());
        assert_eq!(query_arg(query, b"lone"), Value::Json(Cow::Owned(json!(true))));
        assert_eq!(query_arg(query, b"none"), Value::Missing);
    }

    #[test]
    fn a_query_is_the_body_or_a_member_of_it() {
        let query =
            |kind: &[u8], body: &[u8]| Post::parse(Some(kind), body).query().map(str::to_owned);
        assert_eq!(query(b"application/graphql", b"{ a }").as_deref(), Some("{ a }"));
        assert_eq!(query(b"application/json", br#"{"query":"{ a }"}"#).as_deref(), Some("{ a }"));
        assert_eq!(query(b"application/json", br#"{"query":1}"#), None);
        assert_eq!(query(b"text/plain", b"{ a }"), None);
    }

    #[test]
    fn a_json_body_is_reached_by_paths() {
        let body = json!({"model": "m", "n": 3, "messages": [{"role": "a"}, {"role": "b"}]});
        let post = Post::parse(Some(b"application/json"), body.to_string().as_bytes());
        assert_eq!(post.at(&path("model")), "m".into());
        assert_eq!(post.at(&path("messages[1].role")), "b".into());
        assert_eq!(post.at(&path("n")), Value::Json(Cow::Owned(json!(3))));
        let roles = Value::Json(Cow::Owned(json!(["a", "b"])));
        assert_eq!(post.at(&path("messages[*].role")), roles);
        assert_eq!(post.at(&path("messages[7]")), Value::Missing);
        assert_eq!(post.arg("model"), Value::Missing, "post_arg_ reads forms alone");
    }

    #[test]
    fn multipart_fields_are_read_and_files_are_not() {
        let body = "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n\
                    --x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f.txt\"\r\n\r\n\
                    data\r\n--x--\r\n";
        let post = Post::parse(Some(b"multipart/form-data; boundary=x"), body.as_bytes());
        assert_eq!(post.at(&path("a")), "1".into());
        assert_eq!(post.at(&path("f")), Value::Missing);
    }

    #[test]
    fn what_is_malformed_says_nothing() {
        let deep = "[".repeat(100_000);
        let cases: [(&[u8], &[u8]); 4] = [
            (b"application/json", b"{"),
            (b"application/json", deep.as_bytes()),
            (b"multipart/form-data", b"--x"),
            (b"multipart/form-data; boundary=x", b"--x\r\nno end"),
        ];
        for (kind, body) in cases {
            let post = Post::parse(Some(kind), body);
            assert_eq!(post.at(&path("a")), Value::Missing);
        }
        assert_eq!(Post::Unread.arg("a"), Value::Pending);
    }
}
