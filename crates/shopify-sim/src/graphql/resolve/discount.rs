//! Discounts of all eight kinds. That a kind has a field is for the schema to say; here each field is answered alike.

use super::super::connection::{Opening, anywhere};
use super::super::object::{Ask, Context, DiscountForm, Node, Object, Resolved, Side, Tree, maybe};
use super::super::page::Place;
use super::super::refusal::Refusal;
use super::super::search::Search;
use super::filters;
use super::values::{PRODUCTS, counted, moment, money, unsigned};
use crate::catalog::discount::{
    Destination, Discount, Effect, Items, Minimum, Purchase, RedeemCode, Value,
};
use crate::catalog::gid::gid;

/// The function that computes the discounts of apps.
const FUNCTION: &str = "01940000-0000-7000-8000-000000000001";
const FUNCTION_APP: &str = "00000000000000000000000000000001";
const FUNCTION_TITLE: &str = "Volume discount";

pub(crate) fn node<'a>(
    context: &'a Context<'a>,
    discount: &'a Discount,
    form: DiscountForm,
    ask: Ask<'_>,
) -> Resolved<'a> {
    Ok(match ask.name() {
        "id" => {
            let kind = match form {
                DiscountForm::Any => "DiscountNode",
                DiscountForm::Code => "DiscountCodeNode",
                DiscountForm::Automatic => "DiscountAutomaticNode",
            };
            gid(kind, discount.id).into()
        }
        "discount" | "codeDiscount" | "automaticDiscount" => {
            Tree::node(context, Some(Node::Discount(discount)))
        }
        _ => return Err(ask.not_modelled()),
    })
}

pub(crate) fn discount<'a>(
    context: &'a Context<'a>,
    discount: &'a Discount,
    ask: Ask<'_>,
) -> Resolved<'a> {
    Ok(match ask.name() {
        "title" => discount.title.as_str().into(),
        "status" => discount.status(context.now).into(),
        "startsAt" => moment(discount.starts_at),
        "endsAt" => maybe(discount.ends_at.map(moment)),
        "createdAt" => moment(discount.created_at),
        "updatedAt" => moment(discount.updated_at),
        "tags" => {
            let tags = discount.tags.iter().map(String::as_str);
            Tree::texts(tags)
        }
        "discountClasses" => Tree::texts([discount.class()]),
        "summary" => discount.summary().into(),
        "shortSummary" => discount.short_summary().into(),
        "asyncUsageCount" => discount.used.into(),
        "usageLimit" => maybe(discount.usage_limit),
        "usesPerOrderLimit" => maybe(discount.uses_per_order),
        "appliesOncePerCustomer" => discount.once_per_customer.into(),
        "appliesOnOneTimePurchase" => discount.one_time.into(),
        "appliesOnSubscription" => discount.subscription.into(),
        "recurringCycleLimit" => discount.cycle_limit.into(),
        "discountId" => gid(discount.kind.node_type(), discount.id).into(),
        "codesCount" => counted(ask, discount.codes.iter()),
        "codes" => return codes(context, discount, ask),
        _ => return terms(context, discount, ask),
    })
}

/// What a buyer has to do and what he gets for it.
fn terms<'a>(context: &'a Context<'a>, discount: &'a Discount, ask: Ask<'_>) -> Resolved<'a> {
    let items = |side| {
        Tree::Node(Object {
            context,
            node: Node::DiscountItems(discount, side),
        })
    };
    Ok(match ask.name() {
        "combinesWith" => combines(discount),
        // Every discount is for everybody: customers are not modelled.
        "context" => Tree::Object("DiscountBuyerSelectionAll", vec![("all", "ALL".into())]),
        "minimumRequirement" => {
            let minimum = discount.minimum.as_ref();
            minimum.map_or(Tree::Null, |minimum| requirement(context, minimum))
        }
        "customerGets" => Tree::Object(
            "DiscountCustomerGets",
            vec![
                ("appliesOnOneTimePurchase", discount.one_time.into()),
                ("appliesOnSubscription", discount.subscription.into()),
                ("value", gets(context, &discount.gets)),
                ("items", items(Side::Gets)),
            ],
        ),
        "customerBuys" => Tree::Object(
            "DiscountCustomerBuys",
            vec![
                ("isOneTimePurchase", discount.one_time.into()),
                ("isSubscription", discount.subscription.into()),
                ("value", buys(&discount.buys)),
                ("items", items(Side::Buys)),
            ],
        ),
        "maximumShippingPrice" => {
            let most = discount.max_shipping;
            most.map_or(Tree::Null, |most| money(context, most))
        }
        "destinationSelection" => destination(&discount.destination),
        "appDiscountType" => Tree::Object(
            "AppDiscountType",
            vec![
                ("appKey", FUNCTION_APP.into()),
                ("functionId", FUNCTION.into()),
                ("title", FUNCTION_TITLE.into()),
                ("description", Tree::Null),
                ("discountClasses", Tree::texts([discount.class()])),
            ],
        ),
        _ => return Err(ask.not_modelled()),
    })
}

fn combines<'a>(discount: &Discount) -> Tree<'a> {
    let [order, product, shipping] = discount.combines;
    Tree::Object(
        "DiscountCombinesWith",
        vec![
            ("orderDiscounts", order.into()),
            ("productDiscounts", product.into()),
            ("shippingDiscounts", shipping.into()),
        ],
    )
}

