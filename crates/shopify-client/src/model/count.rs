/// How many things of a kind there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// The number.
    pub count: u64,
    /// `false`: there are at least so many. Shopify stops counting at a limit of its own.
    pub exact: bool,
}

impl Count {
    /// The number, if it is not merely the least.
    pub(crate) fn if_exact(self) -> Option<u64> {
        self.exact.then_some(self.count)
    }
}
