//! Defines shops: their domain, status and installation.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::UnavailableReason;
use crate::{ContentHash, Timestamp, Token};

/// A shop's permanent domain, `name.myshopify.com`. It is the tenant key in storage and the first part of every object key.
///
/// Lower-case ASCII; the name starts with a letter or digit, followed by letters, digits and hyphens
/// (Shopify, "Implement authorization code grant manually").
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ShopDomain(String);

/// The text is not a `name.myshopify.com` domain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a shop domain: expected name.myshopify.com")]
pub struct InvalidShopDomain;

impl ShopDomain {
    const SUFFIX: &str = ".myshopify.com";

    /// The domain, `name.myshopify.com`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before `.myshopify.com`.
    pub fn name(&self) -> &str {
        &self.0[..self.0.len() - Self::SUFFIX.len()]
    }
}

impl FromStr for ShopDomain {
    type Err = InvalidShopDomain;

    fn from_str(text: &str) -> Result<Self, InvalidShopDomain> {
        let lower = text.to_ascii_lowercase();
        let name = lower.strip_suffix(Self::SUFFIX).ok_or(InvalidShopDomain)?;
        let legal = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        // 63 is the length limit of a DNS label (RFC 1035, section 2.3.4). One with this prefix stands for other scripts
        // (RFC 5890, section 2.3.2.1), and most of those make no URL.
        let valid = (1..=63).contains(&name.len())
            && !name.starts_with('-')
            && !name.starts_with("xn--")
            && name.bytes().all(legal);
        if valid {
            Ok(Self(lower))
        } else {
            Err(InvalidShopDomain)
        }
    }
}

impl TryFrom<String> for ShopDomain {
    type Error = InvalidShopDomain;

    fn try_from(text: String) -> Result<Self, InvalidShopDomain> {
        text.parse()
    }
}

impl From<ShopDomain> for String {
    fn from(domain: ShopDomain) -> Self {
        domain.0
    }
}

impl fmt::Display for ShopDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a shop is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShopStatus {
    /// Installed; its work is carried out.
    Active,
    /// Paused by a person. Deliveries are recorded, nothing is fetched or published.
    Paused,
    /// Shopify refuses requests for the shop. It is tried again by the daily poll and after a new installation.
    Unavailable(UnavailableReason),
    /// The app is uninstalled. Nothing is fetched; the snapshot stays until `shop/redact`.
    Uninstalled,
}

impl ShopStatus {
    /// The name used in storage, logs and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Unavailable(reason) => reason.as_str(),
            Self::Uninstalled => "uninstalled",
        }
    }
}

/// What happens to a shop's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShopEvent {
    /// The app was installed, for the first time or again.
    Installed,
    /// Shopify refuses access to the shop.
    Refused(UnavailableReason),
    /// Shopify has served the shop's catalogue.
    Served,
    /// The app was uninstalled.
    Uninstalled,
    /// A person pauses the shop.
    Paused,
    /// A person resumes the shop.
    Resumed,
}

impl ShopStatus {
    /// The status after an event; `None` if the event does not change it.
    ///
    /// An uninstalled shop stays so until it is installed again, and a paused one until it is resumed, whatever a run that
    /// began before finds out.
    pub fn after(self, event: ShopEvent) -> Option<Self> {
        let after = match (self, event) {
            (_, ShopEvent::Installed)
            | (Self::Unavailable(_), ShopEvent::Served)
            | (Self::Paused, ShopEvent::Resumed) => Self::Active,
            (_, ShopEvent::Uninstalled) => Self::Uninstalled,
            (Self::Active | Self::Unavailable(_), ShopEvent::Refused(reason)) => {
                Self::Unavailable(reason)
            }
            (Self::Active | Self::Unavailable(_), ShopEvent::Paused) => Self::Paused,
            _ => self,
        };
        (after != self).then_some(after)
    }
}

/// The text is not a name that [`ShopStatus::as_str`] returns.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown shop status `{0}`")]
pub struct UnknownStatus(pub String);

impl FromStr for ShopStatus {
    type Err = UnknownStatus;

