//! Generates the operations from the documents in `operations/`, checked against the schema at compile time.
//!
//! Only the documents and their variables are used; responses are deserialised into [`crate::model`].

#![expect(
    clippy::upper_case_acronyms,
    reason = "the schema's own names for its scalars"
)]

use graphql_client::GraphQLQuery;

type URL = String;
type HTML = String;
type Money = String;
type Decimal = String;
type DateTime = String;
type UnsignedInt64 = String;

macro_rules! operations {
    ($($name:ident: $file:tt,)+) => {$(
        #[derive(GraphQLQuery)]
        #[graphql(
            schema_path = "schema/admin-2026-10.graphql",
            query_path = $file,
            variables_derives = "Debug, Clone",
            fragments_other_variant = "true",
            skip_serializing_none
        )]
        pub(crate) struct $name;
    )+};
}

operations! {
    BulkCollections: "operations/bulk_collections.graphql",
    BulkDiscountBuysCollections: "operations/bulk_discount_buys_collections.graphql",
    BulkDiscountBuysProducts: "operations/bulk_discount_buys_products.graphql",
    BulkDiscountGetsCollections: "operations/bulk_discount_gets_collections.graphql",
    BulkDiscountGetsProducts: "operations/bulk_discount_gets_products.graphql",
    BulkDiscountGetsVariants: "operations/bulk_discount_gets_variants.graphql",
    BulkDiscounts: "operations/bulk_discounts.graphql",
    BulkLocations: "operations/bulk_locations.graphql",
    BulkOperationById: "operations/bulk_operation_by_id.graphql",
    BulkOperationCancel: "operations/bulk_operation_cancel.graphql",
    BulkOperationRun: "operations/bulk_operation_run.graphql",
    BulkOperationsPage: "operations/bulk_operations_page.graphql",
    BulkProducts: "operations/bulk_products.graphql",
    CollectionMetafieldsPage: "operations/collection_metafields_page.graphql",
    CollectionProductsPage: "operations/collection_products_page.graphql",
    CollectionsById: "operations/collections_by_id.graphql",
    CollectionsCount: "operations/collections_count.graphql",
    CollectionsPage: "operations/collections_page.graphql",
    DiscountBuysPage: "operations/discount_buys_page.graphql",
    DiscountCodesPage: "operations/discount_codes_page.graphql",
    DiscountGetsPage: "operations/discount_gets_page.graphql",
    DiscountsById: "operations/discounts_by_id.graphql",
    DiscountsCount: "operations/discounts_count.graphql",
    DiscountsPage: "operations/discounts_page.graphql",
    GrantedScopes: "operations/granted_scopes.graphql",
    InventoryItemOwners: "operations/inventory_item_owners.graphql",
    InventoryItemVariantsPage: "operations/inventory_item_variants_page.graphql",
    InventoryLevelsPage: "operations/inventory_levels_page.graphql",
    LocationsById: "operations/locations_by_id.graphql",
    LocationsPage: "operations/locations_page.graphql",
    ProductMetafieldsPage: "operations/product_metafields_page.graphql",
    ProductVariantsPage: "operations/product_variants_page.graphql",
    ProductsById: "operations/products_by_id.graphql",
    ProductsCount: "operations/products_count.graphql",
    ProductsPage: "operations/products_page.graphql",
    Shop: "operations/shop.graphql",
    WebhookSubscriptionCreate: "operations/webhook_subscription_create.graphql",
    WebhookSubscriptionDelete: "operations/webhook_subscription_delete.graphql",
    WebhookSubscriptionUpdate: "operations/webhook_subscription_update.graphql",
    WebhookSubscriptionsPage: "operations/webhook_subscriptions_page.graphql",
}
