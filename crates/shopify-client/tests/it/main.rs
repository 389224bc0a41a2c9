//! The client's parts together.

mod governor;
mod shop_bucket;
