//! Generates `docs/configuration.md` and `.env.example` from the comments in `config/default.toml`.

use std::fmt::Write as _;

use super::DEFAULTS;

/// A key, its default as TOML and its comment.
struct Setting<'a> {
    key: &'a str,
    default: &'a str,
    comment: String,
}

struct Section<'a> {
    name: &'a str,
    comment: String,
    entries: Vec<Setting<'a>>,
}

fn sections() -> (String, Vec<Section<'static>>) {
    let (mut intro, mut sections, mut comment) = (None, Vec::<Section<'_>>::new(), String::new());
    for line in DEFAULTS.lines() {
        if let Some(text) = line.strip_prefix('#') {
            if !comment.is_empty() {
                comment.push(' ');
            }
            comment.push_str(text.trim());
        } else if line.is_empty() {
            // The first comment, before any section, describes the whole file.
            if intro.is_none() {
                intro = Some(std::mem::take(&mut comment));
            }
        } else if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            let comment = std::mem::take(&mut comment);
            let entries = Vec::new();
            sections.push(Section {
                name,
                comment,
                entries,
            });
        } else if let (Some((key, default)), Some(section)) =
            (line.split_once(" = "), sections.last_mut())
        {
            let comment = std::mem::take(&mut comment);
            section.entries.push(Setting {
                key,
                default,
                comment,
            });
        }
    }
    (intro.unwrap_or_default(), sections)
}

/// The contents of `docs/configuration.md`.
pub fn configuration_page() -> String {
    let (intro, sections) = sections();
    let mut page = format!(
        "# Configuration\n\n<!-- Generated from config/default.toml by `shopsync check-config --reference`; a test checks that it is current. -->\n\n\
         {intro}\n\n`shopsync check-config` prints the settings in force and the origin of each, without secrets.\n"
    );
    for section in sections {
        let (name, comment) = (section.name, section.comment);
        // Writing to a `String` cannot fail.
        let _ = write!(
            page,
            "\n## `[{name}]`\n\n{comment}\n\n| Key | Default | Meaning |\n| --- | --- | --- |\n"
        );
        for entry in section.entries {
            let Setting {
                key,
                default,
                comment,
            } = entry;
            let _ = writeln!(
                page,
                "| `{key}` | `{default}` | {} |",
                with_variable_name(&comment)
            );
        }
    }
    page
}

/// Replaces a variable name in brackets at the end by a sentence that names it.
fn with_variable_name(comment: &str) -> String {
    match comment.rsplit_once(" [") {
        Some((text, name)) if name.ends_with(']') => {
            format!("{text} Variable: `{}`.", name.trim_end_matches(']'))
        }
        _ => comment.to_owned(),
    }
}

/// The contents of `.env.example`: every setting that has a short variable name.
pub fn env_example() -> String {
    let mut example = String::from(
        "# Copy this file to .env and fill it in. All settings are described in docs/configuration.md.\n",
    );
    for section in sections().1 {
        for entry in section.entries {
            let Some((text, name)) = entry.comment.rsplit_once(" [") else {
                continue;
            };
            let name = name.trim_end_matches(']');
            let default = entry.default.trim_matches('"');
            let prefix = if is_required(name) { "" } else { "# " };
            let _ = write!(example, "\n# {text}\n{prefix}{name}={default}\n");
        }
    }
    example
}

fn is_required(name: &str) -> bool {
    let has_vendor_prefix = name.starts_with("SHOPIFY_") || name.starts_with("SPACES_");
    let optional = [
        "SHOPIFY_API_SECRET_PREVIOUS",
        "SHOPIFY_ENDPOINT",
        "SPACES_ENDPOINT",
    ];
    (has_vendor_prefix && !optional.contains(&name)) || name == "STATE_TOKEN_SECRET"
}
