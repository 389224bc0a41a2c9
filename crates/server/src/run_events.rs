//! Broadcasts the events of this process, and records which run a task is executing for the log.

use std::cell::RefCell;
use std::sync::Arc;

use sync_core::progress::{Event, Observer, Progress};
use sync_core::{RunId, ShopDomain};
use tokio::sync::broadcast;

tokio::task_local! {
    /// The shop and run that this task is executing. A worker's task executes one run at a time.
    static CURRENT: RefCell<Option<(ShopDomain, RunId)>>;
}

/// Runs a worker's future so that every line logged in it carries the shop and run, whichever library logs it.
pub async fn with_run_context<F: Future>(work: F) -> F::Output {
    CURRENT.scope(RefCell::new(None), work).await
}

/// Gives work that another task will poll the shop and run of the current task, for the lines that it logs.
pub(crate) fn in_current_run<F: Future>(work: F) -> impl Future<Output = F::Output> {
    CURRENT.scope(RefCell::new(current_run()), work)
}

/// The shop and run that the current task is executing.
pub(crate) fn current_run() -> Option<(ShopDomain, RunId)> {
    CURRENT
        .try_with(|current| current.borrow().clone())
        .ok()
        .flatten()
}

/// A broadcast channel of every event in this process. A receiver that falls behind misses events.
#[derive(Debug, Clone)]
pub struct RunEvents(broadcast::Sender<Arc<Event>>);

impl Default for RunEvents {
    fn default() -> Self {
        Self(broadcast::Sender::new(1_024))
    }
}

impl RunEvents {
    /// Receives every event from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Event>> {
        self.0.subscribe()
    }
}

impl Observer for RunEvents {
    fn observe(&self, event: &Event) {
        if let Event::Run {
            shop,
            run,
            progress,
        } = event
        {
            let current = match (progress, run) {
                (Progress::Finished(_), _) | (_, None) => None,
                (_, Some(run)) => Some((shop.clone(), *run)),
            };
            // Fails outside a worker's task, where there is no context to set.
            let _ = CURRENT.try_with(|cell| cell.replace(current));
        }
        // Fails if there is no receiver.
        let _ = self.0.send(Arc::new(event.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sync_core::Trigger;

    #[tokio::test]
    async fn the_task_context_names_the_run_from_start_to_end() {
        let run_events = RunEvents::default();
        let mut events = run_events.subscribe();
        let shop: ShopDomain = "a.myshopify.com".parse().unwrap();
        let run = RunId(7);
        assert_eq!(current_run(), None);
        with_run_context(async {
            let started = Progress::Started {
                trigger: Trigger::Manual,
                full: true,
            };
            let step = |progress| Event::Run {
                shop: shop.clone(),
                run: Some(run),
                progress,
            };
            run_events.observe(&step(started));
            assert_eq!(current_run(), Some((shop.clone(), run)));
            let report = sync_core::RunReport {
                outcome: sync_core::Outcome::Unchanged,
                counts: std::collections::BTreeMap::new(),
            };
            run_events.observe(&step(Progress::Finished(report)));
            assert_eq!(current_run(), None);
        })
        .await;
        let event = events.recv().await.unwrap();
        assert!(matches!(&*event, Event::Run { run: Some(of), .. } if *of == run));
    }
}
