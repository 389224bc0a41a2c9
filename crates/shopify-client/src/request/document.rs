//! What a document would do, as far as it matters to the one who sends it.

/// Whether the operation of this name may change something: it is a mutation, or it cannot be told from one.
///
/// Shopify carries out the operation that is named, so that other mutations of the document do not count.
pub(super) fn may_mutate(document: &str, operation: &str) -> bool {
    let mut words = top_level_words(document);
    words.push(ANONYMOUS);
    // Without a name, it is the only operation of the document.
    words
        .windows(2)
        .any(|pair| pair[0] == "mutation" && (pair[1] == operation || pair[1] == ANONYMOUS))
}

/// What can follow `mutation` instead of a name.
const ANONYMOUS: &str = "{";

/// The words outside of braces and brackets, and [`ANONYMOUS`] where one of those or a directive begins.
fn top_level_words(document: &str) -> Vec<&str> {
    let (mut words, mut depth, mut rest) = (Vec::new(), 0_usize, document);
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '#' => rest.find(['\n', '\r']).unwrap_or(rest.len()),
            '"' => string_length(rest),
            '{' | '(' | '[' => {
                if depth == 0 {
                    words.push(ANONYMOUS);
                }
                depth += 1;
                1
            }
            '@' if depth == 0 => {
                words.push(ANONYMOUS);
                1
            }
            '}' | ')' | ']' => {
                depth = depth.saturating_sub(1);
                1
            }
            'A'..='Z' | 'a'..='z' | '_' => {
                let part = |c: char| c.is_ascii_alphanumeric() || c == '_';
                let end = rest.find(|c| !part(c)).unwrap_or(rest.len());
                if depth == 0 {
                    words.push(&rest[..end]);
                }
                end
            }
            other => other.len_utf8(),
        };
        rest = &rest[length..];
    }
    words
}

/// The length of the string or block string that begins here.
fn string_length(rest: &str) -> usize {
    let mark = if rest.starts_with("\"\"\"") {
        "\"\"\""
    } else {
        "\""
    };
    let mut at = mark.len();
    while let Some(found) = rest[at..].find(['\\', '"']) {
        at += found;
        if rest[at..].starts_with(mark) {
            return at + mark.len();
        }
        // A block string knows no other escape than that of its own mark.
        at += if rest[at..].starts_with('\\') {
            let escaped = rest[at + 1..].chars().next();
            1 + escaped.map_or(0, char::len_utf8)
        } else {
            1
        };
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_mutation_is_known_however_it_is_written() {
        for document in [
            "mutation Do { a }",
            "mutation Do($n: Int) { a }",
            "mutation Do @d { a }",
            "  mutation\n  Do\n{ a }",
            "mutation,Do{a}",
            "\u{feff}mutation Do { a }",
            "# a comment\nmutation # another { query Do\n Do { a }",
            "query Other { a } mutation Do { b }",
            "fragment F on T { a } mutation Do { ...F }",
            "query Other($t: String = \"}\") { a } mutation Do { b }",
            "query Other($t: String = \"\\\"{\") { a } mutation Do { b }",
            "query Other($t: String = \"\"\"{\"\"\") { a } mutation Do { b }",
            "mutation { a }",
            "mutation @d { a }",
            "mutation($n: Int) { a }",
            "mutation",
        ] {
            assert!(may_mutate(document, "Do"), "{document}");
        }
    }

    #[test]
    fn a_query_is_no_mutation_whatever_is_in_it() {
        for document in [
            "query Do { a }",
            "query Do { mutation Do }",
            "query Do($t: String = \"mutation Do\") { a }",
            "# mutation Do\nquery Do { a }",
            "query Do { a } mutation Other { b }",
            "query Do { a } mutation DoMore { b }",
            "subscription Do { a }",
            "{ a }",
            "",
        ] {
            assert!(!may_mutate(document, "Do"), "{document}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(document in "\\PC{0,40}|[a-z{}()\"\\\\#é\n ]{0,40}") {
            may_mutate(&document, "Do");
        }
    }
}