    fn from_str(name: &str) -> Result<Self, UnknownStatus> {
        use UnavailableReason::{Forbidden, Frozen, Locked, NotFound, Unauthorized};
        Ok(match name {
            "active" => Self::Active,
            "paused" => Self::Paused,
            "uninstalled" => Self::Uninstalled,
            "unauthorized" => Self::Unavailable(Unauthorized),
            "forbidden" => Self::Unavailable(Forbidden),
            "frozen" => Self::Unavailable(Frozen),
            "locked" => Self::Unavailable(Locked),
            "not_found" => Self::Unavailable(NotFound),
            other => return Err(UnknownStatus(other.to_owned())),
        })
    }
}

/// A shop's record without its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shop {
    /// Its domain.
    pub domain: ShopDomain,
    /// Whether it is served.
    pub status: ShopStatus,
    /// When it was last installed. Identifies late `app/uninstalled` deliveries of an earlier installation.
    pub installed_at: Timestamp,
    /// The granted access scopes, as Shopify spells them.
    pub scopes: Vec<String>,
    /// When its last full scan succeeded.
    pub reconciled_at: Option<Timestamp>,
    /// When its snapshot was last published, with its generation number and hash.
    pub published: Option<(Timestamp, u64, ContentHash)>,
}

/// A new or renewed installation.
#[derive(Debug, Clone)]
pub struct Installation {
    /// The shop.
    pub domain: ShopDomain,
    /// Its token.
    pub token: Token,
    /// The granted access scopes.
    pub scopes: Vec<String>,
    /// When it was installed.
    pub at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_are_lower_cased_and_split() {
        let shop: ShopDomain = "Some-Shop.MyShopify.com".parse().unwrap();
        assert_eq!(shop.as_str(), "some-shop.myshopify.com");
        assert_eq!(shop.name(), "some-shop");
    }

    #[test]
    fn other_domains_are_rejected() {
        for text in [
            "",
            ".myshopify.com",
            "-a.myshopify.com",
            "evil.example",
            "a.myshopify.com.evil.example",
            "a.myshopify.com@evil",
            "a.myshopify.com:443",
            "a.myshopify.com/",
            "a.myshopify.com\n",
            "a/b.myshopify.com",
            "a_b.myshopify.com",
            "a.b.myshopify.com",
            "xn--a.myshopify.com",
            "ä.myshopify.com",
            &format!("{}.myshopify.com", "a".repeat(64)),
        ] {
            assert_eq!(
                text.parse::<ShopDomain>(),
                Err(InvalidShopDomain),
                "{text:?}"
            );
        }
    }

    #[test]
    fn every_status_name_is_parsed_back() {
        use UnavailableReason::*;
        let all = [
            ShopStatus::Active,
            ShopStatus::Paused,
            ShopStatus::Uninstalled,
        ]
        .into_iter()
        .chain([Unauthorized, Forbidden, Frozen, Locked, NotFound].map(ShopStatus::Unavailable));
        for status in all {
            assert_eq!(status.as_str().parse::<ShopStatus>(), Ok(status));
        }
        assert!("asleep".parse::<ShopStatus>().is_err());
    }

    #[test]
    fn events_change_the_status_as_the_table_says() {
        use ShopEvent::{Installed, Paused, Refused, Resumed, Served, Uninstalled};
        let frozen = ShopStatus::Unavailable(UnavailableReason::Frozen);
        let locked = ShopStatus::Unavailable(UnavailableReason::Locked);
        let refused = Refused(UnavailableReason::Frozen);
        let events = [Installed, refused, Served, Uninstalled, Paused, Resumed];
        let (active, paused) = (ShopStatus::Active, ShopStatus::Paused);
        let uninstalled = ShopStatus::Uninstalled;
        let (to_active, to_paused) = (Some(active), Some(paused));
        let (to_frozen, to_uninstalled) = (Some(frozen), Some(uninstalled));
        for (status, after) in [
            (
                active,
                [None, to_frozen, None, to_uninstalled, to_paused, None],
            ),
            (
                frozen,
                [to_active, None, to_active, to_uninstalled, to_paused, None],
            ),
            (
                locked,
                [
                    to_active,
                    to_frozen,
                    to_active,
                    to_uninstalled,
                    to_paused,
                    None,
                ],
            ),
            (
                paused,
                [to_active, None, None, to_uninstalled, None, to_active],
            ),
            (uninstalled, [to_active, None, None, None, None, None]),
        ] {
            assert_eq!(events.map(|event| status.after(event)), after, "{status:?}");
        }
    }
}
