//! The shop, the app's installation and the API's versions.

use chrono::{DateTime, Datelike, Months, NaiveDate, Utc};

use super::super::object::{Ask, Context, Resolved, Tree};
use super::values::moment;
use crate::catalog::gid::gid;
use crate::catalog::model::Seconds;

pub(crate) fn shop<'a>(context: &Context<'_>, ask: Ask<'_>) -> Resolved<'a> {
    let shop = &context.catalog.shop;
    Ok(match ask.name() {
        "id" => gid("Shop", shop.id).into(),
        "name" => shop.name.as_str().into(),
        "myshopifyDomain" => shop.domain.as_str().into(),
        "email" | "contactEmail" => shop.email.as_str().into(),
        "url" => format!("https://{}", shop.domain).into(),
        "currencyCode" => shop.currency.as_str().into(),
        "ianaTimezone" => shop.timezone.as_str().into(),
        "weightUnit" => "KILOGRAMS".into(),
        "unitSystem" => "METRIC_SYSTEM".into(),
        "createdAt" => moment(shop.created_at).into(),
        "updatedAt" => moment(shop.updated_at).into(),
        "primaryDomain" => Tree::Object(
            "Domain",
            vec![
                ("id", gid("Domain", shop.id).into()),
                ("host", shop.domain.as_str().into()),
                ("url", format!("https://{}", shop.domain).into()),
                ("sslEnabled", true.into()),
            ],
        ),
        "plan" => Tree::Object(
            "ShopPlan",
            vec![
                ("publicDisplayName", "Basic".into()),
                ("shopifyPlus", false.into()),
                ("partnerDevelopment", false.into()),
            ],
        ),
        _ => return Err(ask.not_modelled()),
    })
}

pub(crate) fn installation<'a>(context: &Context<'_>, ask: Ask<'_>) -> Resolved<'a> {
    Ok(match ask.name() {
        "id" => gid("AppInstallation", context.catalog.shop.id).into(),
        "accessScopes" => {
            let scopes = context.scopes.iter();
            let scopes = scopes
                .map(|scope| Tree::Object("AccessScope", vec![("handle", scope.as_str().into())]));
            Tree::List(scopes.collect())
        }
        _ => return Err(ask.not_modelled()),
    })
}

/// The versions that answer at `now`, the next one and the unstable one.
///
/// One comes out on the first day of each quarter, and is there for a year and about two weeks.
pub(super) fn versions<'a>(now: Seconds) -> Tree<'a> {
    let today = DateTime::<Utc>::from_timestamp(now, 0)
        .unwrap_or_default()
        .date_naive();
    let quarter = NaiveDate::from_ymd_opt(today.year(), today.month0() / 3 * 3 + 1, 1);
    let quarter = quarter.unwrap_or(today);
    let closes = |from: NaiveDate| from + Months::new(12) + chrono::Days::new(15);
    let past = (0..=4).rev().map(|back| quarter - Months::new(3 * back));
    let mut versions: Vec<_> = past
        .filter(|from| today < closes(*from))
        .map(|from| {
            let handle = from.format("%Y-%m").to_string();
            let latest = if from == quarter { " (Latest)" } else { "" };
            version(&handle, format!("{handle}{latest}"), true)
        })
        .collect();
    let next = (quarter + Months::new(3)).format("%Y-%m").to_string();
    versions.push(version(&next, format!("{next} (Release candidate)"), false));
    versions.push(version("unstable", "unstable".to_owned(), false));
    Tree::List(versions)
}

pub(super) fn version<'a>(handle: &str, display_name: String, supported: bool) -> Tree<'a> {
    Tree::Object(
        "ApiVersion",
        vec![
            ("handle", handle.into()),
            ("displayName", display_name.into()),
            ("supported", supported.into()),
        ],
    )
}
