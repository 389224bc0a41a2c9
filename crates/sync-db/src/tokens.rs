//! Reads and seals the shops' tokens, and seals them again under the newest key. The attempts are in `registry.rs`.

use secrecy::SecretString;
use sync_core::{ShopDomain, Token, TokenAttempt, VersionedToken};

use crate::database::on_pool;
use crate::rows::{micros, optional_timestamp, signed, timestamp, unsigned};
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

    /// Seals every token that was sealed with an older key again with the first one. Returns the number of shops.
    ///
    /// Tokens and their versions do not change, so that concurrent renewals are not affected.
    ///
    /// # Errors
    /// If the database fails or a token cannot be opened.
    pub async fn reseal_tokens(&self) -> Result<u64, Error> {
        let rows: Vec<(String, String)> = on_pool!(self, pool => sqlx::query_as(
            "SELECT domain, access_token FROM shop WHERE access_token IS NOT NULL",
        )
        .fetch_all(pool)
        .await?);
        let mut resealed = 0;
        for (domain, sealed) in rows {
            let shop: ShopDomain = domain.parse().map_err(|_| Error::corrupt("shop domain"))?;
            if self.cipher.is_current(&sealed) {
                continue;
            }
            if let Some(known) = self.open_token(&shop).await?
                && self.reseal_token(&shop, &known).await?
            {
                resealed += 1;
            }
        }
        Ok(resealed)
    }

    async fn reseal_token(&self, shop: &ShopDomain, known: &VersionedToken) -> Result<bool, Error> {
        let sealed = self.seal(shop, &known.token)?;
        let resealed = on_pool!(self, pool => sqlx::query(
            "UPDATE shop SET access_token = $3, refresh_token = $4
              WHERE domain = $1 AND token_version = $2 AND access_token IS NOT NULL",
        )
        .bind(shop.as_str())
        .bind(signed(known.version))
        .bind(sealed.access)
        .bind(sealed.refresh)
        .execute(pool)
        .await?
        .rows_affected());
        Ok(resealed == 1)
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
