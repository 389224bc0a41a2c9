//! The objects that fields are asked of.

use std::borrow::Cow;

use serde_json::Value;

use super::field_error::FieldError;
use super::page::{SortKey, cursor};
use super::plan::Field;
use crate::bulk::BulkOperation;
use crate::catalog::Catalog;
use crate::catalog::discount::{Discount, DiscountItems, RedeemCode};
use crate::catalog::model::{
    Collection, InventoryLevel, Location, Metafield, Product, Seconds, Variant,
};
use crate::webhook::subscription::Subscription;

/// What a field answers.
pub(crate) type FieldResult<'a> = Result<ResolvedValue<'a>, FieldError>;

/// What all resolvers look at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestContext<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) subscriptions: &'a [Subscription],
    pub(crate) operations: &'a [BulkOperation],
    /// Connections give all that they have, as in a bulk operation, whatever page is asked for.
    pub(crate) unpaged: bool,
    /// The scopes of the token, `read_…` added to each `write_…`.
    pub(crate) scopes: &'a [String],
    pub(crate) now: Seconds,
    /// Above 0: how to mix what Shopify promises no order for.
    pub(crate) shuffle: u64,
    /// The Admin API's version that answers.
    pub(crate) version: &'a str,
}

impl RequestContext<'_> {
    pub(crate) fn has_any_scope(&self, scopes: &[&str]) -> bool {
        scopes
            .iter()
            .any(|scope| self.scopes.iter().any(|granted| granted == scope))
    }

    /// Refuses `ask` when the token has none of `scopes`.
    pub(crate) fn require_scope(
        &self,
        selected: SelectedField<'_>,
        scopes: &[&str],
    ) -> Result<(), FieldError> {
        if self.has_any_scope(scopes) {
            Ok(())
        } else {
            Err(FieldError::access_denied(selected.name(), scopes))
        }
    }
}

/// Which kind of node a discount is asked for as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DiscountNodeKind {
    Any,
    Code,
    Automatic,
}

/// Which side of a discount's bargain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DiscountSide {
    Buys,
    Gets,
}

/// What a metafield belongs to, and whether its key is told with its namespace.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MetafieldOwner {
    pub(super) kind: &'static str,
    pub(super) qualified: bool,
}

impl MetafieldOwner {
    pub(super) const PRODUCT: Self = Self::new("PRODUCT");
    pub(super) const VARIANT: Self = Self::new("PRODUCTVARIANT");
    pub(super) const COLLECTION: Self = Self::new("COLLECTION");

    const fn new(kind: &'static str) -> Self {
        Self {
            kind,
            qualified: false,
        }
    }
}

