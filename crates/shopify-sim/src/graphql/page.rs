//! Selects the page of a connection, and encodes and decodes its cursors.
//!
//! A cursor is valid only for the connection and sort order that it came from.

use std::cmp::Reverse;
use std::ops::RangeInclusive;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::fnv::{OFFSET_BASIS, fnv1a};

/// The maximum page size.
pub(crate) const MAX_PAGE_SIZE: usize = 250;

/// The position of a node in a sort order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum SortKey {
    /// An unsigned number.
    Number(u64),
    /// A signed number, such as a timestamp.
    Signed(i64),
    /// Text.
    Text(String),
    /// Text in descending order.
    TextDescending(Reverse<String>),
}

/// Checked paging arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PageWindow {
    pub(crate) first: Option<usize>,
    pub(crate) last: Option<usize>,
    pub(crate) after: Option<(SortKey, u64)>,
    pub(crate) before: Option<(SortKey, u64)>,
    pub(crate) reverse: bool,
}

/// The paging arguments of a request.
#[derive(Debug, Clone, Default)]
pub(crate) struct PagingArguments<'a> {
    pub(crate) first: Option<i64>,
    pub(crate) last: Option<i64>,
    pub(crate) after: Option<&'a str>,
    pub(crate) before: Option<&'a str>,
    pub(crate) reverse: bool,
}

#[derive(Serialize, Deserialize)]
struct Cursor {
    /// Identifies the connection and its sort order.
    of: u64,
    at: SortKey,
    id: u64,
}

/// Encodes the cursor of the node at `key` in the connection `of`.
pub(crate) fn cursor(of: u64, key: &SortKey, id: u64) -> String {
    let cursor = Cursor {
        of,
        at: key.clone(),
        id,
    };
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&cursor).unwrap_or_default())
}

fn read_cursor(of: u64, text: &str) -> Result<(SortKey, u64), String> {
    let invalid = || "Invalid cursor for current pagination sort.".to_owned();
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid())?;
    let cursor: Cursor = serde_json::from_slice(&bytes).map_err(|_| invalid())?;
    if cursor.of == of {
        Ok((cursor.at, cursor.id))
    } else {
        Err(invalid())
    }
}

impl PageWindow {
    /// Checks the arguments for the connection `of`, whose maximum page size is `max`.
    pub(crate) fn check(
        arguments: &PagingArguments<'_>,
        of: u64,
        max: usize,
    ) -> Result<Self, String> {
        let size = |name: &str, value: Option<i64>| match value {
            None => Ok(None),
            Some(value) => match usize::try_from(value) {
                Ok(value) if value > max => Err(format!(
                    "The `{name}` argument cannot exceed {max}; {value} was given."
                )),
                Ok(value) if value > 0 => Ok(Some(value)),
                _ => Err(format!("The `{name}` argument must be greater than 0.")),
            },
        };
        let (first, last) = (
            size("first", arguments.first)?,
            size("last", arguments.last)?,
        );
        match (first, last) {
            (None, None) => return Err("you must provide one of first or last".to_owned()),
            (Some(_), Some(_)) => {
                return Err("providing both first and last is not supported".to_owned());
            }
            _ => {}
        }
        let key = |text: Option<&str>| text.map(|text| read_cursor(of, text)).transpose();
        Ok(Self {
            first,
            last,
            after: key(arguments.after)?,
            before: key(arguments.before)?,
            reverse: arguments.reverse,
        })
    }

    /// All nodes, without paging.
    pub(crate) fn unpaged(reverse: bool) -> Self {
        Self {
            first: Some(usize::MAX - 1),
            last: None,
            after: None,
            before: None,
            reverse,
        }
    }

    fn page_size(&self) -> usize {
        self.first.or(self.last).unwrap_or(MAX_PAGE_SIZE)
    }

    /// Whether the page is found by walking up from the lowest sort key.
    pub(crate) fn ascends(&self) -> bool {
        self.first.is_some() != self.reverse
    }

    /// The range of ids that the page lies in, for a connection sorted by id; `None` if it is empty.
    pub(crate) fn id_range(&self, lowest: u64) -> Option<RangeInclusive<u64>> {
        let (low, high) = if self.reverse {
            (&self.before, &self.after)
        } else {
            (&self.after, &self.before)
        };
        let low = match low {
            Some((_, id)) => id.checked_add(1)?.max(lowest),
            None => lowest,
        };
        let high = match high {
            Some((_, id)) => id.checked_sub(1)?,
            None => u64::MAX,
        };
        (low <= high).then_some(low..=high)
    }

    fn page<T>(&self, shown: Vec<(SortKey, u64, T)>, more: bool) -> Page<T> {
        let forward = self.first.is_some();
        Page {
            shown,
            has_next: if forward { more } else { self.before.is_some() },
            has_previous: if forward { self.after.is_some() } else { more },
        }
    }

    /// Whether `at` lies between the cursors.
    pub(crate) fn contains(&self, at: &(SortKey, u64)) -> bool {
        let follows = |position: &(SortKey, u64)| {
            if self.reverse {
                at < position
            } else {
                at > position
            }
        };
        let precedes = |position: &(SortKey, u64)| {
            if self.reverse {
                at > position
            } else {
                at < position
            }
        };
        self.after.as_ref().is_none_or(follows) && self.before.as_ref().is_none_or(precedes)
    }
}

