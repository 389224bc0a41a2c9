//! Runs background tasks that end with the simulator.

use std::future::Future;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};

/// Spawns tasks that end when the simulator stops.
#[derive(Debug, Clone)]
pub(crate) struct Tasks {
    runtime: Handle,
    stopping: watch::Receiver<bool>,
    /// Held by every task: the channel closes when the last task has ended.
    alive: mpsc::WeakSender<()>,
}

/// Stops the tasks when dropped.
#[derive(Debug)]
pub(crate) struct Shutdown {
    stopping: watch::Sender<bool>,
    alive: Option<mpsc::Sender<()>>,
    ended: mpsc::Receiver<()>,
}

impl Tasks {
    /// A spawner for the current runtime, and the handle that stops its tasks.
    pub(crate) fn new() -> (Self, Shutdown) {
        let (stopping, stopped) = watch::channel(false);
        let (alive, ended) = mpsc::channel(1);
        let tasks = Self {
            runtime: Handle::current(),
            stopping: stopped,
            alive: alive.downgrade(),
        };
        let stop = Shutdown {
            stopping,
            alive: Some(alive),
            ended,
        };
        (tasks, stop)
    }

    /// Runs `work` until it completes or the simulator stops. Does nothing after that.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let Some(alive) = self.alive.upgrade() else {
            return;
        };
        let mut stopping = self.stopping.clone();
        self.runtime.spawn(async move {
            let _alive = alive;
            tokio::select! {
                // An error means that the simulator was dropped.
                _ = stopping.wait_for(|stopping| *stopping) => {}
                () = work => {}
            }
        });
    }
}

impl Shutdown {
    /// Stops the tasks and waits until they have ended.
    pub(crate) async fn wait(&mut self) {
        self.stopping.send_replace(true);
        self.alive = None;
        while self.ended.recv().await.is_some() {}
    }
}

impl Drop for Shutdown {
    fn drop(&mut self) {
        self.stopping.send_replace(true);
    }
}
