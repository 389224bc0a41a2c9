//! What the fields of each type answer.

pub(super) mod collection;
pub(super) mod discount;
pub(super) mod filters;
pub(super) mod inventory;
mod lists;
pub(super) mod product;
pub(super) mod root;
pub(super) mod shop;
pub(super) mod values;
pub(super) mod webhook;
