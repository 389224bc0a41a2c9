//! Carries out what a person or a program requests of the service. Each operation returns data, or a problem; the command line,
//! the pages and the demo render them.

pub(crate) mod delivery_test;
pub(crate) mod outcome;
pub(crate) mod remedy;
pub(crate) mod scopes;
