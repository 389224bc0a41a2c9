/// The version of the Admin API that the operations were written for and checked against.
pub const API_VERSION: &str = "2026-10";
