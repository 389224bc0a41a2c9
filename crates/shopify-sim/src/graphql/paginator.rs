//! Builds pages of connections from the nodes of the catalogue.

use super::field_error::FieldError;
use super::object::{
    Connection, Edge, Object, ObjectRef, RequestContext, ResolvedValue, SelectedField,
};
use super::page::{
    MAX_PAGE_SIZE, Page, PageWindow, PagingArguments, SortKey, fingerprint, select_page,
    select_page_sorted,
};
use crate::catalog::model::ById;

/// The checked paging arguments of one connection.
#[derive(Debug)]
pub(crate) struct Paginator<'a> {
    context: &'a RequestContext<'a>,
    node_type: &'static str,
    connection_id: u64,
    window: PageWindow,
}

impl<'a> Paginator<'a> {
    /// Checks the paging arguments of a connection of type `node_type` on the object with the id `parent`; `sort` names
    /// its sort order.
    pub(crate) fn new(
        context: &'a RequestContext<'a>,
        selected: SelectedField<'_>,
        node_type: &'static str,
        parent: u64,
        sort: &str,
    ) -> Result<Self, FieldError> {
        Self::with_max(context, selected, node_type, parent, sort, MAX_PAGE_SIZE)
    }

    /// Like [`Self::new`], with the maximum page size `max`.
    pub(crate) fn with_max(
        context: &'a RequestContext<'a>,
        selected: SelectedField<'_>,
        node_type: &'static str,
        parent: u64,
        sort: &str,
        max: usize,
    ) -> Result<Self, FieldError> {
        let reverse = selected.flag("reverse");
        let connection_id = fingerprint(&[
            selected.parent_type(),
            selected.name(),
            sort,
            if reverse { "down" } else { "up" },
            &parent.to_string(),
            &context.shuffle.to_string(),
        ]);
        let arguments = PagingArguments {
            first: selected.number("first"),
            last: selected.number("last"),
            after: selected.text("after"),
            before: selected.text("before"),
            reverse,
        };
        let window = if context.unpaged {
            PageWindow::unpaged(reverse)
        } else {
            PageWindow::check(&arguments, connection_id, max).map_err(FieldError::bad_request)?
        };
        Ok(Self {
            context,
            node_type,
            connection_id,
            window,
        })
    }

    /// A connection without a specified sort order.
    pub(crate) fn unsorted(
        context: &'a RequestContext<'a>,
        selected: SelectedField<'_>,
        node_type: &'static str,
        parent: u64,
    ) -> Result<Self, FieldError> {
        Self::new(context, selected, node_type, parent, "")
    }

    /// Selects the page from all nodes, given in any order.
    pub(crate) fn paginate(
        self,
        all: impl Iterator<Item = (SortKey, u64, ObjectRef<'a>)>,
    ) -> ResolvedValue<'a> {
        let page = select_page(all, &self.window);
        self.connection(page)
    }

    /// Selects the page in the order of ids, from `lowest` on. Reads only the nodes of the page and those that `node`
    /// skips.
    pub(crate) fn paginate_by_id<T>(
        self,
        all: &'a ById<T>,
        lowest: u64,
        node: impl Fn(&'a T) -> Option<ObjectRef<'a>>,
    ) -> ResolvedValue<'a> {
        let range = self.window.id_range(lowest);
        let inside = range.map(|range| all.range(range)).into_iter().flatten();
        let edge = |(id, object): (&u64, &'a T)| Some((SortKey::Number(*id), *id, node(object)?));
        let page = if self.window.ascends() {
            select_page_sorted(inside.filter_map(edge), &self.window)
        } else {
            select_page_sorted(inside.rev().filter_map(edge), &self.window)
        };
        self.connection(page)
    }

    fn connection(self, page: Page<ObjectRef<'a>>) -> ResolvedValue<'a> {
        let shown = page.shown.into_iter();
        let edges = shown.map(|(key, id, node)| Edge {
            object: Object {
                context: self.context,
                node,
            },
            node_type: self.node_type,
            connection_id: self.connection_id,
            key,
            id,
        });
        ResolvedValue::Connection(Connection {
            node_type: self.node_type,
            edges: edges.collect(),
            has_next: page.has_next,
            has_previous: page.has_previous,
        })
    }
}

/// The sort key when Shopify specifies no order: the id, or a shuffled one.
pub(crate) fn unordered_key(context: &RequestContext<'_>, id: u64) -> SortKey {
    match context.shuffle {
        0 => SortKey::Number(id),
        shuffle => SortKey::Number(fingerprint(&[&shuffle.to_string(), &id.to_string()])),
    }
}
