//! Paths as routes have them: lua-resty-radixtree's rules, matched byte by byte with backtracking.

/// How well `uri` fits `path`, larger being better: exactly, else by the length of what stands
/// before its first wildcard. None if it does not fit.
pub fn fit(uri: &str, parameters: bool, path: &[u8]) -> Option<(bool, usize)> {
    let colon = if parameters { uri.find(':') } else { None };
    let Some(end) = colon.or_else(|| uri.find('*')) else {
        return (uri.as_bytes() == path).then_some((true, uri.len()));
    };
    let (key, rest) = uri.split_at(end);
    if !path.starts_with(key.as_bytes()) {
        return None;
    }
    // A wildcard that is the last segment takes all there is, and the rest is compared as written.
    let segment = key.is_empty() || key.ends_with('/');
    let all = segment && rest.starts_with('*') && !rest.contains('/');
    (all || whole(uri, path)).then_some((false, end))
}

/// What a pattern is made of.
#[derive(Clone, Copy)]
enum Piece {
    Byte(u8),
    /// Anything but a line feed.
    Dot,
    /// One byte or more, up to a slash.
    Segment,
    Anything,
}

#[derive(Clone, Copy, PartialEq)]
enum Times {
    One,
    Optional,
    Many,
}

/// Whether all of the path matches, segment by segment; true where no segment is a wildcard.
fn whole(uri: &str, path: &[u8]) -> bool {
    let (mut pieces, mut wildcards) = (Vec::new(), 0);
    let bare = uri.trim_end_matches('/');
    for (index, segment) in bare.split('/').enumerate() {
        if index > 0 {
            pieces.push((Piece::Byte(b'/'), Times::One));
        }
        let wildcard = match segment.bytes().next() {
            Some(b':') => Some(Piece::Segment),
            Some(b'*') => Some(Piece::Anything),
            _ => None,
        };
        if let Some(piece) = wildcard {
            pieces.push((piece, Times::One));
            wildcards += 1;
            continue;
        }
        for byte in segment.bytes() {
            match (byte, pieces.last_mut()) {
                (b'.', _) => pieces.push((Piece::Dot, Times::One)),
                (b'?', Some((_, times))) => *times = Times::Optional,
                (b'*', Some((_, times))) => *times = Times::Many,
                _ => pieces.push((Piece::Byte(byte), Times::One)),
            }
        }
    }
    if bare.len() < uri.len() {
        pieces.push((Piece::Byte(b'/'), Times::One));
    }
    wildcards == 0 || run(&pieces, path)
}

fn run(pieces: &[(Piece, Times)], path: &[u8]) -> bool {
    let Some(((piece, times), rest)) = pieces.split_first() else { return path.is_empty() };
    let takes = |byte: u8| match piece {
        Piece::Byte(own) => *own == byte,
        Piece::Dot => byte != b'\n',
        Piece::Segment => byte != b'/',
        Piece::Anything => true,
    };
    let (least, most) = match (piece, times) {
        (Piece::Segment, _) => (1, usize::MAX),
        (Piece::Anything, _) => (0, usize::MAX),
        (_, Times::One) => (1, 1),
        (_, Times::Optional) => (0, 1),
        (_, Times::Many) => (0, usize::MAX),
    };
    let longest = path.iter().take_while(|byte| takes(**byte)).count().min(most);
    (least..=longest).any(|taken| run(rest, &path[taken..]))
}
