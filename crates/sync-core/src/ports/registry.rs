use async_trait::async_trait;

use crate::{
    Installation, PortError, Shop, ShopDomain, ShopEvent, ShopStatus, Token, TokenAttempt,
    VersionedToken,
};

/// Stores the shops and their access tokens, which are encrypted at rest.
#[async_trait]
pub trait ShopRegistry: Send + Sync {
    /// Adds a shop or updates a known one: its status becomes active, its token and scopes are replaced.
    async fn install(&self, installation: &Installation) -> Result<(), PortError>;

    /// The shop; `None` if it is unknown.
    async fn find(&self, shop: &ShopDomain) -> Result<Option<Shop>, PortError>;

    /// A page of shops in the order of their domains: at most `limit` shops after `after`.
    async fn list(&self, after: Option<&ShopDomain>, limit: u32) -> Result<Vec<Shop>, PortError>;

    /// The shop's token; `None` if the shop is unknown or uninstalled.
    async fn token(&self, shop: &ShopDomain) -> Result<Option<VersionedToken>, PortError>;

    /// Records an attempt to replace the token, if the token's version is still `expected` and the current attempt is
    /// still `replaces`. On disk, and visible to every process, when it returns. Returns `false`, and writes nothing, if
    /// another process was first.
    ///
    /// The caller decides when an attempt is abandoned and may be taken over, and passes it in `replaces`.
    async fn begin_token_attempt(
        &self,
        shop: &ShopDomain,
        expected: u64,
        replaces: Option<TokenAttempt>,
        attempt: TokenAttempt,
    ) -> Result<bool, PortError>;

    /// Replaces the token, increments its version and ends the attempt, if the version is still `expected` and the current
    /// attempt is still `attempt`. Returns `false`, and writes nothing, if another process has taken over or was first.
    async fn replace_token(
        &self,
        shop: &ShopDomain,
        expected: u64,
        attempt: TokenAttempt,
        token: &Token,
    ) -> Result<bool, PortError>;

    /// Changes the status of a shop to [`ShopStatus::after`] the event, however many processes do so at once. Returns the new
    /// status; `None` if the event changes nothing or the shop is unknown. [`ShopStatus::Uninstalled`] also deletes the
    /// token.
    async fn change_status(
        &self,
        shop: &ShopDomain,
        event: ShopEvent,
    ) -> Result<Option<ShopStatus>, PortError>;

    /// Deletes all data of the shop: its row, token, deliveries, work requests, dirty items, mirror and runs.
    async fn erase(&self, shop: &ShopDomain) -> Result<(), PortError>;
}
