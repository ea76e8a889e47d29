//! Pages of the manual that are made from tables in the code.

use std::path::Path;

/// Asserts that a page of the repository is what the code makes of it.
///
/// With `UPDATE_DOCS` set, the page is written instead.
#[expect(clippy::disallowed_methods, reason = "tests are told by it to write")]
pub(crate) fn assert_page(path: &str, expected: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let file = root.join(path);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&file, expected).expect("the page can be written");
        return;
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        found == expected,
        "{path} differs from its table; write it anew with: \
         UPDATE_DOCS=1 cargo test -p gateway-engine manual_page"
    );
}
