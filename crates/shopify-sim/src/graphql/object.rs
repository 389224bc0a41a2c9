//! The objects that fields are asked of.

use std::borrow::Cow;

use serde_json::Value;

use super::bulk;
use super::connection::{Connection, Edge};
use super::plan::Field;
use super::refusal::Refusal;
use super::resolve::{collection, discount, inventory, product, root, shop, webhook};
use crate::bulk::Operation;
use crate::catalog::Catalog;
use crate::catalog::discount::{Discount, RedeemCode};
use crate::catalog::model::{Collection, Level, Location, Metafield, Product, Seconds, Variant};
use crate::webhook::subscription::Subscription;

/// What a field answers.
pub(crate) type Resolved<'a> = Result<Tree<'a>, Refusal>;

/// What all resolvers look at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) subscriptions: &'a [Subscription],
    pub(crate) operations: &'a [Operation],
    /// Connections give all that they have, as in a bulk operation, whatever page is asked for.
    pub(crate) everything: bool,
    /// The scopes of the token, `read_…` added to each `write_…`.
    pub(crate) scopes: &'a [String],
    pub(crate) now: Seconds,
    /// Above 0: how to mix what Shopify promises no order for.
    pub(crate) shuffle: u64,
    /// The Admin API's version that answers.
    pub(crate) version: &'a str,
}

impl Context<'_> {
    pub(crate) fn has_any(&self, scopes: &[&str]) -> bool {
        scopes
            .iter()
            .any(|scope| self.scopes.iter().any(|granted| granted == scope))
    }

    /// Refuses `ask` when the token has none of `scopes`.
    pub(crate) fn need(&self, ask: Ask<'_>, scopes: &[&str]) -> Result<(), Refusal> {
        if self.has_any(scopes) {
            Ok(())
        } else {
            Err(Refusal::denied(ask.name(), scopes))
        }
    }
}

/// Which kind of node a discount is asked for as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DiscountForm {
    Any,
    Code,
    Automatic,
}

/// Which side of a discount's bargain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Buys,
    Gets,
}

