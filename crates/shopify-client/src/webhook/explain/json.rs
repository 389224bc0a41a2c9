//! Other ways to write the same JSON.

use std::fmt::Write as _;

/// How the strings of a JSON text are written.
#[derive(Debug, Clone, Copy)]
struct EscapeStyle {
    /// `\/` for `/`.
    slashes: bool,
    /// `\u00e9` for what is not ASCII.
    ascii: bool,
    /// `\u0026` for what means something in HTML.
    html: bool,
}

/// All ways to write a JSON text without white space between its tokens that common serialisers have. Numbers and the
/// order of fields stay as they are, since nobody can tell what they were. None, if it is no JSON.
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
    /// Anything between strings, without white space.
    Other(&'a str),
}

/// Splits into strings and what is between them. `None`: this is no JSON.
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
                for sign in string.chars() {
                    write_char(&mut text, sign, style);
                }
                text.push('"');
            }
        }
    }
    text
}

fn write_char(text: &mut String, sign: char, style: EscapeStyle) {
    let short = match sign {
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
    let escaped = matches!(sign, '\0'..='\u{1f}')
        || (style.ascii && !sign.is_ascii())
        || (style.html && matches!(sign, '<' | '>' | '&' | '\u{2028}' | '\u{2029}'));
    if !short.is_empty() {
        text.push_str(short);
    } else if escaped {
        for unit in sign.encode_utf16(&mut [0; 2]) {
            // A `String` takes everything.
            let _ = write!(text, "\\u{unit:04x}");
        }
    } else {
        text.push(sign);
    }
}
