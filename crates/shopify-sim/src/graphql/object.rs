//! Defines the objects and values that fields are resolved on.

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

/// The resolved value of a field, or its error.
pub(crate) type FieldResult<'a> = Result<ResolvedValue<'a>, FieldError>;

/// What all resolvers read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestContext<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) subscriptions: &'a [Subscription],
    pub(crate) operations: &'a [BulkOperation],
    /// Connections return all their nodes and ignore the paging arguments, as in a bulk operation.
    pub(crate) unpaged: bool,
    /// The token's scopes, with the `read_…` scope that each `write_…` scope implies.
    pub(crate) scopes: &'a [String],
    pub(crate) now: Seconds,
    /// Above 0: the seed for shuffling results whose order Shopify does not specify.
    pub(crate) shuffle: u64,
    /// The version of the Admin API that serves the request.
    pub(crate) version: &'a str,
}

impl RequestContext<'_> {
    pub(crate) fn has_any_scope(&self, scopes: &[&str]) -> bool {
        scopes
            .iter()
            .any(|scope| self.scopes.iter().any(|granted| granted == scope))
    }

    /// Returns an access error for `selected` if the token has none of `scopes`.
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

/// The type of node that a discount is queried as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DiscountNodeKind {
    Any,
    Code,
    Automatic,
}

/// One of the two lists of items that a discount has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DiscountSide {
    Buys,
    Gets,
}

/// The type that a metafield belongs to, and whether its key is shown with its namespace.
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

/// An object of the schema, by reference into the catalogue.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ObjectRef<'a> {
    Query,
    Shop,
    AppInstallation,
    /// The flag tells whether it was selected at the root, which allows larger pages of variants.
    Product(&'a Product, bool),
    Variant(&'a Product, &'a Variant),
    /// The name of an option and the value that a variant has.
    SelectedOption(&'a str, &'a str),
    InventoryItem(&'a Product, &'a Variant),
    InventoryLevel(&'a Product, &'a Variant, &'a InventoryLevel),
    /// One quantity of a level, by its name.
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

/// An object of the schema with the context of the request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Object<'a> {
    pub(crate) context: &'a RequestContext<'a>,
    pub(crate) node: ObjectRef<'a>,
}

impl Object<'_> {
    fn type_name(&self) -> &'static str {
        match self.node {
            ObjectRef::Query => "QueryRoot",
            ObjectRef::Shop => "Shop",
            ObjectRef::AppInstallation => "AppInstallation",
            ObjectRef::Product(..) => "Product",
            ObjectRef::Variant(..) => "ProductVariant",
            ObjectRef::SelectedOption(..) => "SelectedOption",
            ObjectRef::InventoryItem(..) => "InventoryItem",
            ObjectRef::InventoryLevel(..) => "InventoryLevel",
            ObjectRef::InventoryQuantity(..) => "InventoryQuantity",
            ObjectRef::Location(_) => "Location",
            ObjectRef::Collection(_) => "Collection",
            ObjectRef::CollectionSource(_) => "CollectionConditionsSource",
            ObjectRef::Metafield(..) => "Metafield",
            ObjectRef::DiscountNode(_, DiscountNodeKind::Any) => "DiscountNode",
            ObjectRef::DiscountNode(_, DiscountNodeKind::Code) => "DiscountCodeNode",
            ObjectRef::DiscountNode(_, DiscountNodeKind::Automatic) => "DiscountAutomaticNode",
            ObjectRef::Discount(discount) => discount.kind.type_name(),
            ObjectRef::DiscountItems(discount, side) => items_type_name(discount, side),
            ObjectRef::RedeemCode(_) => "DiscountRedeemCode",
            ObjectRef::WebhookSubscription(_) => "WebhookSubscription",
            ObjectRef::BulkOperation(_) => "BulkOperation",
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

/// A selected field: its name and arguments.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SelectedField<'p> {
    pub(super) field: &'p Field,
}

impl<'p> SelectedField<'p> {
    pub(crate) fn name(self) -> &'p str {
        &self.field.name
    }

    /// The type on which the field is selected.
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

    /// The error for a field of the schema that the simulator does not implement.
    pub(crate) fn not_simulated(self) -> FieldError {
        FieldError::not_simulated(&format!("{}.{}", self.parent_type(), self.name()))
    }
}

/// The resolved value of a field: a leaf, or an object with further fields.
#[derive(Debug, Clone)]
pub(crate) enum ResolvedValue<'a> {
    Null,
    Boolean(bool),
    Int(i64),
    String(Cow<'a, str>),
    Json(Value),
    List(Vec<ResolvedValue<'a>>),
    /// An object without an id, such as money or a count, by its type name and fields.
    Object(&'static str, Vec<(&'static str, ResolvedValue<'a>)>),
    Node(Object<'a>),
    Connection(Connection<'a>),
    Edge(Box<Edge<'a>>),
}

impl<'a> ResolvedValue<'a> {
    /// The node, or null.
    pub(crate) fn node(context: &'a RequestContext<'a>, node: Option<ObjectRef<'a>>) -> Self {
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

    /// The number of nodes of a connection, for its cost.
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

/// One page of a connection.
#[derive(Debug, Clone)]
pub(crate) struct Connection<'a> {
    /// The type name of the nodes; the connection's and the edge's names are derived from it.
    pub(super) node_type: &'static str,
    pub(super) edges: Vec<Edge<'a>>,
    pub(super) has_next: bool,
    pub(super) has_previous: bool,
}

/// A node with its position in the connection.
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

/// The value, or null.
pub(crate) fn or_null<'a, T: Into<ResolvedValue<'a>>>(value: Option<T>) -> ResolvedValue<'a> {
    value.map_or(ResolvedValue::Null, Into::into)
}
