//! Derives the random generators of a generated catalogue from its seed.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// The random generator of one product, discount or collection. It does not depend on how many were generated before.
pub(super) fn rng(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    rng
}

/// The seed of one shop. Two shops of a simulator hold different objects with the same ids, so that a program that
/// confuses them is detected.
pub(super) fn shop_seed(seed: u64, domain: &str) -> u64 {
    // FNV-1a.
    let start = 0xcbf2_9ce4_8422_2325 ^ seed;
    domain.bytes().fold(start, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
