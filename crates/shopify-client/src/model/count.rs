/// The number of objects of a kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// The number.
    pub count: u64,
    /// `false` if the number is a lower bound: Shopify stops counting at a limit of its own.
    pub exact: bool,
}

impl Count {
    /// The number, unless it is a lower bound.
    pub(crate) fn if_exact(self) -> Option<u64> {
        self.exact.then_some(self.count)
    }
}
