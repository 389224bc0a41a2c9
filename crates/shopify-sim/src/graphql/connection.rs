//! Connections, edges and page infos.

use super::object::{Ask, Context, Node, Object, Resolved, Tree, maybe};
use super::page::{Asked, MOST, Page, Place, Window, cursor, cut, cut_walked, fingerprint};
use super::refusal::Refusal;
use crate::catalog::generate::ById;

/// A page of nodes, ready to be asked for them.
#[derive(Debug, Clone)]
pub(crate) struct Connection<'a> {
    /// The nodes' type, of which the connection's and the edge's names are made.
    of: &'static str,
    edges: Vec<Edge<'a>>,
    has_next: bool,
    has_previous: bool,
}

/// A node with its place.
#[derive(Debug, Clone)]
pub(crate) struct Edge<'a> {
    object: Object<'a>,
    of: &'static str,
    mark: u64,
    place: Place,
    id: u64,
}

/// What is needed to answer a connection.
#[derive(Debug)]
pub(crate) struct Opening<'a> {
    context: &'a Context<'a>,
    of: &'static str,
    mark: u64,
    window: Window,
}

impl<'a> Opening<'a> {
    /// Checks the paging arguments of a connection of `of` under number `parent`; `sort` is what decides its order.
    pub(crate) fn new(
        context: &'a Context<'a>,
        ask: Ask<'_>,
        of: &'static str,
        parent: u64,
        sort: &str,
    ) -> Result<Self, Refusal> {
        Self::at_most(context, ask, of, parent, sort, MOST)
    }

    /// Like [`Self::new`], for a connection that gives up to `most` at once.
    pub(crate) fn at_most(
        context: &'a Context<'a>,
        ask: Ask<'_>,
        of: &'static str,
        parent: u64,
        sort: &str,
        most: usize,
    ) -> Result<Self, Refusal> {
        let reverse = ask.flag("reverse");
        let mark = fingerprint(&[
            ask.owner(),
            ask.name(),
            sort,
            if reverse { "down" } else { "up" },
            &parent.to_string(),
            &context.shuffle.to_string(),
        ]);
        let asked = Asked {
            first: ask.number("first"),
            last: ask.number("last"),
            after: ask.text("after"),
            before: ask.text("before"),
            reverse,
        };
        let window = if context.everything {
            Window::everything(reverse)
        } else {
            Window::check(&asked, mark, most).map_err(Refusal::bad_request)?
        };
        Ok(Self {
            context,
            of,
            mark,
            window,
        })
    }

    /// A connection whose order Shopify does not promise.
    pub(crate) fn unsorted(
        context: &'a Context<'a>,
        ask: Ask<'_>,
        of: &'static str,
        parent: u64,
    ) -> Result<Self, Refusal> {
        Self::new(context, ask, of, parent, "")
    }

