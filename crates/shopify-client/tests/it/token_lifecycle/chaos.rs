//! Tests random faults over days: crashing processes, lost responses, failing saves.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use shopify_client::TokenSource;
use tokio::time::{sleep, timeout};

use super::shopify::{Fault, Setup, shop};
use super::{HOUR, MINUTE};

fn random_fault(rng: &mut StdRng) -> Fault {
    [
        Fault::Unavailable,
        Fault::LostResponse,
        Fault::TruncatedResponse,
        Fault::NoResponse,
    ][rng.random_range(0..4)]
}

fn inject_fault(setup: &Setup, rng: &mut StdRng) {
    match rng.random_range(0..6) {
        0 | 1 => setup.shopify.fault(random_fault(rng)),
        2 => setup.store.fail_saves(rng.random_range(1..8)),
        3 => setup.store.hang_saves(1),
        4 => setup.store.fail_loads(rng.random_range(1..3)),
        _ => {}
    }
}

/// Checks that every returned token is accepted by Shopify, that the merchant is never needed, and that a token is
/// available once the faults end.
async fn run_chaos(seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    let setup = Setup::installed();
    let mut processes = vec![setup.process(seed * 10), setup.process(seed * 10 + 1)];
    for step in 0..150 {
        if rng.random_bool(0.4) {
            inject_fault(&setup, &mut rng);
        }
        if rng.random_bool(0.15) {
            let which = rng.random_range(0..processes.len());
            processes[which] = setup.process(seed * 1000 + step);
        }
        let source = processes[rng.random_range(0..processes.len())].shop(&shop());
        let caller_timeout = Duration::from_millis(rng.random_range(100..100_000));
        match timeout(caller_timeout, source.access_token()).await {
            Ok(Ok(token)) => {
                assert!(setup.shopify.accepts(&token), "seed {seed}, step {step}");
            }
            Ok(Err(error)) => {
                assert!(error.retryable, "seed {seed}, step {step}: {error:?}");
            }
            Err(_) => {}
        }
        let longest = if rng.random_bool(0.7) {
            MINUTE * 3
        } else {
            HOUR
        };
        sleep(longest.mul_f64(rng.random_range(0.0..1.0))).await;
    }
    setup.shopify.clear_faults();
    setup.store.clear_faults();
    sleep(MINUTE * 2).await;
    for process in &processes {
        let source = process.shop(&shop());
        let token = source.access_token().await.unwrap();
        assert!(setup.shopify.accepts(&token), "seed {seed}");
    }
    let sent = setup.shopify.requests().len();
    assert!(sent > 10, "seed {seed}: only {sent} requests");
}

#[tokio::test(start_paused = true)]
async fn no_token_is_lost_under_random_faults() {
    for seed in 1..=60 {
        run_chaos(seed).await;
    }
}
