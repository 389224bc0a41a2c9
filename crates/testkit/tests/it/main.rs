//! The fakes keep the contract that the databases keep.

use testkit::MemoryState;

async fn fresh() -> Option<MemoryState> {
    Some(std::future::ready(MemoryState::new()).await)
}

testkit::state_contract!(super::fresh);
