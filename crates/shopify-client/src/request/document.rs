//! Determines whether an operation of a GraphQL document may be a mutation, which must not be repeated.

/// Whether the named operation may change data: it is a mutation, or cannot be distinguished from one.
///
/// Shopify executes only the named operation, so other mutations of the document do not count.
pub(super) fn may_mutate(document: &str, operation: &str) -> bool {
    let mut words = top_level_words(document);
    words.push(ANONYMOUS);
    // An operation without a name is the only one of its document.
    words
        .windows(2)
        .any(|pair| pair[0] == "mutation" && (pair[1] == operation || pair[1] == ANONYMOUS))
}

/// Marks the absence of a name after `mutation`.
const ANONYMOUS: &str = "{";

/// Returns the words outside of braces and brackets, with [`ANONYMOUS`] where a brace, a bracket or a directive begins.
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

/// Returns the length of the string or block string at the start of `rest`.
fn string_length(rest: &str) -> usize {
    let delimiter = if rest.starts_with("\"\"\"") {
        "\"\"\""
    } else {
        "\""
    };
    let mut at = delimiter.len();
    while let Some(found) = rest[at..].find(['\\', '"']) {
        at += found;
        if rest[at..].starts_with(delimiter) {
            return at + delimiter.len();
        }
        // A block string has no escape but that of its own delimiter.
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
    fn mutations_are_recognised_in_every_form() {
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
    fn queries_are_not_taken_for_mutations() {
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
        fn no_document_panics(document in "\\PC{0,40}|[a-z{}()\"\\\\#é\n ]{0,40}") {
            may_mutate(&document, "Do");
        }
    }
}
