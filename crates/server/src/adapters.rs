//! What joins the domain's ports to the libraries that do the work.

mod clock;
mod snapshots;
mod topics;

pub use clock::SystemClock;
pub use snapshots::{SpacesSnapshots, store_error};
pub use topics::{NotAnObject, SUBSCRIBED, subject};
