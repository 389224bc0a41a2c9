//! Hashes bytes with FNV-1a, whose values are the same in every build.

/// The hash of no bytes (64 bits).
pub(crate) const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;

/// The hash of `bytes`, continued from `start`: [`OFFSET_BASIS`], or another number for other hashes.
pub(crate) fn fnv1a(start: u64, bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes.into_iter().fold(start, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: the test vectors of the FNV reference implementation.
    #[test]
    fn hashes_are_those_of_the_reference_implementation() {
        for (text, hash) in [
            ("", 0xcbf2_9ce4_8422_2325),
            ("a", 0xaf63_dc4c_8601_ec8c),
            ("foobar", 0x8594_4171_f739_67e8),
        ] {
            assert_eq!(fnv1a(OFFSET_BASIS, text.bytes()), hash, "{text}");
        }
    }
}