/// The nodes of a page, with their sort keys and ids.
#[derive(Debug)]
pub(crate) struct Page<T> {
    pub(crate) shown: Vec<(SortKey, u64, T)>,
    pub(crate) has_next: bool,
    pub(crate) has_previous: bool,
}

/// Selects the page from nodes that come in the direction of [`PageWindow::ascends`], within [`PageWindow::id_range`].
/// Reads no further than the page.
pub(crate) fn select_page_sorted<T>(
    all: impl Iterator<Item = (SortKey, u64, T)>,
    window: &PageWindow,
) -> Page<T> {
    let page_size = window.page_size();
    let mut shown: Vec<_> = all.take(page_size + 1).collect();
    let more = shown.len() > page_size;
    shown.truncate(page_size);
    if window.ascends() == window.reverse {
        shown.reverse();
    }
    window.page(shown, more)
}

/// Selects the page from all nodes, given in any order.
pub(crate) fn select_page<T>(
    all: impl Iterator<Item = (SortKey, u64, T)>,
    window: &PageWindow,
) -> Page<T> {
    let mut inside: Vec<_> = all
        .map(|(key, id, node)| ((key, id), node))
        .filter(|(at, _)| window.contains(at))
        .collect();
    let page_size = window.page_size();
    let from_the_end = !window.ascends();
    let more = inside.len() > page_size;
    if more {
        // Only the nodes of the page have to be sorted.
        let order = |a: &((SortKey, u64), T), b: &((SortKey, u64), T)| {
            let ascending = a.0.cmp(&b.0);
            if from_the_end {
                ascending.reverse()
            } else {
                ascending
            }
        };
        inside.select_nth_unstable_by(page_size - 1, order);
        inside.truncate(page_size);
    }
    inside.sort_by(|a, b| a.0.cmp(&b.0));
    if window.reverse {
        inside.reverse();
    }
    let shown = inside.into_iter();
    let shown = shown.map(|((key, id), node)| (key, id, node));
    window.page(shown.collect(), more)
}

/// A stable number for a connection and its sort order; cursors contain it.
pub(crate) fn fingerprint(parts: &[&str]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0]));
    fnv1a(OFFSET_BASIS, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(arguments: &PagingArguments<'_>) -> Result<PageWindow, String> {
        PageWindow::check(arguments, 1, MAX_PAGE_SIZE)
    }

    #[test]
    fn sizes_are_checked() {
        for (first, last, message) in [
            (None, None, "one of first or last"),
            (Some(1), Some(1), "both"),
            (Some(0), None, "greater than 0"),
            (Some(-1), None, "greater than 0"),
            (Some(251), None, "cannot exceed 250"),
            (None, Some(251), "cannot exceed 250"),
        ] {
            let error = window(&PagingArguments {
                first,
                last,
                ..PagingArguments::default()
            })
            .unwrap_err();
            assert!(error.contains(message), "{error}");
        }
        assert!(
            window(&PagingArguments {
                first: Some(250),
                ..PagingArguments::default()
            })
            .is_ok()
        );
    }

    #[test]
    fn a_cursor_of_another_connection_is_rejected() {
        let foreign = cursor(2, &SortKey::Number(1), 1);
        for after in [foreign.as_str(), "", "!", "e30"] {
            let arguments = PagingArguments {
                first: Some(1),
                after: Some(after),
                ..PagingArguments::default()
            };
            assert!(
                window(&arguments).unwrap_err().contains("Invalid cursor"),
                "{after}"
            );
        }
    }

    fn collect_ids(numbers: &[u64], size: i64, reverse: bool, forward: bool) -> Vec<u64> {
        let mut seen = Vec::new();
        let mut position: Option<String> = None;
        loop {
            let arguments = PagingArguments {
                first: forward.then_some(size),
                last: (!forward).then_some(size),
                after: position.as_deref().filter(|_| forward),
                before: position.as_deref().filter(|_| !forward),
                reverse,
            };
            let page = select_page(
                numbers.iter().map(|n| (SortKey::Number(n / 3), *n, *n)),
                &window(&arguments).unwrap(),
            );
            assert!(page.shown.len() <= usize::try_from(size).unwrap());
            let ids: Vec<u64> = page.shown.iter().map(|(_, _, n)| *n).collect();
            let edge = if forward {
                page.shown.last()
            } else {
                page.shown.first()
            };
            position = edge.map(|(key, id, _)| cursor(1, key, *id));
            seen = if forward {
                [seen, ids].concat()
            } else {
                [ids, seen].concat()
            };
            let more = if forward {
                page.has_next
            } else {
                page.has_previous
            };
            if !more {
                return seen;
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn pages_together_hold_everything_once_in_order(
            numbers in proptest::collection::btree_set(0..500_u64, 0..80), size in 1..20_i64, reverse: bool, forward: bool,
        ) {
            let mut expected: Vec<u64> = numbers.into_iter().collect();
            let mixed: Vec<u64> = expected.iter().rev().step_by(2).chain(expected.iter().rev().skip(1).step_by(2)).copied().collect();
            if reverse {
                expected.reverse();
            }
            proptest::prop_assert_eq!(collect_ids(&mixed, size, reverse, forward), expected);
        }
    }
}
