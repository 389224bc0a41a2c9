//! Reads and seals the shops' tokens, and seals them again under the newest key. The attempts are in `registry.rs`.

use secrecy::SecretString;
use sync_core::{ShopDomain, Token, TokenAttempt, VersionedToken};

use crate::cipher::CipherError;
use crate::database::on_pool;
use crate::rows::{micros, optional_timestamp, timestamp, unsigned};
use crate::{Database, Error};

type TokenRow = (
    i64,
    Option<String>,
    Option<i64>,
    Option<String>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<String>,
);

/// A token as it is stored: sealed texts and expiry times in microseconds.
pub(crate) struct SealedToken {
    pub(crate) access: String,
    pub(crate) access_expires_at: Option<i64>,
    pub(crate) refresh: Option<String>,
    pub(crate) refresh_expires_at: Option<i64>,
}

/// How many shops' tokens [`Database::reseal_tokens`] found under older keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Resealed {
    /// Sealed again with the first key.
    pub resealed: u64,
    /// Left as they are, because no key opens them.
    pub unreadable: u64,
}

impl Database {
    pub(crate) async fn open_token(
        &self,
        shop: &ShopDomain,
    ) -> Result<Option<VersionedToken>, Error> {
        let row: Option<TokenRow> = on_pool!(self, pool => sqlx::query_as(
            "SELECT token_version, access_token, access_expires_at, refresh_token, refresh_expires_at,
                    attempt_by, attempt_begun_at,
                    CASE WHEN attempt_version = token_version THEN attempt_purpose END
               FROM shop WHERE domain = $1",
        )
        .bind(shop.as_str())
        .fetch_optional(pool)
        .await?);
        let Some((version, Some(access), expires_at, refresh, refresh_expires_at, by, at, purpose)) =
            row
        else {
            return Ok(None);
        };
        let open = |sealed: &str, column| self.cipher.open(sealed, &token_location(shop, column));
        let refresh_token: Option<SecretString> =
            refresh.map(|sealed| open(&sealed, "refresh")).transpose()?;
        Ok(Some(VersionedToken {
            token: Token {
                access_token: open(&access, "access")?,
                expires_at: optional_timestamp(expires_at)?,
                refresh_token,
                refresh_expires_at: optional_timestamp(refresh_expires_at)?,
            },
            version: unsigned(version),
            attempt: attempt_of(by, at, purpose)?,
        }))
    }

    /// Seals every token that was sealed with an older key again with the first one.
    ///
    /// Tokens and their versions do not change, so that concurrent renewals are not affected. Several processes may do this at
    /// once: a row that has changed since it was read is left as it is. A token that cannot be opened is counted and left too.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn reseal_tokens(&self) -> Result<Resealed, Error> {
        let rows: Vec<(String, String, Option<String>)> = on_pool!(self, pool => sqlx::query_as(
            "SELECT domain, access_token, refresh_token FROM shop WHERE access_token IS NOT NULL",
        )
        .fetch_all(pool)
        .await?);
        let mut result = Resealed::default();
        for (domain, access, refresh) in rows {
            let shop: ShopDomain = domain.parse().map_err(|_| Error::corrupt("shop domain"))?;
            if self
                .cipher
                .is_current(&access, &token_location(&shop, "access"))
            {
                continue;
            }
            let (new_access, new_refresh) = match self.reseal(&shop, &access, refresh.as_deref()) {
                Ok(sealed) => sealed,
                Err(error @ CipherError::NoRandomness) => return Err(error.into()),
                Err(_) => {
                    result.unreadable += 1;
                    continue;
                }
            };
            // Both columns are always written together, and no text is ever sealed to the same bytes twice.
            let updated = on_pool!(self, pool => sqlx::query(
                "UPDATE shop SET access_token = $3, refresh_token = $4
                  WHERE domain = $1 AND access_token = $2",
            )
            .bind(shop.as_str())
            .bind(access)
            .bind(new_access)
            .bind(new_refresh)
            .execute(pool)
            .await?
            .rows_affected());
            result.resealed += updated;
        }
        Ok(result)
    }

    /// The access and the refresh token, sealed with the first key.
    fn reseal(
        &self,
        shop: &ShopDomain,
        access: &str,
        refresh: Option<&str>,
    ) -> Result<(String, Option<String>), CipherError> {
        let reseal = |sealed: &str, column| {
            let place = token_location(shop, column);
            self.cipher.seal(&self.cipher.open(sealed, &place)?, &place)
        };
        let refresh = refresh.map(|sealed| reseal(sealed, "refresh"));
        Ok((reseal(access, "access")?, refresh.transpose()?))
    }

    pub(crate) fn seal(&self, shop: &ShopDomain, token: &Token) -> Result<SealedToken, Error> {
        let seal = |secret, column| self.cipher.seal(secret, &token_location(shop, column));
        let refresh = token.refresh_token.as_ref();
        Ok(SealedToken {
            access: seal(&token.access_token, "access")?,
            access_expires_at: token.expires_at.map(micros),
            refresh: refresh.map(|secret| seal(secret, "refresh")).transpose()?,
            refresh_expires_at: token.refresh_expires_at.map(micros),
        })
    }
}

/// The stored attempt; `None` without a purpose, which means no attempt on this version.
fn attempt_of(
    by: Option<i64>,
    begun_at: Option<i64>,
    purpose: Option<String>,
) -> Result<Option<TokenAttempt>, Error> {
    let (Some(by), Some(begun_at), Some(purpose)) = (by, begun_at, purpose) else {
        return Ok(None);
    };
    let unknown = |_| Error::corrupt("purpose of a token's renewal");
    Ok(Some(TokenAttempt {
        by: by.cast_unsigned(),
        begun_at: timestamp(begun_at)?,
        purpose: purpose.parse().map_err(unknown)?,
    }))
}

/// The location of a sealed token, which is authenticated with it.
fn token_location(shop: &ShopDomain, column: &str) -> String {
    format!("{shop}/{column}")
}
