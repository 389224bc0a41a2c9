use apollo_compiler::ast::Type;

use crate::FindingKind;

/// Returns how a field's output type has changed.
pub(crate) fn type_change(before: &Type, after: &Type) -> Option<FindingKind> {
    let nullability = match (before.is_non_null(), after.is_non_null()) {
        (true, false) => Some(FindingKind::Nullable),
        (false, true) => Some(FindingKind::NeverNull),
        _ => None,
    };
    let inner = match (before.is_list(), after.is_list()) {
        (true, true) => type_change(before.item_type(), after.item_type()),
        (false, false) if before.inner_named_type() == after.inner_named_type() => None,
        _ => Some(FindingKind::Retyped),
    };
    // The worse of both: the kinds are ordered by severity.
    [nullability, inner].into_iter().flatten().min()
}
