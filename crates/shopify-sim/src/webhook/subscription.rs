//! Models webhook subscriptions: which events they match, and which fields they include.

use serde_json::{Map, Value};
use url::{Host, Url};

use crate::catalog::change::Event;
use crate::catalog::model::Seconds;
use crate::graphql::search::{Search, SearchValue, Searchable};

/// A subscription created through the API.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Subscription {
    pub(crate) id: u64,
    /// The topic as the API names it: `PRODUCTS_UPDATE`.
    pub(crate) topic: String,
    /// The address of deliveries.
    pub(crate) uri: String,
    /// Always `JSON`.
    pub(crate) format: &'static str,
    /// Which bodies are delivered, in Shopify's search syntax.
    pub(crate) filter: Option<String>,
    /// The fields of the body that are delivered, such as `id` or `variants.price`; all if empty.
    pub(crate) include_fields: Vec<String>,
    pub(crate) metafield_namespaces: Vec<String>,
    pub(crate) name: Option<String>,
    pub(crate) created_at: Seconds,
    pub(crate) updated_at: Seconds,
    /// The API version of the bodies.
    pub(crate) api_version: String,
}

impl Subscription {
    /// Whether `event` is delivered to it.
    ///
    /// As at Shopify, the filter is applied to the included fields only: a filter on a field that is not included never
    /// matches.
    pub(crate) fn matches_event(&self, event: &Event) -> bool {
        if topic_enum(event.topic) != self.topic {
            return false;
        }
        let Some(filter) = &self.filter else {
            return true;
        };
        let search = Search::parse_any_field(filter);
        search.is_ok_and(|search| search.matches(&SearchableBody(&self.body(event))))
    }

    /// The body of `event`, with the included fields.
    pub(crate) fn body(&self, event: &Event) -> Value {
        if self.include_fields.is_empty() {
            return event.body.clone();
        }
        let paths = self.include_fields.iter();
        let paths: Vec<Vec<&str>> = paths.map(|path| path.split('.').collect()).collect();
        let paths: Vec<&[&str]> = paths.iter().map(Vec::as_slice).collect();
        select_fields(&event.body, &paths)
    }

    /// The topic as deliveries name it: `products/update`.
    pub(crate) fn topic_path(&self) -> String {
        let split = MULTI_WORD_RESOURCES
            .iter()
            .map(|resource| resource.len())
            .filter(|length| self.topic.as_bytes().get(*length) == Some(&b'_'))
            .filter(|length| MULTI_WORD_RESOURCES.contains(&&self.topic[..*length]))
            .max()
            .or_else(|| self.topic.find('_'));
        match split {
            Some(at) => format!("{}/{}", &self.topic[..at], &self.topic[at + 1..]).to_lowercase(),
            None => self.topic.to_lowercase(),
        }
    }
}

/// Resources whose names contain an underscore.
const MULTI_WORD_RESOURCES: [&str; 42] = [
    "APP_PURCHASES",
    "APP_SUBSCRIPTIONS",
    "AUDIT_EVENTS",
    "BULK_OPERATIONS",
    "COLLECTION_LISTINGS",
    "COLLECTION_PUBLICATIONS",
    "COMPANY_CONTACTS",
    "COMPANY_CONTACT_ROLES",
    "COMPANY_LOCATIONS",
    "CUSTOMER_ACCOUNT_SETTINGS",
    "CUSTOMER_GROUPS",
    "CUSTOMER_PAYMENT_METHODS",
    "DELIVERY_PROMISE_SETTINGS",
    "DRAFT_ORDERS",
    "FINANCE_APP_STAFF_MEMBER",
    "FINANCE_KYC_INFORMATION",
    "FULFILLMENT_EVENTS",
    "FULFILLMENT_HOLDS",
    "FULFILLMENT_ORDERS",
    "INVENTORY_ITEMS",
    "INVENTORY_LEVELS",
    "INVENTORY_SHIPMENTS",
    "INVENTORY_TRANSFERS",
    "MARKETS_BACKUP_REGION",
    "METAFIELD_DEFINITIONS",
    "ORDER_TRANSACTIONS",
    "PAYMENT_SCHEDULES",
    "PAYMENT_TERMS",
    "PRODUCT_FEEDS",
    "PRODUCT_LISTINGS",
    "PRODUCT_PUBLICATIONS",
    "REVERSE_DELIVERIES",
    "REVERSE_FULFILLMENT_ORDERS",
    "SCHEDULED_PRODUCT_LISTINGS",
    "SELLING_PLAN_GROUPS",
    "SHIPPING_ADDRESSES",
    "SUBSCRIPTION_BILLING_ATTEMPTS",
    "SUBSCRIPTION_BILLING_CYCLES",
    "SUBSCRIPTION_BILLING_CYCLE_EDITS",
    "SUBSCRIPTION_CONTRACTS",
    "TAX_SERVICES",
    "TENDER_TRANSACTIONS",
];

/// The topic `products/update` as the API names it.
fn topic_enum(path: &str) -> String {
    path.replace('/', "_").to_uppercase()
}

