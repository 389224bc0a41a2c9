//! What the shop tells its apps.

pub(crate) mod body;
pub(crate) mod subscription;
