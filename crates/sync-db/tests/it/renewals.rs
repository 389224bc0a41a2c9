//! Tests concurrent attempts of several processes to renew the same token.

use sync_core::ports::ShopRegistry;
use sync_core::{Timestamp, TokenAttempt, TokenPurpose};
use sync_db::Database;
use testkit::{at, installation, shop};
use tokio::task::JoinSet;

pub(crate) fn attempt(by: u64, begun_at: Timestamp) -> TokenAttempt {
    TokenAttempt {
        by,
        begun_at,
        purpose: TokenPurpose::Renewal,
    }
}

/// Ten shops, ten concurrent attempts of each process for each shop: one begins, and both processes see it.
pub(crate) async fn race(processes: &[Database; 2]) {
    let now = at("2026-11-24T12:00:00Z");
    let shops: Vec<_> = (0..10).map(|number| shop(&format!("s{number}"))).collect();
    for shop in &shops {
        let installed = processes[0].install(&installation(shop, now)).await;
        installed.unwrap();
    }
    let mut racers = JoinSet::new();
    for by in 0..20 {
        let database = processes[usize::from(by % 2 == 1)].clone();
        let shops = shops.clone();
        racers.spawn(async move {
            let mut won = Vec::new();
            for shop in shops {
                let begun = database
                    .begin_token_attempt(&shop, 1, None, attempt(by, now))
                    .await;
                if begun.unwrap() {
                    won.push((shop, by));
                }
            }
            won
        });
    }
    let won = racers.join_all().await.concat();
    assert_eq!(won.len(), shops.len(), "{won:?}");
    for (shop, by) in won {
        for process in processes {
            let seen = process.token(&shop).await.unwrap().unwrap();
            assert_eq!(seen.attempt, Some(attempt(by, now)));
        }
    }
}