/// Something that fields are asked of, by reference into the catalogue.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Node<'a> {
    Query,
    Shop,
    AppInstallation,
    /// Whether it was asked for at the root, which allows more variants.
    Product(&'a Product, bool),
    Variant(&'a Product, &'a Variant),
    /// An option's name with the value that a variant has.
    SelectedOption(&'a str, &'a str),
    InventoryItem(&'a Product, &'a Variant),
    InventoryLevel(&'a Product, &'a Variant, &'a InventoryLevel),
    /// One of a level's quantities, by its name.
    InventoryQuantity(&'a InventoryLevel, &'static str),
    Location(&'a Location),
    Collection(&'a Collection),
    CollectionSource(&'a Collection),
    Metafield(&'a Metafield, MetafieldOwner),
    DiscountNode(&'a Discount, DiscountNodeKind),
    Discount(&'a Discount),
    DiscountItems(&'a Discount, DiscountSide),
    RedeemCode(&'a RedeemCode),
    WebhookSubscription(&'a Subscription),
    BulkOperation(&'a BulkOperation),
}

/// A node with its surroundings: what is asked for fields.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Object<'a> {
    pub(crate) context: &'a RequestContext<'a>,
    pub(crate) node: Node<'a>,
}

impl<'a> Object<'a> {
    fn type_name(&self) -> &'static str {
        match self.node {
            Node::Query => "QueryRoot",
            Node::Shop => "Shop",
            Node::AppInstallation => "AppInstallation",
            Node::Product(..) => "Product",
            Node::Variant(..) => "ProductVariant",
            Node::SelectedOption(..) => "SelectedOption",
            Node::InventoryItem(..) => "InventoryItem",
            Node::InventoryLevel(..) => "InventoryLevel",
            Node::InventoryQuantity(..) => "InventoryQuantity",
            Node::Location(_) => "Location",
            Node::Collection(_) => "Collection",
            Node::CollectionSource(_) => "CollectionConditionsSource",
            Node::Metafield(..) => "Metafield",
            Node::DiscountNode(_, DiscountNodeKind::Any) => "DiscountNode",
            Node::DiscountNode(_, DiscountNodeKind::Code) => "DiscountCodeNode",
            Node::DiscountNode(_, DiscountNodeKind::Automatic) => "DiscountAutomaticNode",
            Node::Discount(discount) => discount.kind.type_name(),
            Node::DiscountItems(discount, side) => items_type_name(discount, side),
            Node::RedeemCode(_) => "DiscountRedeemCode",
            Node::WebhookSubscription(_) => "WebhookSubscription",
            Node::BulkOperation(_) => "BulkOperation",
        }
    }
}

pub(super) fn items_on(discount: &Discount, side: DiscountSide) -> &DiscountItems {
    match side {
        DiscountSide::Buys => &discount.buys_items,
        DiscountSide::Gets => &discount.gets_items,
    }
}

fn items_type_name(discount: &Discount, which: DiscountSide) -> &'static str {
    match items_on(discount, which) {
        DiscountItems::All => "AllDiscountItems",
        DiscountItems::Products { .. } => "DiscountProducts",
        DiscountItems::Collections(_) => "DiscountCollections",
    }
}

/// A field's name and arguments.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SelectedField<'p> {
    pub(super) field: &'p Field,
}

impl<'p> SelectedField<'p> {
    pub(crate) fn name(self) -> &'p str {
        &self.field.name
    }

    /// The type of which the field is asked.
    pub(crate) fn parent_type(self) -> &'p str {
        &self.field.parent_type
    }

    pub(crate) fn argument(self, name: &str) -> Option<&'p Value> {
        self.field.arguments.get(name)
    }

    pub(crate) fn text(self, name: &str) -> Option<&'p str> {
        self.argument(name).and_then(Value::as_str)
    }

    pub(crate) fn number(self, name: &str) -> Option<i64> {
        self.argument(name).and_then(Value::as_i64)
    }

    pub(crate) fn flag(self, name: &str) -> bool {
        self.argument(name)
            .and_then(Value::as_bool)
            .unwrap_or(false)
    }

    pub(crate) fn texts(self, name: &str) -> Option<Vec<&'p str>> {
        let list = self.argument(name)?.as_array()?;
        Some(list.iter().filter_map(Value::as_str).collect())
    }

    /// The refusal of a field of the schema that nothing stands behind here.
    pub(crate) fn not_simulated(self) -> FieldError {
        FieldError::not_simulated(&format!("{}.{}", self.parent_type(), self.name()))
    }
}

/// What a field answers: a value, or something to ask further.
#[derive(Debug, Clone)]
pub(crate) enum ResolvedValue<'a> {
    Null,
    Boolean(bool),
    Int(i64),
    String(Cow<'a, str>),
    Json(Value),
    List(Vec<ResolvedValue<'a>>),
    /// A value without identity: money, counts, choices.
    Object(&'static str, Vec<(&'static str, ResolvedValue<'a>)>),
    Node(Object<'a>),
    Connection(Connection<'a>),
    Edge(Box<Edge<'a>>),
}

impl<'a> ResolvedValue<'a> {
    /// The node, or null.
    pub(crate) fn node(context: &'a RequestContext<'a>, node: Option<Node<'a>>) -> Self {
        node.map_or(Self::Null, |node| Self::Node(Object { context, node }))
    }

    pub(crate) fn texts(texts: impl IntoIterator<Item = &'a str>) -> Self {
        Self::List(texts.into_iter().map(ResolvedValue::from).collect())
    }

    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Object(name, _) => name,
            Self::Node(object) => object.type_name(),
            Self::Connection(connection) => connection.type_name(),
            Self::Edge(edge) => edge.type_name(),
            _ => "",
        }
    }

    /// How many elements a connection shows.
    pub(super) fn size(&self) -> u64 {
        match self {
            Self::Connection(connection) => connection.size() as u64,
            _ => 1,
        }
    }
}

impl<'a> From<&'a str> for ResolvedValue<'a> {
    fn from(text: &'a str) -> Self {
        Self::String(Cow::Borrowed(text))
    }
}

impl From<String> for ResolvedValue<'_> {
    fn from(text: String) -> Self {
        Self::String(Cow::Owned(text))
    }
}

impl From<bool> for ResolvedValue<'_> {
    fn from(flag: bool) -> Self {
        Self::Boolean(flag)
    }
}

impl From<i32> for ResolvedValue<'_> {
    fn from(number: i32) -> Self {
        Self::Int(number.into())
    }
}

impl From<usize> for ResolvedValue<'_> {
    fn from(number: usize) -> Self {
        Self::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<f64> for ResolvedValue<'_> {
    fn from(number: f64) -> Self {
        Self::Json(number.into())
    }
}

/// A page of nodes, ready to be asked for them.
#[derive(Debug, Clone)]
pub(crate) struct Connection<'a> {
    /// The nodes' type, of which the connection's and the edge's names are made.
    pub(super) node_type: &'static str,
    pub(super) edges: Vec<Edge<'a>>,
    pub(super) has_next: bool,
    pub(super) has_previous: bool,
}

/// A node with its place.
#[derive(Debug, Clone)]
pub(crate) struct Edge<'a> {
    pub(super) object: Object<'a>,
    pub(super) node_type: &'static str,
    pub(super) connection_id: u64,
    pub(super) key: SortKey,
    pub(super) id: u64,
}

impl Connection<'_> {
    pub(crate) fn size(&self) -> usize {
        self.edges.len()
    }

    pub(crate) fn type_name(&self) -> &'static str {
        match self.node_type {
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
}

impl Edge<'_> {
    pub(super) fn cursor(&self) -> String {
        cursor(self.connection_id, &self.key, self.id)
    }

    pub(crate) fn type_name(&self) -> &'static str {
        match self.node_type {
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
}

/// Null for nothing.
pub(crate) fn or_null<'a, T: Into<ResolvedValue<'a>>>(value: Option<T>) -> ResolvedValue<'a> {
    value.map_or(ResolvedValue::Null, Into::into)
}
