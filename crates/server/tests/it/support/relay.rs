//! One address for a service that is started again at another port.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Leads every connection to where the service is at the time; closes it while there is none. What Shopify has been told
/// stays true over restarts.
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

    /// The address of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// From now on connections lead there; those that led elsewhere are closed.
    pub(crate) fn forward_to(&self, service: SocketAddr) {
        self.target.send_replace(Some(service));
    }

    /// From now on connections are closed.
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
        // How a connection ends is its ends' business.
        _ = tokio::io::copy_bidirectional(&mut client, &mut service) => {}
        _ = moved => {}
    }
}
