//! A text that a spreadsheet would take for a formula, and carry out. In a file of mere text an apostrophe in front makes it the text
//! that it is; whoever reads our file back takes the apostrophe off, so that nothing is lost on the way.

use std::borrow::Cow;

/// The text as it may stand in a file of mere text.
pub fn guarded(text: &str) -> Cow<'_, str> {
    if may_be_guarded(text) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The text that was meant by what stands in such a file.
pub fn meant(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(guarded) if may_be_guarded(guarded) => guarded,
        _ => text,
    }
}

/// Begins as a formula does, be it behind blanks; or as one that was guarded already.
fn may_be_guarded(text: &str) -> bool {
    let text = text.trim_start_matches('\'');
    text.starts_with(['\t', '\r', '\n']) || text.trim_start().starts_with(['=', '+', '-', '@'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_formula_is_text_and_comes_back_as_it_was() {
        for (text, written) in [
            ("plain", "plain"),
            ("", ""),
            ("a=b", "a=b"),
            ("'quoted'", "'quoted'"),
            ("=1+1", "'=1+1"),
            ("+77012345678", "'+77012345678"),
            ("-1", "'-1"),
            ("@a", "'@a"),
            (" =1", "' =1"),
            ("\tx", "'\tx"),
            ("'=1", "''=1"),
            ("''=1", "'''=1"),
        ] {
            assert_eq!(guarded(text), written, "{text:?}");
            assert_eq!(meant(written), text, "{written:?}");
        }
    }
}
