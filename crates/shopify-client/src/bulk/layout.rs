//! What part a line plays in a file.

use super::BulkError;
use super::head::{Head, Key, Kind, inventory_item};

/// What a file is made of: things, their parts, and parts of one kind of part.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub(super) root: Kind,
    /// The part that has parts itself: the variant, which is also known by its inventory item.
    pub(super) middle: Option<Kind>,
    /// Parts of something unknown that are left out instead of being an error: they come by later queries.
    pub(super) later: &'static [Kind],
}

/// What part a line plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The thing of this number.
    Root(u64),
    /// A part of the thing of this number.
    Child(u64),
    /// A part of a part.
    Grandchild(Key),
}

impl Layout {
    pub(super) fn role(&self, head: &Head) -> Result<Role, BulkError> {
        match head.parent {
            None if head.id.kind == self.root => Ok(Role::Root(head.id.number)),
            Some(parent) if parent.kind == self.root => Ok(Role::Child(parent.number)),
            Some(parent) if self.middle.is_some() && is_middle(parent.kind) => {
                Ok(Role::Grandchild(parent))
            }
            None => Err(unexpected(head.id.kind)),
            Some(parent) => Err(unexpected(parent.kind)),
        }
    }

    /// The names by which the parts of this line know it; none, if it can have no parts.
    pub(super) fn names(&self, head: &Head, line: &[u8]) -> [Option<Key>; 2] {
        if self.middle != Some(head.id.kind) {
            return [None, None];
        }
        [Some(head.id), inventory_item(line).map(|(_, item)| item)]
    }
}

/// Reports differ on whether an inventory level names the variant or the inventory item.
fn is_middle(kind: Kind) -> bool {
    matches!(kind, Kind::Variant | Kind::InventoryItem)
}

fn unexpected(kind: Kind) -> BulkError {
    let kind = kind.name();
    BulkError::UnexpectedKind { kind }
}
