//! Resolves fields of the shop, the app installation and the API versions.

use super::super::SUPPORTED_VERSIONS;
use super::super::object::{FieldResult, RequestContext, ResolvedValue, SelectedField};
use super::values::timestamp;
use crate::catalog::gid::gid;

pub(crate) fn shop<'a>(
    context: &'a RequestContext<'a>,
    selected: SelectedField<'_>,
) -> FieldResult<'a> {
    let shop = &context.catalog.shop;
    Ok(match selected.name() {
        "id" => gid("Shop", shop.id).into(),
        "name" => shop.name.as_str().into(),
        "myshopifyDomain" => shop.domain.as_str().into(),
        "email" | "contactEmail" => shop.email.as_str().into(),
        "url" => format!("https://{}", shop.domain).into(),
        "currencyCode" => shop.currency.as_str().into(),
        "ianaTimezone" => shop.timezone.as_str().into(),
        "weightUnit" => "KILOGRAMS".into(),
        "unitSystem" => "METRIC_SYSTEM".into(),
        "createdAt" => timestamp(shop.created_at),
        "updatedAt" => timestamp(shop.updated_at),
        "primaryDomain" => ResolvedValue::Object(
            "Domain",
            vec![
                ("id", gid("Domain", shop.id).into()),
                ("host", shop.domain.as_str().into()),
                ("url", format!("https://{}", shop.domain).into()),
                ("sslEnabled", true.into()),
            ],
        ),
        "plan" => ResolvedValue::Object(
            "ShopPlan",
            vec![
                ("publicDisplayName", "Basic".into()),
                ("shopifyPlus", false.into()),
                ("partnerDevelopment", false.into()),
            ],
        ),
        _ => return Err(selected.not_simulated()),
    })
}

pub(crate) fn installation<'a>(
    context: &'a RequestContext<'a>,
    selected: SelectedField<'_>,
) -> FieldResult<'a> {
    Ok(match selected.name() {
        "id" => gid("AppInstallation", context.catalog.shop.id).into(),
        "accessScopes" => {
            let scopes = context.scopes.iter();
            let scopes = scopes.map(|scope| {
                ResolvedValue::Object("AccessScope", vec![("handle", scope.as_str().into())])
            });
            ResolvedValue::List(scopes.collect())
        }
        _ => return Err(selected.not_simulated()),
    })
}

const NEXT: &str = "2027-01";
const UNSTABLE: &str = "unstable";

pub(super) fn versions<'a>() -> ResolvedValue<'a> {
    let latest = SUPPORTED_VERSIONS[SUPPORTED_VERSIONS.len() - 1];
    let supported = SUPPORTED_VERSIONS.iter().map(|handle| {
        let suffix = if *handle == latest { " (Latest)" } else { "" };
        version(handle, format!("{handle}{suffix}"))
    });
    let next = version(NEXT, format!("{NEXT} (Release candidate)"));
    let unstable = version(UNSTABLE, UNSTABLE.to_owned());
    ResolvedValue::List(supported.chain([next, unstable]).collect())
}

pub(super) fn version(handle: &str, display_name: String) -> ResolvedValue<'_> {
    ResolvedValue::Object(
        "ApiVersion",
        vec![
            ("handle", handle.into()),
            ("displayName", display_name.into()),
            ("supported", SUPPORTED_VERSIONS.contains(&handle).into()),
        ],
    )
}
