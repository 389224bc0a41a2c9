//! Describes which lines a file has and determines the role of a line.

use super::BulkError;
use super::line_ids::{LineIds, ObjectId, ObjectKind, inventory_item};

/// The structure of a file: root objects, their children, and children of one kind of child.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub(super) root: ObjectKind,
    /// The kind of child that has children itself: the variant, which its inventory item may stand for.
    pub(super) intermediate: Option<ObjectKind>,
    /// Kinds of children that are ignored when their root is missing: they come from later queries.
    pub(super) optional_children: &'static [ObjectKind],
}

/// The role of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The root object with this number.
    Root(u64),
    /// A child of the root object with this number.
    Child(u64),
    /// A child of this child.
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

    /// The ids that the children of this line may use for it; none if it cannot have children.
    pub(super) fn aliases(&self, ids: &LineIds, line: &[u8]) -> [Option<ObjectId>; 2] {
        if self.intermediate != Some(ids.id.kind) {
            return [None, None];
        }
        [Some(ids.id), inventory_item(line).map(|(_, item)| item)]
    }
}

/// Users report both the variant and the inventory item as the parent of an inventory level.
fn is_intermediate(kind: ObjectKind) -> bool {
    matches!(kind, ObjectKind::Variant | ObjectKind::InventoryItem)
}

fn unexpected(kind: ObjectKind) -> BulkError {
    let kind = kind.name();
    BulkError::UnexpectedKind { kind }
}
