//! Parses and evaluates the `query` argument of connections, in the subset that the simulator supports.
//!
//! Shopify ignores unknown filters and warns in `extensions.search`. The simulator rejects them, so that a misspelt
//! filter is found.

use std::cmp::Ordering;

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, PartialEq)]
struct Term {
    not: bool,
    field: String,
    comparison: Comparison,
    /// Alternative values, separated by commas in the text.
    values: Vec<String>,
}

/// A parsed `query`: groups of terms. It matches if all terms of one group match.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Search {
    any_of: Vec<Vec<Term>>,
}

/// An object that a query can be matched against.
pub(crate) trait Searchable {
    /// The value of `field`; `None` if objects of this type have no such filter.
    fn field(&self, field: &str) -> Option<SearchValue<'_>>;
}

/// A value to compare with.
#[derive(Debug, Clone)]
pub(crate) enum SearchValue<'a> {
    Number(u64),
    Timestamp(i64),
    Keyword(&'a str),
    /// Text, compared without regard to case; a trailing `*` matches a prefix.
    Text(&'a str),
    Keywords(Vec<&'a str>),
    /// JSON values, of which one has to match.
    Json(Vec<&'a Value>),
}

impl Search {
    /// Parses `text`, which may mention only `fields`.
    pub(crate) fn parse(text: Option<&str>, fields: &[&str]) -> Result<Self, String> {
        Self::parse_with(text.unwrap_or(""), Some(fields))
    }

    /// Parses `text`, which may mention any field.
    pub(crate) fn parse_any_field(text: &str) -> Result<Self, String> {
        Self::parse_with(text, None)
    }

    fn parse_with(text: &str, fields: Option<&[&str]>) -> Result<Self, String> {
        let mut groups = vec![Vec::new()];
        let mut not = false;
        for word in split_terms(text)? {
            match word.as_str() {
                "AND" => {}
                "OR" => groups.push(Vec::new()),
                "NOT" => not = true,
                _ => {
                    let mut term = parse_term(&word, fields)?;
                    term.not ^= std::mem::take(&mut not);
                    if let Some(group) = groups.last_mut() {
                        group.push(term);
                    }
                }
            }
        }
        groups.retain(|group| !group.is_empty());
        Ok(Self { any_of: groups })
    }

    /// Whether a term is about `field`.
    pub(crate) fn mentions_field(&self, field: &str) -> bool {
        self.any_of.iter().flatten().any(|term| term.field == field)
    }

    /// The lower bound that `id:>` sets, to start reading there.
    pub(crate) fn min_id(&self) -> u64 {
        let [group] = self.any_of.as_slice() else {
            return 0;
        };
        let bound = |term: &Term| match (term.not, term.field.as_str(), term.comparison) {
            (false, "id", Comparison::Greater | Comparison::GreaterOrEqual) => {
                term.values.first()?.parse().ok()
            }
            _ => None,
        };
        group.iter().filter_map(bound).max().unwrap_or(0)
    }

    pub(crate) fn matches(&self, object: &impl Searchable) -> bool {
        self.any_of.is_empty()
            || self
                .any_of
                .iter()
                .any(|group| group.iter().all(|term| term.matches(object)))
    }
}

/// Splits at spaces outside quotes. Parentheses are not supported.
fn split_terms(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    for character in text.chars() {
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (None, '\'' | '"') => quote = Some(character),
            (None, '(' | ')') => {
                return Err("the simulator does not support parentheses in `query`".to_owned());
            }
            (None, _) if character.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            _ => word.push(character),
        }
    }
    if quote.is_some() {
        return Err("`query` has an unclosed quote".to_owned());
    }
    if !word.is_empty() {
        words.push(word);
    }
    Ok(words)
}

fn parse_term(word: &str, fields: Option<&[&str]>) -> Result<Term, String> {
    let (not, word) = word
        .strip_prefix('-')
        .map_or((false, word), |rest| (true, rest));
    let (field, rest) = word
        .split_once(':')
        .ok_or_else(|| format!("the simulator does not support free text in `query`: `{word}`"))?;
    if fields.is_some_and(|fields| !fields.contains(&field)) {
        return Err(format!(
            "the simulator does not support the filter `{field}` here"
        ));
    }
    let signs = [
        (">=", Comparison::GreaterOrEqual),
        ("<=", Comparison::LessOrEqual),
        (">", Comparison::Greater),
        ("<", Comparison::Less),
    ];
    let (comparison, rest) = signs
        .iter()
        .find_map(|(sign, comparison)| Some((*comparison, rest.strip_prefix(sign)?)))
        .unwrap_or((Comparison::Equal, rest));
    let values: Vec<_> = rest
        .split(',')
        .map(|value| value.trim().to_owned())
        .filter(|value| !value.is_empty())
        .collect();
    if values.is_empty() {
        return Err(format!("the filter `{field}` has no value"));
    }
    if field.ends_with("_at") && values.iter().any(|value| parse_timestamp(value).is_none()) {
        return Err(format!("the filter `{field}` needs a date or a timestamp"));
    }
    if field == "id" && values.iter().any(|value| value.parse::<u64>().is_err()) {
        return Err("the filter `id` needs a number".to_owned());
    }
    Ok(Term {
        not,
        field: field.to_owned(),
        comparison,
        values,
    })
}

/// Parses a timestamp, or a date as its first second.
fn parse_timestamp(text: &str) -> Option<i64> {
    if let Ok(timestamp) = DateTime::parse_from_rfc3339(text) {
        return Some(timestamp.with_timezone(&Utc).timestamp());
    }
    Some(
        text.parse::<NaiveDate>()
            .ok()?
            .and_hms_opt(0, 0, 0)?
            .and_utc()
            .timestamp(),
    )
}

impl Term {
    fn matches(&self, object: &impl Searchable) -> bool {
        let Some(found) = object.field(&self.field) else {
            return false;
        };
        self.values.iter().any(|value| self.compare(&found, value)) != self.not
    }

    fn compare(&self, found: &SearchValue<'_>, value: &str) -> bool {
        if let SearchValue::Json(values) = found {
            return values.iter().any(|found| self.compare_json(found, value));
        }
        let ordering = match found {
            SearchValue::Number(number) => value.parse().ok().map(|value: u64| number.cmp(&value)),
            SearchValue::Timestamp(at) => parse_timestamp(value).map(|value| at.cmp(&value)),
            SearchValue::Keyword(word) => return word.eq_ignore_ascii_case(value),
            SearchValue::Keywords(words) => {
                return words.iter().any(|word| word.eq_ignore_ascii_case(value));
            }
            SearchValue::Text(text) => {
                let (text, pattern) = (text.to_lowercase(), value.to_lowercase());
                return match pattern.strip_suffix('*') {
                    Some(start) => text.starts_with(start),
                    None => text == pattern,
                };
            }
            SearchValue::Json(_) => None,
        };
        self.matches_ordering(ordering)
    }

    /// Compares numbers and timestamps by value, even if they are text; other text is compared literally.
    fn compare_json(&self, found: &Value, value: &str) -> bool {
        let text = match found {
            Value::String(text) => text.clone(),
            Value::Null => return false,
            other => other.to_string(),
        };
        let numbers = text.parse::<f64>().ok().zip(value.parse::<f64>().ok());
        let ordering = match numbers {
            Some((found, value)) => found.partial_cmp(&value),
            None => match parse_timestamp(&text).zip(parse_timestamp(value)) {
                Some((found, value)) => Some(found.cmp(&value)),
                None => match value.strip_suffix('*') {
                    Some(start) => return text.starts_with(start),
                    None => Some(text.as_str().cmp(value)),
                },
            },
        };
        self.matches_ordering(ordering)
    }

    fn matches_ordering(&self, ordering: Option<Ordering>) -> bool {
        ordering.is_some_and(|ordering| match self.comparison {
            Comparison::Equal => ordering.is_eq(),
            Comparison::Less => ordering.is_lt(),
            Comparison::LessOrEqual => ordering.is_le(),
            Comparison::Greater => ordering.is_gt(),
            Comparison::GreaterOrEqual => ordering.is_ge(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct SampleObject;

    impl Searchable for SampleObject {
        fn field(&self, field: &str) -> Option<SearchValue<'_>> {
            match field {
                "id" => Some(SearchValue::Number(12)),
                "status" => Some(SearchValue::Keyword("ACTIVE")),
                "title" => Some(SearchValue::Text("Blue lamp")),
                "updated_at" => Some(SearchValue::Timestamp(1_767_225_600)),
                "tag" => Some(SearchValue::Keywords(vec!["eco", "new"])),
                _ => None,
            }
        }
    }

    fn matches(text: &str) -> Result<bool, String> {
        let search = Search::parse(Some(text), &["id", "status", "title", "updated_at", "tag"])?;
        Ok(search.matches(&SampleObject))
    }

    #[test]
    fn filters_match() {
        for (text, expected) in [
            ("", true),
            ("id:12", true),
            ("id:>12", false),
            ("id:>=12 id:<13", true),
            ("status:active,draft", true),
            ("status:draft", false),
            ("-status:draft", true),
            ("NOT status:active", false),
            ("title:'blue LAMP'", true),
            ("title:blue*", true),
            ("title:lamp", false),
            ("updated_at:>='2026-01-01T00:00:00Z'", true),
            ("updated_at:>2026-01-01", false),
            ("updated_at:<2026-01-02", true),
            ("id:1 OR status:active", true),
            ("id:1 OR id:2", false),
            ("id:12 AND tag:eco", true),
        ] {
            assert_eq!(matches(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn invalid_queries_are_rejected() {
        for text in [
            "lamp",
            "colour:red",
            "id:x",
            "id:",
            "updated_at:yesterday",
            "title:'x",
            "(id:1)",
            "id:>",
        ] {
            assert!(matches(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_lowest_id_is_a_bound_only_when_it_holds_for_all() {
        let lowest = |text| Search::parse(Some(text), &["id"]).unwrap().min_id();
        assert_eq!(lowest("id:>5 id:>=9"), 9);
        assert_eq!(lowest("id:>5 OR id:1"), 0);
        assert_eq!(lowest("-id:>5"), 0);
    }
}
