use async_trait::async_trait;

use crate::{
    Installation, PortError, Shop, ShopDomain, ShopStatus, Timestamp, Token, TokenAttempt,
    VersionedToken,
};

/// The shops, and their tokens sealed at rest.
#[async_trait]
pub trait ShopRegistry: Send + Sync {
    /// Adds a shop, or renews one: its status becomes active, its token and scopes are replaced.
    async fn install(&self, installation: &Installation) -> Result<(), PortError>;

    /// The shop, if it is known.
    async fn find(&self, shop: &ShopDomain) -> Result<Option<Shop>, PortError>;

    /// All shops in the order of their domains, at most `limit` after `after`.
    async fn list(&self, after: Option<&ShopDomain>, limit: u32) -> Result<Vec<Shop>, PortError>;

    /// The shop's token; `None` if the shop is unknown or has none (uninstalled).
    async fn token(&self, shop: &ShopDomain) -> Result<Option<VersionedToken>, PortError>;

    /// Notes that the token's successor is about to be asked for, if the token's version is still `expected` and the
    /// attempt on it still `replaces`. Durable when it returns, and seen by every process. `false`: somebody else was
    /// first, and nothing was written.
    ///
    /// When an attempt is so old that it may be taken over is for the caller to judge, who names it in `replaces`.
    async fn begin_token_attempt(
        &self,
        shop: &ShopDomain,
        expected: u64,
        replaces: Option<TokenAttempt>,
        attempt: TokenAttempt,
    ) -> Result<bool, PortError>;

    /// Replaces the token, raises its version and ends the attempt, if the version is still `expected` and the attempt
    /// still `attempt`. `false`: somebody else has taken over or was first, and nothing was written.
    async fn replace_token(
        &self,
        shop: &ShopDomain,
        expected: u64,
        attempt: TokenAttempt,
        token: &Token,
    ) -> Result<bool, PortError>;

    /// Changes the status of a known shop. [`ShopStatus::Uninstalled`] also drops its token.
    async fn set_status(&self, shop: &ShopDomain, status: ShopStatus) -> Result<(), PortError>;

    /// Notes that a full scan of the shop has succeeded.
    async fn record_scan(
        &self,
        shop: &ShopDomain,
        reconciled_at: Timestamp,
    ) -> Result<(), PortError>;

    /// Removes every trace of the shop: its row, token, deliveries, dirty marks, mirror and runs.
    async fn erase(&self, shop: &ShopDomain) -> Result<(), PortError>;
}
