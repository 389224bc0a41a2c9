//! What part a line plays in a file.

use super::BulkError;
use super::line_ids::{LineIds, ObjectId, ObjectKind, inventory_item};

/// What a file is made of: things, their parts, and parts of one kind of part.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub(super) root: ObjectKind,
    /// The part that has parts itself: the variant, which is also known by its inventory item.
    pub(super) intermediate: Option<ObjectKind>,
    /// Parts of something unknown that are left out instead of being an error: they come by later queries.
    pub(super) optional_children: &'static [ObjectKind],
}

/// What part a line plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The thing of this number.
    Root(u64),
    /// A part of the thing of this number.
    Child(u64),
    /// A part of a part.
    Grandchild(ObjectId),
}

impl Layout {
    pub(super) fn role(&self, ids: &LineIds) -> Result<Role, BulkError> {
        match ids.parent {
            None if ids.id.kind == self.root => Ok(Role::Root(ids.id.number)),
            Some(parent) if parent.kind == self.root => Ok(Role::Child(parent.number)),
            Some(parent) if self.intermediate.is_some() && is_intermediate(parent.kind) => {
                Ok(Role::Grandchild(parent))
            }
            None => Err(unexpected(ids.id.kind)),
            Some(parent) => Err(unexpected(parent.kind)),
        }
    }

    /// The names by which the parts of this line know it; none, if it can have no parts.
    pub(super) fn aliases(&self, ids: &LineIds, line: &[u8]) -> [Option<ObjectId>; 2] {
        if self.intermediate != Some(ids.id.kind) {
            return [None, None];
        }
        [Some(ids.id), inventory_item(line).map(|(_, item)| item)]
    }
}

/// Reports differ on whether an inventory level names the variant or the inventory item.
fn is_intermediate(kind: ObjectKind) -> bool {
    matches!(kind, ObjectKind::Variant | ObjectKind::InventoryItem)
}

fn unexpected(kind: ObjectKind) -> BulkError {
    let kind = kind.name();
    BulkError::UnexpectedKind { kind }
}
