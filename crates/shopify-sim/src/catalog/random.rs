//! Derives the random generators of a generated catalogue from its seed.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::fnv::{OFFSET_BASIS, fnv1a};

/// The random generator of one product, discount or collection. It does not depend on how many were generated before.
pub(super) fn rng(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    rng
}

/// The seed of one shop. Two shops of a simulator hold different objects with the same ids, so that a program that
/// confuses them is detected.
pub(super) fn shop_seed(seed: u64, domain: &str) -> u64 {
    fnv1a(OFFSET_BASIS ^ seed, domain.bytes())
}