/// Something that fields are asked of, by reference into the catalogue.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Node<'a> {
    Query,
    Shop,
    Installation,
    /// Whether it was asked for at the root, which allows more variants.
    Product(&'a Product, bool),
    Variant(&'a Product, &'a Variant),
    /// An option's name with the value that a variant has.
    Choice(&'a str, &'a str),
    Item(&'a Product, &'a Variant),
    Level(&'a Product, &'a Variant, &'a Level),
    /// One of a level's quantities, by its name.
    Quantity(&'a Level, &'static str),
    Location(&'a Location),
    Collection(&'a Collection),
    CollectionSource(&'a Collection),
    Metafield(&'a Metafield, product::Owner),
    DiscountAs(&'a Discount, DiscountForm),
    Discount(&'a Discount),
    DiscountItems(&'a Discount, Side),
    RedeemCode(&'a RedeemCode),
    Subscription(&'a Subscription),
    BulkOperation(&'a Operation),
}

/// A node with its surroundings: what is asked for fields.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Object<'a> {
    pub(crate) context: &'a Context<'a>,
    pub(crate) node: Node<'a>,
}

impl<'a> Object<'a> {
    fn type_name(&self) -> &'static str {
        match self.node {
            Node::Query => "QueryRoot",
            Node::Shop => "Shop",
            Node::Installation => "AppInstallation",
            Node::Product(..) => "Product",
            Node::Variant(..) => "ProductVariant",
            Node::Choice(..) => "SelectedOption",
            Node::Item(..) => "InventoryItem",
            Node::Level(..) => "InventoryLevel",
            Node::Quantity(..) => "InventoryQuantity",
            Node::Location(_) => "Location",
            Node::Collection(_) => "Collection",
            Node::CollectionSource(_) => "CollectionConditionsSource",
            Node::Metafield(..) => "Metafield",
            Node::DiscountAs(_, DiscountForm::Any) => "DiscountNode",
            Node::DiscountAs(_, DiscountForm::Code) => "DiscountCodeNode",
            Node::DiscountAs(_, DiscountForm::Automatic) => "DiscountAutomaticNode",
            Node::Discount(discount) => discount.kind.type_name(),
            Node::DiscountItems(discount, side) => discount::items_type(discount, side),
            Node::RedeemCode(_) => "DiscountRedeemCode",
            Node::Subscription(_) => "WebhookSubscription",
            Node::BulkOperation(_) => "BulkOperation",
        }
    }

    fn resolve(&self, ask: Ask<'_>) -> Resolved<'a> {
        let context = self.context;
        match self.node {
            Node::Query => root::query(context, ask),
            Node::Shop => shop::shop(context, ask),
            Node::Installation => shop::installation(context, ask),
            Node::Product(product, at_root) => product::product(context, product, at_root, ask),
            Node::Variant(product, variant) => product::variant(context, product, variant, ask),
            Node::Choice(name, value) => product::choice(name, value, ask),
            Node::Item(product, variant) => inventory::item(context, product, variant, ask),
            Node::Level(product, variant, level) => {
                inventory::level(context, product, variant, level, ask)
            }
            Node::Quantity(level, name) => inventory::quantity(level, name, ask),
            Node::Location(location) => inventory::location(context, location, ask),
            Node::Collection(collection) => collection::collection(context, collection, ask),
            Node::CollectionSource(collection) => collection::source(collection, ask),
            Node::Metafield(field, owner) => product::metafield(field, owner, ask),
            Node::DiscountAs(discount, form) => discount::node(context, discount, form, ask),
            Node::Discount(discount) => discount::discount(context, discount, ask),
            Node::DiscountItems(discount, side) => discount::items(context, discount, side, ask),
            Node::RedeemCode(code) => discount::redeem_code(code, ask),
            Node::Subscription(subscription) => webhook::subscription(subscription, ask),
            Node::BulkOperation(operation) => bulk::operation(context, operation, ask),
        }
    }
}

/// A field's name and arguments.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask<'p> {
    pub(super) field: &'p Field,
}

impl<'p> Ask<'p> {
    pub(crate) fn name(self) -> &'p str {
        &self.field.name
    }

    /// The type of which the field is asked.
    pub(crate) fn owner(self) -> &'p str {
        &self.field.owner
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
    pub(crate) fn not_modelled(self) -> Refusal {
        Refusal::not_modelled(&format!("{}.{}", self.owner(), self.name()))
    }
}

/// What a field answers: a value, or something to ask further.
#[derive(Debug, Clone)]
pub(crate) enum Tree<'a> {
    Null,
    Flag(bool),
    Number(i64),
    Text(Cow<'a, str>),
    Json(Value),
    List(Vec<Tree<'a>>),
    /// A value without identity: money, counts, choices.
    Object(&'static str, Vec<(&'static str, Tree<'a>)>),
    Node(Object<'a>),
    Connection(Connection<'a>),
    Edge(Box<Edge<'a>>),
}

impl<'a> Tree<'a> {
    /// The node, or null.
    pub(crate) fn node(context: &'a Context<'a>, node: Option<Node<'a>>) -> Self {
        node.map_or(Self::Null, |node| Self::Node(Object { context, node }))
    }

    pub(crate) fn texts(texts: impl IntoIterator<Item = &'a str>) -> Self {
        Self::List(texts.into_iter().map(Tree::from).collect())
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

    pub(super) fn resolve(&self, ask: Ask<'_>) -> Resolved<'a> {
        match self {
            Self::Node(object) => object.resolve(ask),
            Self::Connection(connection) => connection.resolve(ask),
            Self::Edge(edge) => edge.resolve(ask),
            Self::Object(_, fields) => {
                let found = fields.iter().find(|(name, _)| *name == ask.name());
                let found = found.map(|(_, tree)| tree.clone());
                found.ok_or_else(|| ask.not_modelled())
            }
            _ => Err(ask.not_modelled()),
        }
    }
}

impl<'a> From<&'a str> for Tree<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Tree<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<bool> for Tree<'_> {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<i32> for Tree<'_> {
    fn from(number: i32) -> Self {
        Self::Number(number.into())
    }
}

impl From<usize> for Tree<'_> {
    fn from(number: usize) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<f64> for Tree<'_> {
    fn from(number: f64) -> Self {
        Self::Json(number.into())
    }
}

/// Null for nothing.
pub(crate) fn maybe<'a, T: Into<Tree<'a>>>(value: Option<T>) -> Tree<'a> {
    value.map_or(Tree::Null, Into::into)
}
