//! Tests that several processes renew a shop's token only once, even if one of them crashes.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use secrecy::{ExposeSecret, SecretString};
use server::adapters::ShopTokens;
use server::service::{Overrides, Service};
use shopify_client::oauth::TokenGrant;
use shopify_client::token::{AppGrants, Grants};
use sync_core::ports::ShopRegistry;
use testkit::{ManualClock, at};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::support::World;

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

/// An installed shop whose service was stopped, and the clock of the following processes.
async fn stopped() -> (World, ManualClock) {
    let clock = ManualClock::new(at("2026-11-25T10:00:00Z"));
    let mut world = World::builder().clock(&clock).installed().await;
    world.app.stop().await;
    (world, clock)
}

/// Opens a service with its own connections and its own token cache, as a separate process has.
async fn process(world: &World, clock: &ManualClock) -> Service {
    let overrides = Overrides {
        clock: Some(Arc::new(clock.clone())),
        ..Overrides::default()
    };
    let opened = Service::open(world.app.settings(), overrides).await;
    opened.unwrap()
}

/// Token grants whose responses are delayed until they are released.
struct DelayedGrants {
    grants: AppGrants,
    received: Notify,
    release: Notify,
}

#[async_trait]
impl Grants for DelayedGrants {
    async fn refresh(
        &self,
        shop: &shopify_client::ShopDomain,
        refresh_token: &SecretString,
    ) -> Result<TokenGrant, shopify_client::Error> {
        let response = self.grants.refresh(shop, refresh_token).await;
        self.received.notify_one();
        self.release.notified().await;
        response
    }

    async fn client_credentials(
        &self,
        _: &shopify_client::ShopDomain,
    ) -> Result<TokenGrant, shopify_client::Error> {
        panic!("the test requests no such grant")
    }

    async fn migrate(
        &self,
        _: &shopify_client::ShopDomain,
        _: &SecretString,
    ) -> Result<TokenGrant, shopify_client::Error> {
        panic!("the test requests no such grant")
    }
}

/// A process that has received the response of Shopify and has not saved it yet.
struct UnsavedRenewal {
    grants: Arc<DelayedGrants>,
    /// The task of the process.
    caller: JoinHandle<String>,
}

impl UnsavedRenewal {
    async fn start(world: &World, clock: &ManualClock) -> Self {
        let service = process(world, clock).await;
        let delayed = Arc::new(DelayedGrants {
            grants: service.app.grants(),
            received: Notify::new(),
            release: Notify::new(),
        });
        let registry = Arc::new(service.database.clone());
        let tokens = ShopTokens::new(registry, delayed.clone(), Arc::new(clock.clone()));
        let caller = call(&tokens, world);
        delayed.received.notified().await;
        Self {
            grants: delayed,
            caller,
        }
    }

    /// Aborts the process before it saves the response.
    async fn kill(self) {
        self.caller.abort();
        assert!(self.caller.await.unwrap_err().is_cancelled());
    }

    /// Releases the response. The task returns the token that the caller gets.
    fn resume(self) -> JoinHandle<String> {
        self.grants.release.notify_one();
        self.caller
    }
}

/// Requests the shop's token in a separate task.
fn call(tokens: &ShopTokens, world: &World) -> JoinHandle<String> {
    let source = tokens.for_shop(&world.domain);
    tokio::spawn(async move {
        let token = source.access_token().await.unwrap();
        token.expose_secret().to_owned()
    })
}

async fn token(service: &Service, world: &World) -> String {
    call(&service.tokens, world).await.unwrap()
}

async fn stored(service: &Service, world: &World) -> String {
    let stored = service.database.token(&world.domain).await.unwrap();
    stored
        .unwrap()
        .token
        .access_token
        .expose_secret()
        .to_owned()
}

/// The number of token requests after the installation.
fn renewals(world: &World) -> u64 {
    world.shop.calls().token_requests - 1
}

