//! Resolves fields of discounts.
//!
//! The schema decides which kind has which field; a field is resolved alike for all eight kinds.

use super::super::field_error::FieldError;
use super::super::object::{
    DiscountNodeKind, DiscountSide, FieldResult, Object, ObjectRef, RequestContext, ResolvedValue,
    SelectedField, items_on, or_null,
};
use super::super::page::SortKey;
use super::super::paginator::{Paginator, unordered_key};
use super::super::search::Search;
use super::filters;
use super::values::{PRODUCT_SCOPES, count, money, timestamp, unsigned_int64};
use crate::catalog::discount::{
    CustomerBuys, CustomerGets, Destination, Discount, DiscountEffect, DiscountItems,
    MinimumRequirement, RedeemCode,
};
use crate::catalog::gid::gid;

/// The Shopify Function that computes discounts of apps.
const FUNCTION: &str = "01940000-0000-7000-8000-000000000001";
const FUNCTION_APP: &str = "00000000000000000000000000000001";
const FUNCTION_TITLE: &str = "Volume discount";

pub(crate) fn node<'a>(
    context: &'a RequestContext<'a>,
    discount: &'a Discount,
    form: DiscountNodeKind,
    selected: SelectedField<'_>,
) -> FieldResult<'a> {
    Ok(match selected.name() {
        "id" => {
            let kind = match form {
                DiscountNodeKind::Any => "DiscountNode",
                DiscountNodeKind::Code => "DiscountCodeNode",
                DiscountNodeKind::Automatic => "DiscountAutomaticNode",
            };
            gid(kind, discount.id).into()
        }
        "discount" | "codeDiscount" | "automaticDiscount" => {
            ResolvedValue::node(context, Some(ObjectRef::Discount(discount)))
        }
        _ => return Err(selected.not_simulated()),
    })
}

pub(crate) fn discount<'a>(
    context: &'a RequestContext<'a>,
    discount: &'a Discount,
    selected: SelectedField<'_>,
) -> FieldResult<'a> {
    Ok(match selected.name() {
        "title" => discount.title.as_str().into(),
        "status" => discount.status(context.now).into(),
        "startsAt" => timestamp(discount.starts_at),
        "endsAt" => or_null(discount.ends_at.map(timestamp)),
        "createdAt" => timestamp(discount.created_at),
        "updatedAt" => timestamp(discount.updated_at),
        "tags" => {
            let tags = discount.tags.iter().map(String::as_str);
            ResolvedValue::texts(tags)
        }
        "discountClasses" => ResolvedValue::texts([discount.class()]),
        "summary" => discount.summary().into(),
        "shortSummary" => discount.short_summary().into(),
        "asyncUsageCount" => discount.used.into(),
        "usageLimit" => or_null(discount.usage_limit),
        "usesPerOrderLimit" => or_null(discount.uses_per_order),
        "appliesOncePerCustomer" => discount.once_per_customer.into(),
        "appliesOnOneTimePurchase" => discount.one_time.into(),
        "appliesOnSubscription" => discount.subscription.into(),
        "recurringCycleLimit" => discount.cycle_limit.into(),
        "discountId" => gid(discount.kind.node_type(), discount.id).into(),
        "codesCount" => count(selected, discount.codes.iter()),
        "codes" => return codes(context, discount, selected),
        _ => return terms(context, discount, selected),
    })
}

