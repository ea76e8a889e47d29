//! The known name that a mistyped one is most like.

/// The candidate within a third of `name`'s length in edits (at least one), the closest first; none
/// when all are further away.
///
/// ```
/// use gateway_core::schema::nearest;
///
/// assert_eq!(nearest("upstrem_id", ["uri", "upstream", "upstream_id"]), Some("upstream_id"));
/// assert_eq!(nearest("colour", ["uri", "host"]), None);
/// ```
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name: Vec<char> = name.chars().take(MAX_NAME).collect();
    let limit = (name.len() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (edits(&name, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Longer names are compared by their beginning: the work is quadratic.
const MAX_NAME: usize = 64;

/// The number of letters to insert, drop, replace or swap with their neighbour (optimal string
/// alignment), letter case aside.
fn edits(a: &[char], b: &str) -> usize {
    let b: Vec<char> = b.chars().take(MAX_NAME).collect();
    let mut before = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let differs = usize::from(!a[i - 1].eq_ignore_ascii_case(&b[j - 1]));
            row[j] = (last[j - 1] + differs).min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}