/// The scopes of which an app needs one to subscribe to `topic`; empty if it needs none or the simulator never sends
/// it.
pub(crate) fn required_scopes(topic: &str) -> &'static [&'static str] {
    let about = |resources: &[&str]| resources.iter().any(|each| topic.starts_with(each));
    if about(&["PRODUCTS_", "COLLECTIONS_", "VARIANTS_"]) {
        &["read_products"]
    } else if about(&["INVENTORY_LEVELS_"]) {
        &["read_inventory"]
    } else if about(&["INVENTORY_ITEMS_"]) {
        &["read_inventory", "read_products"]
    } else if about(&["DISCOUNTS_"]) {
        &["read_discounts"]
    } else if about(&["LOCATIONS_"]) {
        &["read_locations"]
    } else {
        &[]
    }
}

/// `value`, with only `paths`; in lists, of every element.
fn select_fields(value: &Value, paths: &[&[&str]]) -> Value {
    if paths.iter().any(|path| path.is_empty()) {
        return value.clone();
    }
    match value {
        Value::Array(elements) => elements
            .iter()
            .map(|each| select_fields(each, paths))
            .collect(),
        Value::Object(fields) => {
            let mut left = Map::new();
            for (key, value) in fields {
                let inner = paths.iter().filter(|path| path[0] == key);
                let inner: Vec<&[&str]> = inner.map(|path| &path[1..]).collect();
                if !inner.is_empty() {
                    left.insert(key.clone(), select_fields(value, &inner));
                }
            }
            left.into()
        }
        plain => plain.clone(),
    }
}

/// A body that a filter is applied to: `variants.price` means the price of any variant.
struct SearchableBody<'a>(&'a Value);

impl Searchable for SearchableBody<'_> {
    fn field(&self, field: &str) -> Option<SearchValue<'_>> {
        let mut found = vec![self.0];
        for step in field.split('.') {
            let inside = found.into_iter().flat_map(elements);
            found = inside.filter_map(|value| value.get(step)).collect();
        }
        let found: Vec<_> = found.into_iter().flat_map(elements).collect();
        (!found.is_empty()).then_some(SearchValue::Json(found))
    }
}

fn elements(value: &Value) -> &[Value] {
    match value {
        Value::Array(elements) => elements,
        single => std::slice::from_ref(single),
    }
}

/// The input for a subscription; `None` keeps the value.
#[derive(Debug, Clone, Default)]
pub(crate) struct SubscriptionInput {
    pub(crate) uri: Option<String>,
    /// Empty: no filter.
    pub(crate) filter: Option<String>,
    pub(crate) include_fields: Option<Vec<String>>,
    /// Empty: no name.
    pub(crate) name: Option<String>,
}

/// A `UserError`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UserError {
    pub(crate) field: Vec<&'static str>,
    pub(crate) message: String,
}

impl UserError {
    /// An error about a field of the input object.
    pub(crate) fn of(field: &'static str, message: &str) -> Self {
        Self {
            field: vec!["webhookSubscription", field],
            message: message.to_owned(),
        }
    }
}

impl SubscriptionInput {
    /// The user errors for a subscription to `topic`, among `others`; `own` is the one being updated.
    pub(crate) fn check(
        &self,
        topic: &str,
        own: Option<u64>,
        others: &[Subscription],
    ) -> Vec<UserError> {
        let mut errors = Vec::new();
        if let Some(uri) = &self.uri {
            errors.extend(validate_uri(uri).err());
            let taken = |each: &Subscription| {
                Some(each.id) != own && each.topic == topic && each.uri == *uri
            };
            if others.iter().any(taken) {
                let message = "Address for this topic has already been taken";
                errors.push(UserError::of("uri", message));
            }
        }
        if let Some(filter) = &self.filter
            && Search::parse_any_field(filter).is_err()
        {
            let message = "The specified filter is invalid, please ensure you specify the field(s) you wish to filter on.";
            errors.push(UserError::of("filter", message));
        }
        errors
    }

    pub(crate) fn apply(self, subscription: &mut Subscription) {
        if let Some(uri) = self.uri {
            subscription.uri = uri;
        }
        if let Some(filter) = self.filter {
            subscription.filter = Some(filter).filter(|filter| !filter.is_empty());
        }
        if let Some(fields) = self.include_fields {
            subscription.include_fields = fields;
        }
        if let Some(name) = self.name {
            subscription.name = Some(name).filter(|name| !name.is_empty());
        }
    }
}

/// Checks the address of deliveries. Unlike Shopify, the simulator also delivers to loopback addresses over http.
fn validate_uri(uri: &str) -> Result<(), UserError> {
    let error = |message: &str| Err(UserError::of("uri", message));
    if uri.starts_with("pubsub://") || uri.starts_with("arn:") {
        return error("The simulator delivers to https addresses only");
    }
    let Ok(url) = Url::parse(uri) else {
        return error("Address is invalid");
    };
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" if url.has_host() => Ok(()),
        "http" if is_here => Ok(()),
        "http" => error("Address protocol http:// is not supported"),
        _ => error("Address is invalid"),
    }
}
