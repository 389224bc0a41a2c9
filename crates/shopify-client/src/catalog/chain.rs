//! Follows the cursors of a paged list and detects broken chains.

use std::collections::HashSet;

use crate::Error;
use crate::model::PageInfo;

/// The paged read of one list, with the cursors already used.
#[derive(Debug)]
pub(super) struct CursorChain {
    operation: &'static str,
    cursors: HashSet<String>,
}

impl CursorChain {
    pub(super) fn new(operation: &'static str) -> Self {
        Self {
            operation,
            cursors: HashSet::new(),
        }
    }

    /// The cursor of the next page; `None` after the last page.
    ///
    /// # Errors
    /// [`Error::BrokenPaging`] if `hasNextPage` is true but there is no cursor, or if the cursor was already used.
    pub(super) fn next(&mut self, page: &PageInfo) -> Result<Option<String>, Error> {
        if !page.has_next_page {
            return Ok(None);
        }
        let cursor = page.end_cursor.clone().filter(|cursor| !cursor.is_empty());
        let cursor = cursor.ok_or_else(|| self.broken())?;
        if !self.cursors.insert(cursor.clone()) {
            return Err(self.broken());
        }
        Ok(Some(cursor))
    }

    pub(super) fn broken(&self) -> Error {
        let operation = self.operation;
        Error::BrokenPaging { operation }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(cursor: Option<&str>) -> PageInfo {
        PageInfo {
            has_next_page: true,
            end_cursor: cursor.map(str::to_owned),
        }
    }

    #[test]
    fn a_chain_ends_at_the_last_page() {
        let mut chain = CursorChain::new("ListPage");
        assert_eq!(chain.next(&page(Some("a"))).unwrap().as_deref(), Some("a"));
        let last = PageInfo {
            has_next_page: false,
            end_cursor: Some("a".to_owned()),
        };
        assert_eq!(chain.next(&last).unwrap(), None);
    }

    #[test]
    fn a_missing_or_repeated_cursor_breaks_the_chain() {
        let mut chain = CursorChain::new("ListPage");
        for broken in [None, Some("")] {
            let error = chain.next(&page(broken)).unwrap_err();
            assert!(matches!(
                error,
                Error::BrokenPaging {
                    operation: "ListPage"
                }
            ));
        }
        chain.next(&page(Some("a"))).unwrap();
        chain.next(&page(Some("b"))).unwrap();
        assert!(chain.next(&page(Some("a"))).is_err());
    }
}
