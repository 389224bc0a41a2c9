//! Turns SIGTERM and SIGINT into a cancellation token.

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::CommandError;

/// Returns a token that the first SIGTERM or SIGINT cancels. A second signal ends the process immediately; unfinished work
/// is resumed at the next start.
pub(crate) fn shutdown_token() -> Result<CancellationToken, CommandError> {
    let mut signals = listen()
        .map_err(|error| CommandError::failed("cannot listen for signals").with_cause(error))?;
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

/// Returns a channel with the exit code of each received signal.
#[cfg(unix)]
fn listen() -> std::io::Result<mpsc::Receiver<i32>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (sender, receiver) = mpsc::channel(2);
    for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
        let mut signals = signal(kind)?;
        let sender = sender.clone();
        tokio::spawn(async move {
            // 128 plus the number of the signal, as shells report a process that a signal ended.
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
