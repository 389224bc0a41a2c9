use std::path::PathBuf;
use std::time::Duration;

/// How bulk operations are run, fetched and read.
#[derive(Debug, Clone)]
pub struct BulkOptions {
    /// AliasCursor the app in a comment on the first line of each query, by which its operations are told from those of
    /// other programs with the same token. Letters, digits, `-`, `_`, `.` and `/`; others are left out.
    pub marker: String,
    /// How many may run at a time per shop, in this process. Shopify allows five per app and shop.
    pub max_concurrent: usize,
    /// How long to wait for others to finish when Shopify says that too many run.
    pub slot_timeout: Duration,
    /// The pause before the first look at an operation; each further one is half as long again.
    pub initial_poll_interval: Duration,
    /// The longest pause between two looks. A call of [`Bulk::notify_finished`](super::Bulk::notify_finished) ends any pause.
    pub max_poll_interval: Duration,
    /// How long an operation may run. After that it is cancelled. Shopify's own limit is ten days.
    pub deadline: Duration,
    /// How long a download may stand still before it is gone on with over another connection.
    pub idle_timeout: Duration,
    /// Lets Shopify write each part right after what it belongs to (`groupObjects`), and reads the file as it arrives.
    /// Without that, which is the default, the parts may be anywhere in the file, and it is fetched as a whole first.
    ///
    /// Grouping takes Shopify longer and fails more often, and what is wrong with a file is found only after some of it
    /// was given out, when paging can no longer take over; but it needs no temporary files. Objects that need several
    /// queries, which are discounts, are never read like this.
    pub grouped: bool,
    /// How much of a file may be held in memory at a time, in bytes; what is beyond goes to temporary files. A single
    /// thing with all that belongs to it is held whole in any case.
    pub memory_limit: usize,
    /// The longest line that is read, in bytes.
    pub max_line: usize,
    /// Where temporary files are made; the system's folder for them by default. They are deleted when they are closed.
    pub temp_dir: Option<PathBuf>,
    /// How many threads turn text into items.
    pub decoder_threads: usize,
    /// [`Strategy::Auto`](super::Strategy::Auto) pages when there are fewer things than this.
    pub bulk_threshold: u64,
    /// [`Strategy::Auto`](super::Strategy::Auto) pages when the cost bucket allows it within this time.
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
