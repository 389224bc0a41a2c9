//! Provides a constant address for a service that restarts on another port.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Forwards connections to the current address of the service, and closes them while there is none. The addresses that
/// Shopify was given stay valid across restarts.
#[derive(Debug)]
pub(crate) struct Relay {
    address: SocketAddr,
    target: watch::Sender<Option<SocketAddr>>,
    accepting: JoinHandle<()>,
}

impl Relay {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let target = watch::Sender::new(None);
        let targets = target.subscribe();
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let target = *targets.borrow();
                if let Some(target) = target {
                    tokio::spawn(forward_connection(client, target, targets.clone()));
                }
            }
        });
        Self {
            address,
            target,
            accepting,
        }
    }

    /// The URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Forwards connections to this address from now on; connections to another address are closed.
    pub(crate) fn forward_to(&self, service: SocketAddr) {
        self.target.send_replace(Some(service));
    }

    /// Closes all connections from now on.
    pub(crate) fn disconnect(&self) {
        self.target.send_replace(None);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn forward_connection(
    mut client: TcpStream,
    target: SocketAddr,
    mut targets: watch::Receiver<Option<SocketAddr>>,
) {
    let Ok(mut service) = TcpStream::connect(target).await else {
        return;
    };
    let moved = targets.wait_for(|now| *now != Some(target));
    tokio::select! {
        // The error of a closed connection is irrelevant.
        _ = tokio::io::copy_bidirectional(&mut client, &mut service) => {}
        _ = moved => {}
    }
}
