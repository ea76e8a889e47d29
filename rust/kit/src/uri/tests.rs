use std::borrow::Cow;

use proptest::prelude::*;

use super::{UriError, keep_encoded_slashes, like_servlet, normalize, without_tail_slash};

fn normal(path: &str) -> Result<String, UriError> {
    normalize(path.as_bytes()).map(|uri| String::from_utf8_lossy(&uri).into_owned())
}

#[test]
fn a_normal_path_is_borrowed() {
    for path in ["/", "/a", "/a.b/c..d/e.", "/a-b_c~d+e;f=g,h@i:j&k'(l)!m*n$", "/é"] {
        assert!(
            matches!(normalize(path.as_bytes()), Ok(Cow::Borrowed(uri)) if uri == path.as_bytes()),
            "{path}"
        );
    }
}

#[test]
fn the_empty_path_is_the_root() {
    assert_eq!(normal(""), Ok("/".to_owned()));
}

#[test]
fn paths_normalize_as_in_nginx() {
    for (path, expected) in [
        ("//", "/"),
        ("/a//b///c", "/a/b/c"),
        ("/.", "/"),
        ("/./a", "/a"),
        ("/a/.", "/a/"),
        ("/a/./", "/a/"),
        ("/a/b/..", "/a/"),
        ("/a/..", "/"),
        ("/a/../b", "/b"),
        ("/a//../b", "/b"),
        ("/a/b/../../c", "/c"),
        ("/.hidden", "/.hidden"),
        ("/..hidden/...", "/..hidden/..."),
        ("/a.", "/a."),
        ("/%61%2Fb", "/a/b"),
        ("/a/%2e%2E/b", "/b"),
        ("/a/.%2e/b", "/b"),
        ("/a%2f..%2fb", "/b"),
        ("/a%2f%2fb", "/a/b"),
        ("/%25%32%65", "/%2e"),
        ("/%2525", "/%25"),
        ("/a%3Fb%23c", "/a?b#c"),
        ("/a/..%3f", "/a/..?"),
        ("/a/.%25", "/a/.%"),
        ("/a%20b%0A", "/a b\n"),
        ("/a+b", "/a+b"),
    ] {
        assert_eq!(normal(path), Ok(expected.to_owned()), "{path}");
    }
}

#[test]
fn what_is_no_path_is_refused() {
    for (path, error) in [
        ("a", UriError::NotAbsolute),
        ("*", UriError::NotAbsolute),
        ("/a?b", UriError::Delimiter),
        ("/a#b", UriError::Delimiter),
        ("/%", UriError::BadEscape),
        ("/%4", UriError::BadEscape),
        ("/%4g", UriError::BadEscape),
        ("/%+1", UriError::BadEscape),
        ("/a%00", UriError::Nul),
        ("/..", UriError::AboveRoot),
        ("/../a", UriError::AboveRoot),
        ("/a/../..", UriError::AboveRoot),
        ("/a/%2e%2e/%2e%2e/b", UriError::AboveRoot),
        ("//..", UriError::AboveRoot),
    ] {
        assert_eq!(normal(path), Err(error), "{path}");
    }
}

#[test]
fn one_slash_goes_from_the_end_but_never_the_root() {
    assert_eq!(without_tail_slash(b"/a/"), b"/a");
    assert_eq!(without_tail_slash(b"/a"), b"/a");
    assert_eq!(without_tail_slash(b"/"), b"/");
}

#[test]
fn servlet_parameters_are_cut() {
    for (uri, expected) in [
        ("/a/b/", "/a/b/"),
        ("/hello;world", "/hello"),
        ("/hello;a=b/world;a/;", "/hello/world/"),
        ("/a;x/", "/a"),
        ("/a;x;y/b", "/a/b"),
        ("/...;x/b", "/.../b"),
    ] {
        let got = like_servlet(uri.as_bytes()).expect(uri);
        assert_eq!(&*got, expected.as_bytes(), "{uri}");
    }
}

#[test]
fn parameters_that_hide_segments_are_refused() {
    for uri in ["/.;", "/..;/a", "/%2e;", "/%2E%2e;x"] {
        assert_eq!(like_servlet(uri.as_bytes()), Err(UriError::DotSegmentWithParameter), "{uri}");
    }
    for uri in ["/;/a", "/b/;/c"] {
        assert_eq!(like_servlet(uri.as_bytes()), Err(UriError::EmptySegmentWithParameter), "{uri}");
    }
}

#[test]
fn encoded_slashes_are_kept_only_where_nothing_else_changed() {
    for (path, expected) in [
        ("/a%2fb/c%20d", Some("/a%2Fb/c d")),
        ("/a%2Fb", Some("/a%2Fb")),
        ("/a/b", None),
        ("/a%2fb/../c", None),
        ("/a//b%2fc", None),
        ("/a%2f%2e%2e%2fb", None),
    ] {
        let kept = keep_encoded_slashes(path.as_bytes(), normal(path).expect(path).as_bytes());
        assert_eq!(kept.as_deref(), expected.map(str::as_bytes), "{path}");
    }
}

/// nginx's `ngx_http_parse_complex_uri` as the state machine it is, for
/// comparison.
fn by_states(path: &[u8]) -> Option<Vec<u8>> {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        Usual,
        Slash,
        Dot,
        DotDot,
    }
    fn up(out: &mut Vec<u8>) -> Option<()> {
        let end = out.len().checked_sub(3)?;
        let slash = out[..end].iter().rposition(|byte| *byte == b'/')?;
        out.truncate(slash + 1);
        Some(())
    }
    let (mut out, mut state, mut rest) = (Vec::new(), State::Usual, path);
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        let (mut byte, mut literal) = (first, false);
        if first == b'%' {
            byte = u8::from_str_radix(str::from_utf8(rest.get(..2)?).ok()?, 16).ok()?;
            rest = &rest[2..];
            literal = matches!(byte, b'%' | b'#' | b'?');
            if byte == 0 {
                return None;
            }
        }
        state = match (state, byte) {
            _ if literal => State::Usual,
            (State::Usual, b'/') => State::Slash,
            (State::Slash, b'/') => continue,
            (State::Slash, b'.') => State::Dot,
            (State::Dot, b'.') => State::DotDot,
            (State::Dot, b'/') => {
                out.pop();
                state = State::Slash;
                continue;
            }
            (State::DotDot, b'/') => {
                up(&mut out)?;
                state = State::Slash;
                continue;
            }
            _ => State::Usual,
        };
        out.push(byte);
    }
    match state {
        State::Dot => drop(out.pop()),
        State::DotDot => up(&mut out)?,
        _ => {}
    }
    Some(out)
}

proptest! {
    #[test]
    fn agrees_with_nginx_s_states(path in "/(/|\\.|a|%2[eEfF]|%25|%3f|%00|%61|%){0,12}") {
        // The comparison reads `%+1`; the alphabet here has no sign.
        prop_assert_eq!(normalize(path.as_bytes()).ok().map(Cow::into_owned), by_states(path.as_bytes()));
    }

    #[test]
    fn a_normal_path_without_escapes_stays(path in "/[a-z./]{0,12}") {
        if let Ok(once) = normalize(path.as_bytes()) {
            prop_assert_eq!(&normalize(&once).expect("it is normal"), &once);
        }
    }
}
