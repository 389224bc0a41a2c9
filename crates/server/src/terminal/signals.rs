//! SIGTERM and SIGINT.

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::CommandError;

/// Cancelled by the first SIGTERM or SIGINT. A second one ends the process at once: what was under way is made up for at
/// the next start.
pub(crate) fn shutdown_token() -> Result<CancellationToken, CommandError> {
    let mut signals = listen()
        .map_err(|error| CommandError::failed("cannot listen to signals").with_cause(error))?;
    let shutdown = CancellationToken::new();
    let cancelled = shutdown.clone();
    tokio::spawn(async move {
        if signals.recv().await.is_some() {
            cancelled.cancel();
        }
        if let Some(code) = signals.recv().await {
            std::process::exit(code);
        }
    });
    Ok(shutdown)
}

/// The exit codes that signals stand for, as they come in.
#[cfg(unix)]
fn listen() -> std::io::Result<mpsc::Receiver<i32>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (sender, receiver) = mpsc::channel(2);
    for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
        let mut signals = signal(kind)?;
        let sender = sender.clone();
        tokio::spawn(async move {
            // 128 and the signal's number: what a shell reports of a process that a signal has ended.
            while signals.recv().await.is_some() {
                if sender.send(128 + kind.as_raw_value()).await.is_err() {
                    return;
                }
            }
        });
    }
    Ok(receiver)
}

#[cfg(not(unix))]
fn listen() -> std::io::Result<mpsc::Receiver<i32>> {
    let (sender, receiver) = mpsc::channel(2);
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() {
            if sender.send(130).await.is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}
