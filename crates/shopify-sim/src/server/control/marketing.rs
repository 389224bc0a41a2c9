//! Changes of discounts and collections.

use super::{Answer, At, Body, created, done};
use crate::catalog::change::{CollectionChange, DiscountChange};

pub(super) async fn create_discount(at: At, Body(discount): Body<DiscountChange>) -> Answer {
    created(at.control.create_discount(&discount)?)
}

pub(super) async fn update_discount(at: At<u64>, Body(change): Body<DiscountChange>) -> Answer {
    at.control.update_discount(at.rest, &change)?;
    done()
}

pub(super) async fn delete_discount(at: At<u64>) -> Answer {
    at.control.delete_discount(at.rest)?;
    done()
}

pub(super) async fn create_collection(at: At, Body(collection): Body<CollectionChange>) -> Answer {
    created(at.control.create_collection(&collection)?)
}

pub(super) async fn update_collection(at: At<u64>, Body(change): Body<CollectionChange>) -> Answer {
    at.control.update_collection(at.rest, &change)?;
    done()
}

pub(super) async fn delete_collection(at: At<u64>) -> Answer {
    at.control.delete_collection(at.rest)?;
    done()
}
