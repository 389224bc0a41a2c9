//! What the fields of each type answer.

pub(super) mod collection;
pub(super) mod discount;
mod filters;
pub(super) mod inventory;
mod lists;
pub(super) mod product;
pub(super) mod root;
pub(super) mod shop;
mod values;
pub(super) mod webhook;
