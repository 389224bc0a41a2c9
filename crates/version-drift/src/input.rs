//! Compares an input object and its nested input objects in two schemas.

use std::collections::BTreeSet;

use apollo_compiler::Schema;

use crate::FindingKind;
use crate::type_change::type_change;

/// Collects the changes of an input object and its nested input objects. Operations do not show which fields a program
/// sends, so a removed field is only a warning.
#[derive(Default)]
pub(crate) struct InputChanges {
    seen: BTreeSet<String>,
    changes: Vec<(FindingKind, String)>,
}

impl InputChanges {
    pub(crate) fn between(
        before: &Schema,
        after: &Schema,
        name: &str,
    ) -> Vec<(FindingKind, String)> {
        let mut changes = Self::default();
        changes.visit(before, after, name);
        changes.changes
    }

    fn visit(&mut self, before: &Schema, after: &Schema, name: &str) {
        if !self.seen.insert(name.to_owned()) {
            return;
        }
        let (Some(old), Some(new)) = (before.get_input_object(name), after.get_input_object(name))
        else {
            return;
        };
        for (field, now) in &new.fields {
            let known = old.fields.get(field);
            let is_required = now.ty.is_non_null() && now.default_value.is_none();
            let was_required = known.is_some_and(|known| known.ty.is_non_null());
            if is_required && !was_required {
                let message = format!("`{name}.{field}` is required: `{}`", now.ty);
                self.changes.push((FindingKind::Required, message));
            }
        }
        for (field, was) in &old.fields {
            match new.fields.get(field) {
                None => {
                    let message = format!("`{name}.{field}` was removed: do not send it");
                    self.changes.push((FindingKind::InputRemoved, message));
                }
                Some(now) if type_change(&was.ty, &now.ty) == Some(FindingKind::Retyped) => {
                    let message =
                        format!("`{name}.{field}` is `{}` instead of `{}`", now.ty, was.ty);
                    self.changes.push((FindingKind::Retyped, message));
                }
                Some(now) => self.visit(before, after, now.ty.inner_named_type()),
            }
        }
    }
}
