//! Derives ids and tokens from the seed, the same in every run.

use ring::hmac;

/// Derives identifiers from a seed and a shop's domain. They look random but are predictable, so they are only for a
/// simulator.
#[derive(Clone)]
pub(crate) struct IdGenerator(hmac::Key);

impl std::fmt::Debug for IdGenerator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seeded")
    }
}

impl IdGenerator {
    pub(crate) fn new(seed: u64, domain: &str) -> Self {
        let key = format!("{seed} {domain}");
        Self(hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()))
    }

    /// 32 hexadecimal digits for the object of type `kind` with this number.
    pub(crate) fn hex(&self, kind: &str, number: u64) -> String {
        let tag = hmac::sign(&self.0, format!("{kind} {number}").as_bytes());
        hex::encode(&tag.as_ref()[..16])
    }

    /// The same in the form of a random UUID.
    pub(crate) fn uuid(&self, kind: &str, number: u64) -> String {
        let hex = self.hex(kind, number);
        let parts = [
            &hex[..8],
            &hex[8..12],
            &format!("4{}", &hex[13..16]),
            &format!("a{}", &hex[17..20]),
            &hex[20..],
        ];
        parts.join("-")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_ids_and_nothing_else_does() {
        let ids = IdGenerator::new(7, "a.myshopify.com");
        assert_eq!(
            ids.uuid("webhook", 1),
            IdGenerator::new(7, "a.myshopify.com").uuid("webhook", 1)
        );
        let others = [
            IdGenerator::new(8, "a.myshopify.com").hex("webhook", 1),
            IdGenerator::new(7, "b.myshopify.com").hex("webhook", 1),
            ids.hex("event", 1),
            ids.hex("webhook", 2),
        ];
        assert!(!others.contains(&ids.hex("webhook", 1)));
        let uuid = ids.uuid("webhook", 1);
        assert_eq!(
            uuid.split('-').map(str::len).collect::<Vec<_>>(),
            [8, 4, 4, 4, 12]
        );
    }
}