fn requirement<'a>(context: &'a Context<'a>, minimum: &Minimum) -> Tree<'a> {
    match minimum {
        Minimum::Quantity(quantity) => Tree::Object(
            "DiscountMinimumQuantity",
            vec![("greaterThanOrEqualToQuantity", unsigned(*quantity))],
        ),
        Minimum::Subtotal(amount) => Tree::Object(
            "DiscountMinimumSubtotal",
            vec![("greaterThanOrEqualToSubtotal", money(context, *amount))],
        ),
    }
}

fn gets<'a>(context: &'a Context<'a>, value: &Value) -> Tree<'a> {
    match value {
        Value::Effect(of) => effect(context, of),
        Value::OnQuantity {
            quantity: number,
            effect: of,
        } => Tree::Object(
            "DiscountOnQuantity",
            vec![
                ("quantity", quantity(*number)),
                ("effect", effect(context, of)),
            ],
        ),
    }
}

fn effect<'a>(context: &'a Context<'a>, effect: &Effect) -> Tree<'a> {
    match effect {
        Effect::Amount { amount, each } => Tree::Object(
            "DiscountAmount",
            vec![
                ("amount", money(context, *amount)),
                ("appliesOnEachItem", (*each).into()),
            ],
        ),
        Effect::Percentage(share) => {
            Tree::Object("DiscountPercentage", vec![("percentage", (*share).into())])
        }
    }
}

fn buys<'a>(purchase: &Purchase) -> Tree<'a> {
    match purchase {
        Purchase::Quantity(number) => quantity(*number),
        Purchase::Amount(amount) => Tree::Object(
            "DiscountPurchaseAmount",
            vec![("amount", amount.decimal().into())],
        ),
    }
}

fn quantity<'a>(number: u64) -> Tree<'a> {
    Tree::Object("DiscountQuantity", vec![("quantity", unsigned(number))])
}

fn destination<'a>(destination: &Destination) -> Tree<'a> {
    match destination {
        Destination::All => Tree::Object("DiscountCountryAll", vec![("allCountries", true.into())]),
        Destination::Countries {
            codes,
            rest_of_world,
        } => Tree::Object(
            "DiscountCountries",
            vec![
                ("countries", Tree::texts(codes.iter().copied())),
                ("includeRestOfWorld", (*rest_of_world).into()),
            ],
        ),
    }
}

fn side(discount: &Discount, side: Side) -> &Items {
    match side {
        Side::Buys => &discount.buys_items,
        Side::Gets => &discount.gets_items,
    }
}

pub(crate) fn items_type(discount: &Discount, which: Side) -> &'static str {
    match side(discount, which) {
        Items::All => "AllDiscountItems",
        Items::Products { .. } => "DiscountProducts",
        Items::Collections(_) => "DiscountCollections",
    }
}

pub(crate) fn items<'a>(
    context: &'a Context<'a>,
    discount: &'a Discount,
    which: Side,
    ask: Ask<'_>,
) -> Resolved<'a> {
    // A discount has two such lists under one number: their cursors must not fit each other.
    let parent = discount.id * 2 + u64::from(which == Side::Buys);
    let catalog = context.catalog;
    Ok(match (ask.name(), side(discount, which)) {
        ("allItems", _) => true.into(),
        ("products", Items::Products { products, .. }) => {
            context.need(ask, PRODUCTS)?;
            let opening = Opening::unsorted(context, ask, "Product", parent)?;
            opening.answer(products.iter().filter_map(|id| {
                let product = catalog.products.get(id)?;
                let place = anywhere(context, *id);
                Some((place, *id, Node::Product(product, false)))
            }))
        }
        ("productVariants", Items::Products { variants, .. }) => {
            context.need(ask, PRODUCTS)?;
            let opening = Opening::unsorted(context, ask, "ProductVariant", parent)?;
            opening.answer(variants.iter().filter_map(|id| {
                let (product, variant) = catalog.variant(*id)?;
                let place = anywhere(context, *id);
                Some((place, *id, Node::Variant(product, variant)))
            }))
        }
        ("collections", Items::Collections(collections)) => {
            context.need(ask, PRODUCTS)?;
            let opening = Opening::unsorted(context, ask, "Collection", parent)?;
            opening.answer(collections.iter().filter_map(|id| {
                let collection = catalog.collections.get(id)?;
                let place = anywhere(context, *id);
                Some((place, *id, Node::Collection(collection)))
            }))
        }
        _ => return Err(ask.not_modelled()),
    })
}

fn codes<'a>(context: &'a Context<'a>, discount: &'a Discount, ask: Ask<'_>) -> Resolved<'a> {
    filters::no_saved_search(ask)?;
    let sort = ask.text("sortKey").unwrap_or("ID");
    let opening = Opening::new(context, ask, "DiscountRedeemCode", discount.id, sort)?;
    let search = Search::parse(ask.text("query"), filters::CODE).map_err(Refusal::bad_request)?;
    let codes = discount.codes.iter().filter(|code| search.matches(code));
    Ok(opening.answer(codes.map(|code| {
        let place = match sort {
            // They get their ids when they are made.
            "ID" | "CREATED_AT" => Place::Number(code.id),
            "CODE" => Place::Text(code.code.to_lowercase()),
            _ => anywhere(context, code.id),
        };
        (place, code.id, Node::RedeemCode(code))
    })))
}

pub(crate) fn redeem_code<'a>(code: &'a RedeemCode, ask: Ask<'_>) -> Resolved<'a> {
    Ok(match ask.name() {
        "id" => gid("DiscountRedeemCode", code.id).into(),
        "code" => (&*code.code).into(),
        "asyncUsageCount" => code.used.into(),
        _ => return Err(ask.not_modelled()),
    })
}
