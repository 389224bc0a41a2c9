//! Detects that the service has no work left, from the results of its claims instead of from the clock.

use std::collections::HashSet;

use server::service::Service;
use sync_core::progress::Event;
use tokio::sync::broadcast::error::RecvError;

/// Waits for a claim that begins after this call and finds no work, neither now nor later: then no work is waiting and no run
/// goes on, since either would give a time for the next claim.
///
/// Wakes an idle worker for the first claim, and again after each that skipped a locked row, since no timer fires while
/// the test's clock stands still.
pub(crate) async fn wait_until_idle(service: &Service) {
    let mut events = service.run_events.subscribe();
    let mut claims = HashSet::new();
    service.wake.notify_one();
    loop {
        let event = events.recv().await;
        match event.as_deref() {
            Ok(Event::Claiming { claim }) => {
                claims.insert(*claim);
            }
            Ok(Event::Idle { claim, next }) if claims.remove(claim) => match next {
                None => return,
                Some(next) if *next <= service.clock.now() => service.wake.notify_one(),
                Some(_) => {}
            },
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => service.wake.notify_one(),
            Err(RecvError::Closed) => panic!("the service has ended"),
        }
    }
}

/// Waits until leases have been renewed `count` more times.
pub(crate) async fn wait_for_renewals(service: &Service, count: u64) {
    let mut events = service.run_events.subscribe();
    let mut renewed = 0;
    while renewed < count {
        let event = events.recv().await.unwrap();
        renewed += u64::from(matches!(*event, Event::LeaseRenewed { .. }));
    }
}
