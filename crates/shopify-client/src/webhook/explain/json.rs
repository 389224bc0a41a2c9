//! Generates other serialisations of the same JSON text.

use std::fmt::Write as _;

/// How the strings of a JSON text are escaped.
#[derive(Debug, Clone, Copy)]
struct EscapeStyle {
    /// `\/` for `/`.
    slashes: bool,
    /// `\u00e9` for non-ASCII characters.
    ascii: bool,
    /// `\u0026` for characters with a meaning in HTML.
    html: bool,
}

/// Returns the serialisations of a JSON text, without white space between tokens, that common serialisers produce.
/// Numbers and the order of fields are kept, since their original form is unknown. Returns nothing if the text is not
/// JSON.
pub(super) fn serializations(text: &[u8]) -> impl Iterator<Item = String> {
    let text = std::str::from_utf8(text).unwrap_or_default();
    let tokens = tokens(text);
    let styles = (0..8).map(|bits| EscapeStyle {
        slashes: bits & 1 != 0,
        ascii: bits & 2 != 0,
        html: bits & 4 != 0,
    });
    styles.filter_map(move |style| Some(write(tokens.as_deref()?, style)))
}

enum Token<'a> {
    String(String),
    /// The text between strings, without white space.
    Other(&'a str),
}

/// Splits the text into strings and the parts between them. Returns `None` if it is not JSON.
fn tokens(text: &str) -> Option<Vec<Token<'_>>> {
    serde_json::from_str::<serde::de::IgnoredAny>(text).ok()?;
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find('"') {
        tokens.extend(rest[..start].split_ascii_whitespace().map(Token::Other));
        let end = start + 1 + closing_quote(&rest[start + 1..])?;
        tokens.push(Token::String(
            serde_json::from_str(&rest[start..=end]).ok()?,
        ));
        rest = &rest[end + 1..];
    }
    tokens.extend(rest.split_ascii_whitespace().map(Token::Other));
    Some(tokens)
}

fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    })
}

fn write(tokens: &[Token<'_>], style: EscapeStyle) -> String {
    let mut text = String::new();
    for token in tokens {
        match token {
            Token::Other(other) => text.push_str(other),
            Token::String(string) => {
                text.push('"');
                for c in string.chars() {
                    write_char(&mut text, c, style);
                }
                text.push('"');
            }
        }
    }
    text
}

fn write_char(text: &mut String, c: char, style: EscapeStyle) {
    let short = match c {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        '\u{8}' => "\\b",
        '\u{c}' => "\\f",
        '/' if style.slashes => "\\/",
        _ => "",
    };
    let escaped = matches!(c, '\0'..='\u{1f}')
        || (style.ascii && !c.is_ascii())
        || (style.html && matches!(c, '<' | '>' | '&' | '\u{2028}' | '\u{2029}'));
    if !short.is_empty() {
        text.push_str(short);
    } else if escaped {
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a `String` cannot fail.
            let _ = write!(text, "\\u{unit:04x}");
        }
    } else {
        text.push(c);
    }
}
