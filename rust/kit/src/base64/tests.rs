use proptest::prelude::*;

use super::decode;

fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut out = b"kept".to_vec();
    decode(text.as_bytes(), &mut out).then(|| out.split_off(4))
}

#[test]
fn the_examples_of_the_rfc_decode() {
    for (text, expected) in [
        ("", ""),
        ("Zg==", "f"),
        ("Zm8=", "fo"),
        ("Zm9v", "foo"),
        ("Zm9vYg==", "foob"),
        ("Zm9vYmE=", "fooba"),
        ("Zm9vYmFy", "foobar"),
    ] {
        assert_eq!(decoded(text).as_deref(), Some(expected.as_bytes()), "{text}");
        let bare = text.trim_end_matches('=');
        assert_eq!(decoded(bare).as_deref(), Some(expected.as_bytes()), "{bare}");
    }
    assert_eq!(decoded("+/+/"), Some(vec![0xfb, 0xff, 0xbf]));
}

#[test]
fn what_is_no_base64_is_refused() {
    for text in
        ["Z", "Zg=", "Zm9vZ", "Zm 9", "Zm9v\n", "Zm-_", "=", "====", "Zg==Zg==", "Zh==", "Zm9="]
    {
        assert_eq!(decoded(text), None, "{text:?}");
    }
}

proptest! {
    #[test]
    fn no_two_texts_of_one_length_spell_the_same(a in "[A-D+/]{0,8}={0,2}", b in "[A-D+/]{0,8}={0,2}") {
        if let (Some(x), Some(y)) = (decoded(&a), decoded(&b)) {
            prop_assert_eq!(x == y, a.trim_end_matches('=') == b.trim_end_matches('='));
        }
    }
}
