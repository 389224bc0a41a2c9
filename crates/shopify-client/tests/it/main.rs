//! The client over HTTP, against scripted answers and a small shop that pages.

mod catalogue;
mod fake;
mod governor;
mod log_lines;
mod oauth;
mod paging;
mod raw;
mod reading;
mod request;
mod script;
mod shop_bucket;
mod subscriptions;
mod timing;
