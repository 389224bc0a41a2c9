//! Runs `shopsync serve` as a separate process.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

/// How long a test waits for a log line.
const TIMEOUT: Duration = Duration::from_mins(1);

/// A running `shopsync serve`.
pub(crate) struct Process {
    child: Child,
    log: Lines<BufReader<ChildStderr>>,
    address: SocketAddr,
}

impl Process {
    /// Starts it with only these variables, and waits until it listens.
    pub(crate) async fn serve(variables: &BTreeMap<String, String>, folder: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_shopsync"))
            .arg("serve")
            .env_clear()
            .envs(variables)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut process = Self {
            child,
            log,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
        };
        let line = process.logged("Listening on http://").await;
        let (_, rest) = line.split_once("Listening on http://").unwrap();
        let address = rest.split(['"', ' ']).next().unwrap();
        process.address = address.parse().unwrap();
        process
    }

    /// The address on which it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for a log line that contains the text.
    pub(crate) async fn logged(&mut self, text: &str) -> String {
        let mut seen = String::new();
        let find = async {
            while let Some(line) = self.log.next_line().await.unwrap() {
                if line.contains(text) {
                    return Some(line);
                }
                seen.push_str(&line);
                seen.push('\n');
            }
            None
        };
        let found = tokio::time::timeout(TIMEOUT, find).await.ok().flatten();
        found.unwrap_or_else(|| panic!("no log line contains {text:?}; logged:\n{seen}"))
    }

    /// Kills the process with SIGKILL and returns the rest of its log.
    pub(crate) async fn kill(mut self) -> String {
        self.child.start_kill().unwrap();
        self.child.wait().await.unwrap();
        let mut rest = String::new();
        while let Some(line) = self.log.next_line().await.unwrap() {
            rest.push_str(&line);
            rest.push('\n');
        }
        rest
    }
}
