//! The settings of bulk operations.

use std::path::PathBuf;
use std::time::Duration;

/// Settings for running, downloading and reading bulk operations.
#[derive(Debug, Clone)]
pub struct BulkOptions {
    /// Names the program in a comment on the first line of each query. This distinguishes its operations from those of
    /// other programs with the same token. Letters, digits, `-`, `_`, `.` and `/`; other characters are removed.
    pub marker: String,
    /// How many operations may run at the same time for each shop, in this process. Shopify allows five per app and
    /// shop.
    pub max_concurrent: usize,
    /// How long to wait for other operations to end when Shopify reports that too many are running.
    pub slot_timeout: Duration,
    /// The interval before an operation is polled first. Each further interval is 1.5 times as long.
    pub initial_poll_interval: Duration,
    /// The longest interval between two polls. [`Bulk::notify_finished`](super::Bulk::notify_finished) ends any
    /// interval early.
    pub max_poll_interval: Duration,
    /// How long an operation may run before it is cancelled. Shopify's own limit is ten days.
    pub deadline: Duration,
    /// How long a download may receive no data before it is continued on another connection.
    pub idle_timeout: Duration,
    /// Lets Shopify write each object directly before its children (`groupObjects`), and reads the file during the
    /// download. By default (`false`) the lines may come in any order, and the file is downloaded completely first.
    ///
    /// A grouped file needs no temporary files. But grouping takes Shopify longer and fails more often, and an error in
    /// the file is detected only after objects were returned, when a fallback to paging is no longer possible. Objects
    /// that need several queries (discounts) are never read this way.
    pub grouped: bool,
    /// How much of a file is held in memory, in bytes; the rest goes to temporary files. A single object with all its
    /// children is always held in memory.
    pub memory_limit: usize,
    /// The longest accepted line, in bytes.
    pub max_line: usize,
    /// The folder for temporary files; by default that of the system. The files are deleted when they are closed.
    pub temp_dir: Option<PathBuf>,
    /// How many threads decode objects.
    pub decoder_threads: usize,
    /// [`Strategy::Auto`](super::Strategy::Auto) uses paging for fewer objects than this.
    pub bulk_threshold: u64,
    /// [`Strategy::Auto`](super::Strategy::Auto) uses paging if the cost bucket allows it within this time.
    pub max_paging_time: Duration,
}

impl Default for BulkOptions {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            marker: "shopify-client".to_owned(),
            max_concurrent: 5,
            slot_timeout: Duration::from_mins(10),
            initial_poll_interval: Duration::from_secs(1),
            max_poll_interval: Duration::from_secs(30),
            deadline: Duration::from_hours(6),
            idle_timeout: Duration::from_secs(30),
            grouped: false,
            memory_limit: 64 << 20,
            max_line: 64 << 20,
            temp_dir: None,
            decoder_threads: cores.min(4),
            bulk_threshold: 2_500,
            max_paging_time: Duration::from_mins(1),
        }
    }
}