/// Asserts that a restarted service uses the stored token without a renewal.
async fn serves_again(world: &mut World) {
    let before = renewals(world);
    world.app.restart().await;
    world.sync().await;
    world.document_matches_shop().await.unwrap();
    assert_eq!(renewals(world), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_callers_in_two_processes_make_one_request() {
    let (mut world, clock) = stopped().await;
    let processes = [process(&world, &clock).await, process(&world, &clock).await];
    for round in 1..=3 {
        clock.advance(HOUR);
        let callers = (0..400).map(|number| call(&processes[number % 2].tokens, &world));
        let tokens: Vec<_> = join_all(callers.collect::<Vec<_>>()).await;
        let stored = stored(&processes[0], &world).await;
        for token in tokens {
            assert_eq!(token.unwrap(), stored);
        }
        assert_eq!(renewals(&world), round);
    }
    // Shopify rejects the token before it expires.
    let rejected = SecretString::from(stored(&processes[0], &world).await);
    let callers = (0..400).map(|number| {
        let source = processes[number % 2].tokens.for_shop(&world.domain);
        let rejected = rejected.clone();
        tokio::spawn(async move { source.renew(&rejected).await.unwrap() })
    });
    let tokens = join_all(callers.collect::<Vec<_>>()).await;
    let stored = stored(&processes[1], &world).await;
    assert_ne!(stored, rejected.expose_secret());
    for token in tokens {
        assert_eq!(token.unwrap().expose_secret(), stored);
    }
    assert_eq!(renewals(&world), 4);
    serves_again(&mut world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_response_and_save_loses_no_token() {
    let (mut world, clock) = stopped().await;
    clock.advance(HOUR);
    UnsavedRenewal::start(&world, &clock).await.kill().await;
    let next = process(&world, &clock).await;
    let begun = next.database.token(&world.domain).await.unwrap().unwrap();
    assert!(begun.attempt.is_some(), "the attempt is stored");

    let waits = call(&next.tokens, &world);
    clock.advance(MINUTE);
    let renewed = waits.await.unwrap();
    assert_ne!(renewed, begun.token.access_token.expose_secret());
    assert_eq!(stored(&next, &world).await, renewed);
    assert_eq!(renewals(&world), 2, "the lost renewal and its repetition");
    clock.advance(HOUR);
    assert_ne!(token(&next, &world).await, renewed);
    serves_again(&mut world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crashed_renewal_blocks_nobody_while_the_old_token_is_valid() {
    let (world, clock) = stopped().await;
    let next = process(&world, &clock).await;
    let old = token(&next, &world).await;
    clock.advance(MINUTE * 56);
    UnsavedRenewal::start(&world, &clock).await.kill().await;
    assert_eq!(token(&next, &world).await, old);
    assert_eq!(renewals(&world), 1, "the process may still be running");
    clock.advance(MINUTE);
    assert_ne!(token(&next, &world).await, old);
    assert_eq!(renewals(&world), 2);
}

/// The slow process resumes after another process has begun a renewal. Its own response is invalid by then; if it were
/// saved, the shop would have no valid token.
#[tokio::test(flavor = "multi_thread")]
async fn a_superseded_renewal_is_not_saved() {
    let (mut world, clock) = stopped().await;
    clock.advance(HOUR);
    let slow = UnsavedRenewal::start(&world, &clock).await;
    clock.advance(MINUTE);
    let next = UnsavedRenewal::start(&world, &clock).await;
    let slow = slow.resume();
    let renewed = next.resume().await.unwrap();
    assert_eq!(slow.await.unwrap(), renewed);
    let third = process(&world, &clock).await;
    assert_eq!(stored(&third, &world).await, renewed);
    assert_eq!(renewals(&world), 2);
    clock.advance(HOUR);
    assert_ne!(token(&third, &world).await, renewed);
    serves_again(&mut world).await;
}