/// Resolves the fields about conditions and benefits.
fn terms<'a>(
    context: &'a RequestContext<'a>,
    discount: &'a Discount,
    selected: SelectedField<'_>,
) -> FieldResult<'a> {
    let items = |side| {
        ResolvedValue::Node(Object {
            context,
            node: ObjectRef::DiscountItems(discount, side),
        })
    };
    Ok(match selected.name() {
        "combinesWith" => combines(discount),
        // Every discount applies to all buyers: customers are not simulated.
        "context" => {
            ResolvedValue::Object("DiscountBuyerSelectionAll", vec![("all", "ALL".into())])
        }
        "minimumRequirement" => {
            let minimum = discount.minimum.as_ref();
            minimum.map_or(ResolvedValue::Null, |minimum| requirement(context, minimum))
        }
        "customerGets" => ResolvedValue::Object(
            "DiscountCustomerGets",
            vec![
                ("appliesOnOneTimePurchase", discount.one_time.into()),
                ("appliesOnSubscription", discount.subscription.into()),
                ("value", gets(context, &discount.gets)),
                ("items", items(DiscountSide::Gets)),
            ],
        ),
        "customerBuys" => ResolvedValue::Object(
            "DiscountCustomerBuys",
            vec![
                ("isOneTimePurchase", discount.one_time.into()),
                ("isSubscription", discount.subscription.into()),
                ("value", buys(&discount.buys)),
                ("items", items(DiscountSide::Buys)),
            ],
        ),
        "maximumShippingPrice" => {
            let max = discount.max_shipping;
            max.map_or(ResolvedValue::Null, |max| money(context, max))
        }
        "destinationSelection" => destination(&discount.destination),
        "appDiscountType" => ResolvedValue::Object(
            "AppDiscountType",
            vec![
                ("appKey", FUNCTION_APP.into()),
                ("functionId", FUNCTION.into()),
                ("title", FUNCTION_TITLE.into()),
                ("description", ResolvedValue::Null),
                ("discountClasses", ResolvedValue::texts([discount.class()])),
            ],
        ),
        _ => return Err(selected.not_simulated()),
    })
}

fn combines<'a>(discount: &Discount) -> ResolvedValue<'a> {
    let [order, product, shipping] = discount.combines;
    ResolvedValue::Object(
        "DiscountCombinesWith",
        vec![
            ("orderDiscounts", order.into()),
            ("productDiscounts", product.into()),
            ("shippingDiscounts", shipping.into()),
        ],
    )
}

fn requirement<'a>(
    context: &'a RequestContext<'a>,
    minimum: &MinimumRequirement,
) -> ResolvedValue<'a> {
    match minimum {
        MinimumRequirement::Quantity(quantity) => ResolvedValue::Object(
            "DiscountMinimumQuantity",
            vec![("greaterThanOrEqualToQuantity", unsigned_int64(*quantity))],
        ),
        MinimumRequirement::Subtotal(amount) => ResolvedValue::Object(
            "DiscountMinimumSubtotal",
            vec![("greaterThanOrEqualToSubtotal", money(context, *amount))],
        ),
    }
}

fn gets<'a>(context: &'a RequestContext<'a>, value: &CustomerGets) -> ResolvedValue<'a> {
    match value {
        CustomerGets::Effect(of) => effect(context, of),
        CustomerGets::OnQuantity {
            quantity: number,
            effect: of,
        } => ResolvedValue::Object(
            "DiscountOnQuantity",
            vec![
                ("quantity", quantity(*number)),
                ("effect", effect(context, of)),
            ],
        ),
    }
}

fn effect<'a>(context: &'a RequestContext<'a>, effect: &DiscountEffect) -> ResolvedValue<'a> {
    match effect {
        DiscountEffect::Amount { amount, each } => ResolvedValue::Object(
            "DiscountAmount",
            vec![
                ("amount", money(context, *amount)),
                ("appliesOnEachItem", (*each).into()),
            ],
        ),
        DiscountEffect::Percentage(share) => {
            ResolvedValue::Object("DiscountPercentage", vec![("percentage", (*share).into())])
        }
    }
}

fn buys<'a>(purchase: &CustomerBuys) -> ResolvedValue<'a> {
    match purchase {
        CustomerBuys::Quantity(number) => quantity(*number),
        CustomerBuys::Amount(amount) => ResolvedValue::Object(
            "DiscountPurchaseAmount",
            vec![("amount", amount.decimal().into())],
        ),
    }
}

