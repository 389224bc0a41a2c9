//! The fakes keep the contract that the databases keep.

use testkit::MemoryState;

#[expect(
    clippy::unused_async,
    reason = "the databases' counterpart connects here"
)]
async fn fresh() -> Option<(MemoryState, ())> {
    Some((MemoryState::new(), ()))
}

testkit::state_contract!(super::fresh);