    /// Answers from all nodes, in any order.
    pub(crate) fn answer(self, all: impl Iterator<Item = (Place, u64, Node<'a>)>) -> Tree<'a> {
        let page = cut(all, &self.window);
        self.connection(page)
    }

    /// Answers in the order of ids, reading no more of `all` than is shown or skipped by `node`; from `lowest` on.
    pub(crate) fn by_id<T>(
        self,
        all: &'a ById<T>,
        lowest: u64,
        node: impl Fn(&'a T) -> Option<Node<'a>>,
    ) -> Tree<'a> {
        let range = self.window.numbers(lowest);
        let inside = range.map(|range| all.range(range)).into_iter().flatten();
        let edge = |(id, thing): (&u64, &'a T)| Some((Place::Number(*id), *id, node(thing)?));
        let page = if self.window.ascends() {
            cut_walked(inside.filter_map(edge), &self.window)
        } else {
            cut_walked(inside.rev().filter_map(edge), &self.window)
        };
        self.connection(page)
    }

    fn connection(self, page: Page<Node<'a>>) -> Tree<'a> {
        let shown = page.shown.into_iter();
        let edges = shown.map(|(place, id, node)| Edge {
            object: Object {
                context: self.context,
                node,
            },
            of: self.of,
            mark: self.mark,
            place,
            id,
        });
        Tree::Connection(Connection {
            of: self.of,
            edges: edges.collect(),
            has_next: page.has_next,
            has_previous: page.has_previous,
        })
    }
}

/// Where a thing stands when Shopify promises no order: by its number, or anywhere.
pub(crate) fn anywhere(context: &Context<'_>, id: u64) -> Place {
    match context.shuffle {
        0 => Place::Number(id),
        shuffle => Place::Number(fingerprint(&[&shuffle.to_string(), &id.to_string()])),
    }
}

impl<'a> Connection<'a> {
    pub(crate) fn size(&self) -> usize {
        self.edges.len()
    }

    pub(crate) fn type_name(&self) -> &'static str {
        match self.of {
            "Product" => "ProductConnection",
            "ProductVariant" => "ProductVariantConnection",
            "InventoryItem" => "InventoryItemConnection",
            "InventoryLevel" => "InventoryLevelConnection",
            "Location" => "LocationConnection",
            "Collection" => "CollectionConnection",
            "Metafield" => "MetafieldConnection",
            "DiscountNode" => "DiscountNodeConnection",
            "DiscountCodeNode" => "DiscountCodeNodeConnection",
            "DiscountAutomaticNode" => "DiscountAutomaticNodeConnection",
            "DiscountRedeemCode" => "DiscountRedeemCodeConnection",
            "BulkOperation" => "BulkOperationConnection",
            _ => "WebhookSubscriptionConnection",
        }
    }

    pub(crate) fn resolve(&self, ask: Ask<'_>) -> Resolved<'a> {
        Ok(match ask.name() {
            "nodes" => Tree::List(
                self.edges
                    .iter()
                    .map(|edge| Tree::Node(edge.object))
                    .collect(),
            ),
            "edges" => Tree::List(
                self.edges
                    .iter()
                    .map(|edge| Tree::Edge(Box::new(edge.clone())))
                    .collect(),
            ),
            "pageInfo" => {
                let cursor = |edge: Option<&Edge<'_>>| maybe(edge.map(Edge::cursor));
                Tree::Object(
                    "PageInfo",
                    vec![
                        ("hasNextPage", self.has_next.into()),
                        ("hasPreviousPage", self.has_previous.into()),
                        ("startCursor", cursor(self.edges.first())),
                        ("endCursor", cursor(self.edges.last())),
                    ],
                )
            }
            _ => return Err(ask.not_modelled()),
        })
    }
}

impl<'a> Edge<'a> {
    fn cursor(&self) -> String {
        cursor(self.mark, &self.place, self.id)
    }

    pub(crate) fn type_name(&self) -> &'static str {
        match self.of {
            "Product" => "ProductEdge",
            "ProductVariant" => "ProductVariantEdge",
            "InventoryItem" => "InventoryItemEdge",
            "InventoryLevel" => "InventoryLevelEdge",
            "Location" => "LocationEdge",
            "Collection" => "CollectionEdge",
            "Metafield" => "MetafieldEdge",
            "DiscountNode" => "DiscountNodeEdge",
            "DiscountCodeNode" => "DiscountCodeNodeEdge",
            "DiscountAutomaticNode" => "DiscountAutomaticNodeEdge",
            "DiscountRedeemCode" => "DiscountRedeemCodeEdge",
            "BulkOperation" => "BulkOperationEdge",
            _ => "WebhookSubscriptionEdge",
        }
    }

    pub(crate) fn resolve(&self, ask: Ask<'_>) -> Resolved<'a> {
        match ask.name() {
            "cursor" => Ok(self.cursor().into()),
            "node" => Ok(Tree::Node(self.object)),
            _ => Err(ask.not_modelled()),
        }
    }
}
