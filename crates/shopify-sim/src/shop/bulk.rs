//! Runs bulk operations in the background and announces their end.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::Shop;
use crate::bulk::{
    BulkBehaviour, BulkOperation, BulkOutcome, BulkStatus, LineOrder, ResultFile, write_jsonl,
};
use crate::catalog::change::Event;
use crate::graphql::RequestContext;
use crate::locks::{read, write};

impl Shop {
    /// Starts operations that were created, and announces those that were cancelled.
    pub(super) fn process_bulk_operations(self: &Arc<Self>) {
        let (created, canceled) = write(&self.bulk).take_pending();
        if !created.is_empty() {
            self.count(|calls| calls.bulk_operations += created.len() as u64);
        }
        for id in created {
            let run = Arc::clone(self).run_or_fail(id, move |shop| shop.run_bulk_operation(id));
            self.context.tasks.spawn(run);
        }
        for id in canceled {
            self.announce_end(id);
        }
    }

    /// Calls `run` on a thread where it may block. If it panics, the operation fails.
    async fn run_or_fail(self: Arc<Self>, id: u64, run: impl FnOnce(&Arc<Self>) + Send + 'static) {
        let shop = Arc::clone(&self);
        if let Err(error) = tokio::task::spawn_blocking(move || run(&shop)).await {
            log::error!("{}: bulk operation {id} fails: {error}", self.domain);
            let failed = BulkStatus::Failed("INTERNAL_SERVER_ERROR");
            self.advance(id, failed, ResultFile::default());
        }
    }

    fn run_bulk_operation(self: &Arc<Self>, id: u64) {
        let Some(operation) = read(&self.bulk).find(id).cloned() else {
            return;
        };
        self.advance(id, BulkStatus::Running, ResultFile::default());
        match operation.behaviour.outcome {
            BulkOutcome::Completes | BulkOutcome::Corrupts => self.complete(&operation),
            BulkOutcome::Fails => {
                let failed = BulkStatus::Failed("INTERNAL_SERVER_ERROR");
                self.advance(id, failed, ResultFile::default());
            }
            BulkOutcome::TimesOut => {
                self.advance(id, BulkStatus::Failed("TIMEOUT"), ResultFile::default());
            }
            BulkOutcome::Never => {}
        }
    }

    fn complete(self: &Arc<Self>, operation: &BulkOperation) {
        match self.result_of(operation) {
            Ok(result) if operation.behaviour.outcome == BulkOutcome::Corrupts => {
                self.advance(operation.id, BulkStatus::Completed, result.corrupted());
            }
            Ok(result) => self.advance(operation.id, BulkStatus::Completed, result),
            Err(code) => self.advance(
                operation.id,
                BulkStatus::Failed(code),
                ResultFile::default(),
            ),
        }
    }

    /// Completes the running operations. Returns their number.
    pub(crate) fn finish_bulk_operations(self: &Arc<Self>) -> usize {
        let is_running = |each: &&BulkOperation| !each.has_ended();
        let running = read(&self.bulk)
            .all()
            .iter()
            .filter(is_running)
            .cloned()
            .collect::<Vec<_>>();
        for operation in &running {
            self.complete(operation);
        }
        running.len()
    }

    fn result_of(&self, operation: &BulkOperation) -> Result<ResultFile, &'static str> {
        let shuffle = self.shuffle.load(Ordering::Relaxed);
        let catalog = read(&self.catalog);
        let data = operation.prepared.execute_bulk(&RequestContext {
            catalog: &catalog,
            subscriptions: &[],
            operations: &[],
            unpaged: true,
            scopes: &operation.scopes,
            now: self.now().timestamp(),
            shuffle,
            version: &operation.version,
        })?;
        let order = LineOrder {
            grouped: operation.grouped,
            shuffle,
            levels_of_items: operation.behaviour.levels_of_items,
        };
        Ok(write_jsonl(data, order))
    }

    fn advance(self: &Arc<Self>, id: u64, status: BulkStatus, result: ResultFile) {
        let now = self.now().timestamp();
        let ended = write(&self.bulk).advance(id, status, result, now);
        if ended {
            self.announce_end(id);
        }
    }

    fn announce_end(self: &Arc<Self>, id: u64) {
        let now = self.now().timestamp();
        let body = read(&self.bulk)
            .find(id)
            .map(|operation| operation.webhook_body(now));
        if let Some(body) = body {
            self.announce(&[Event::new("bulk_operations/finish", body)]);
        }
    }

    pub(crate) fn bulk_file(&self, id: u64, signature: &str) -> Option<Bytes> {
        read(&self.bulk).file(id, signature, self.now())
    }

    pub(crate) fn bulk_behaviour(&self) -> BulkBehaviour {
        read(&self.bulk).behaviour
    }

    pub(crate) fn set_bulk_behaviour(&self, behaviour: BulkBehaviour) {
        write(&self.bulk).behaviour = behaviour;
    }

    /// The queries of the bulk operations, with their statuses, oldest first.
    pub(crate) fn bulk_operations(&self) -> Vec<(String, &'static str)> {
        let now = self.now().timestamp();
        let bulk = read(&self.bulk);
        let line = |each: &BulkOperation| (each.query.clone(), each.status_at(now));
        bulk.all().iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use super::*;
    use crate::app::SimApp;
    use crate::bucket::BucketSize;
    use crate::bulk::BulkRequest;
    use crate::catalog::generate::generate;
    use crate::catalog::spec::CatalogSpec;
    use crate::clock::SystemClock;
    use crate::graphql::{AdminApi, Request};
    use crate::shop::Context;
    use crate::tasks::Tasks;
    use crate::webhook::{RetrySchedule, Sender};

    fn shop() -> Arc<Shop> {
        let app = Arc::new(SimApp::default());
        let sender = Sender::new(Arc::clone(&app), RetrySchedule::scaled(0.0)).unwrap();
        let context = Context {
            app,
            clock: Arc::new(SystemClock),
            sender: Arc::new(sender),
            tasks: Tasks::new(),
            bucket: BucketSize::default(),
            requires_expiring_tokens: false,
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        };
        let catalog = generate("example.myshopify.com", 7, &CatalogSpec::default());
        Arc::new(Shop::new(catalog, 7, context))
    }

    fn start(shop: &Shop) -> u64 {
        let query = "{ products { edges { node { id } } } }".to_owned();
        let prepared = AdminApi::new().prepare(&Request {
            query: query.clone(),
            ..Request::default()
        });
        let request = BulkRequest {
            query,
            grouped: false,
            scopes: Vec::new(),
            version: "2026-10".to_owned(),
            prepared: Arc::new(prepared.unwrap()),
        };
        write(&shop.bulk).start(request, shop.now().timestamp())
    }

    #[tokio::test]
    async fn an_operation_that_panics_fails() {
        let shop = shop();
        let id = start(&shop);
        let run = move |shop: &Arc<Shop>| {
            let mut bulk = write(&shop.bulk);
            bulk.advance(id, BulkStatus::Running, ResultFile::default(), 0);
            panic!("a bug in a resolver");
        };
        Arc::clone(&shop).run_or_fail(id, run).await;
        let bulk = read(&shop.bulk);
        let operation = bulk.find(id).unwrap();
        assert_eq!(operation.status_at(0), "FAILED");
        assert_eq!(operation.error_code(), Some("INTERNAL_SERVER_ERROR"));
    }
}