fn quantity<'a>(number: u64) -> ResolvedValue<'a> {
    ResolvedValue::Object(
        "DiscountQuantity",
        vec![("quantity", unsigned_int64(number))],
    )
}

fn destination<'a>(destination: &Destination) -> ResolvedValue<'a> {
    match destination {
        Destination::All => {
            ResolvedValue::Object("DiscountCountryAll", vec![("allCountries", true.into())])
        }
        Destination::Countries {
            codes,
            rest_of_world,
        } => ResolvedValue::Object(
            "DiscountCountries",
            vec![
                ("countries", ResolvedValue::texts(codes.iter().copied())),
                ("includeRestOfWorld", (*rest_of_world).into()),
            ],
        ),
    }
}

pub(crate) fn items<'a>(
    context: &'a RequestContext<'a>,
    discount: &'a Discount,
    which: DiscountSide,
    selected: SelectedField<'_>,
) -> FieldResult<'a> {
    // A discount has two lists under one id: the cursors of one must not be valid for the other.
    let parent = discount.id * 2 + u64::from(which == DiscountSide::Buys);
    let catalog = context.catalog;
    Ok(match (selected.name(), items_on(discount, which)) {
        ("allItems", _) => true.into(),
        ("products", DiscountItems::Products { products, .. }) => {
            context.require_scope(selected, PRODUCT_SCOPES)?;
            let paginator = Paginator::unsorted(context, selected, "Product", parent)?;
            paginator.paginate(products.iter().filter_map(|id| {
                let product = catalog.products.get(id)?;
                let sort_key = unordered_key(context, *id);
                Some((sort_key, *id, ObjectRef::Product(product, false)))
            }))
        }
        ("productVariants", DiscountItems::Products { variants, .. }) => {
            context.require_scope(selected, PRODUCT_SCOPES)?;
            let paginator = Paginator::unsorted(context, selected, "ProductVariant", parent)?;
            paginator.paginate(variants.iter().filter_map(|id| {
                let (product, variant) = catalog.variant(*id)?;
                let sort_key = unordered_key(context, *id);
                Some((sort_key, *id, ObjectRef::Variant(product, variant)))
            }))
        }
        ("collections", DiscountItems::Collections(collections)) => {
            context.require_scope(selected, PRODUCT_SCOPES)?;
            let paginator = Paginator::unsorted(context, selected, "Collection", parent)?;
            paginator.paginate(collections.iter().filter_map(|id| {
                let collection = catalog.collections.get(id)?;
                let sort_key = unordered_key(context, *id);
                Some((sort_key, *id, ObjectRef::Collection(collection)))
            }))
        }
        _ => return Err(selected.not_simulated()),
    })
}

fn codes<'a>(
    context: &'a RequestContext<'a>,
    discount: &'a Discount,
    selected: SelectedField<'_>,
) -> FieldResult<'a> {
    filters::reject_saved_search(selected)?;
    let sort = selected.text("sortKey").unwrap_or("ID");
    let paginator = Paginator::new(context, selected, "DiscountRedeemCode", discount.id, sort)?;
    let search =
        Search::parse(selected.text("query"), filters::CODE).map_err(FieldError::bad_request)?;
    let codes = discount.codes.iter().filter(|code| search.matches(code));
    Ok(paginator.paginate(codes.map(|code| {
        let sort_key = match sort {
            // Ids are assigned at creation.
            "ID" | "CREATED_AT" => SortKey::Number(code.id),
            "CODE" => SortKey::Text(code.code.to_lowercase()),
            _ => unordered_key(context, code.id),
        };
        (sort_key, code.id, ObjectRef::RedeemCode(code))
    })))
}

pub(crate) fn redeem_code<'a>(
    code: &'a RedeemCode,
    selected: SelectedField<'_>,
) -> FieldResult<'a> {
    Ok(match selected.name() {
        "id" => gid("DiscountRedeemCode", code.id).into(),
        "code" => (&*code.code).into(),
        "asyncUsageCount" => code.used.into(),
        _ => return Err(selected.not_simulated()),
    })
}
