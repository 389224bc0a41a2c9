//! Tests that the fakes fulfil the same contract as the databases.

use testkit::MemoryState;

#[expect(
    clippy::unused_async,
    reason = "the databases' version of this function connects"
)]
async fn fresh() -> Option<(MemoryState, ())> {
    Some((MemoryState::new(), ()))
}

testkit::state_contract!(super::fresh);
