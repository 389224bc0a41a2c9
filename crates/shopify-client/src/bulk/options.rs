use std::path::PathBuf;
use std::time::Duration;

/// How bulk operations are run, fetched and read.
#[derive(Debug, Clone)]
pub struct BulkOptions {
    /// Names the app in a comment on the first line of each query, by which its operations are told from those of
    /// other programs with the same token. Letters, digits, `-`, `_`, `.` and `/`; others are left out.
    pub marker: String,
    /// How many may run at a time per shop, in this process. Shopify allows five per app and shop.
    pub at_once: usize,
    /// How long to wait for others to finish when Shopify says that too many run.
    pub slot_wait: Duration,
    /// The pause before the first look at an operation; each further one is half as long again.
    pub first_gap: Duration,
    /// The longest pause between two looks. A call of [`Bulk::finished`](super::Bulk::finished) ends any pause.
    pub longest_gap: Duration,
    /// How long an operation may run. After that it is cancelled. Shopify's own limit is ten days.
    pub deadline: Duration,
    /// How long a download may stand still before it is gone on with over another connection.
    pub idle: Duration,
    /// How much of a file may be held in memory at a time, in bytes; what is beyond goes to temporary files. A single
    /// thing with all that belongs to it is held whole in any case.
    pub memory: usize,
    /// The longest line that is read, in bytes.
    pub max_line: usize,
    /// Where temporary files are made; the system's folder for them by default. They are deleted when they are closed.
    pub folder: Option<PathBuf>,
    /// How many threads turn text into items.
    pub decoders: usize,
    /// [`Strategy::Auto`](super::Strategy::Auto) pages when there are fewer things than this.
    pub bulk_from: u64,
    /// [`Strategy::Auto`](super::Strategy::Auto) pages when the cost bucket allows it within this time.
    pub paging_time: Duration,
}

impl Default for BulkOptions {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            marker: "shopify-client".to_owned(),
            at_once: 5,
            slot_wait: Duration::from_mins(10),
            first_gap: Duration::from_secs(1),
            longest_gap: Duration::from_secs(30),
            deadline: Duration::from_hours(6),
            idle: Duration::from_secs(30),
            memory: 64 << 20,
            max_line: 64 << 20,
            folder: None,
            decoders: cores.min(4),
            bulk_from: 2_500,
            paging_time: Duration::from_mins(1),
        }
    }
}
