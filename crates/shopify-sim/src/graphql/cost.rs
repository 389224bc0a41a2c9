//! Computes the cost of an operation.
//!
//! Scalars cost 0, objects 1, a union the cost of its most expensive member, mutations 10, `pageInfo` 0, and a
//! connection of `n` nodes `2 + children * floor(2 ln(max(2, n)))`. Shopify documents all but the last; its staff have
//! stated that rule, and a live shop's responses match it. The actual cost follows the same rules and is computed
//! during execution.

use serde_json::Value;

use super::plan::{Field, FieldKind, Plan, Role, SelectionsByType};

/// The maximum cost of a single query.
pub(crate) const MAX_QUERY_COST: u64 = 1_000;

/// The cost of each field of a mutation.
pub(super) const MUTATION_COST: u64 = 10;

/// The requested cost: every connection is assumed to be full.
pub(super) fn requested(plan: &Plan) -> u64 {
    let fields = plan.fields();
    if plan.is_mutation {
        MUTATION_COST * fields.len() as u64
    } else {
        fields.iter().map(field).sum()
    }
}

fn field(field: &Field) -> u64 {
    match &field.kind {
        FieldKind::Composite(role, selections) => {
            composite(*role, size(field), max_cost(selections))
        }
        FieldKind::Typename | FieldKind::Leaf(_) => 0,
    }
}

fn max_cost(selections: &SelectionsByType) -> u64 {
    let costs = selections
        .all()
        .map(|fields| fields.iter().map(field).sum());
    costs.max().unwrap_or(0)
}

/// The cost of a composite value: `size` is the number of a connection's nodes, `children` the cost of its fields.
pub(super) fn composite(role: Role, size: u64, children: u64) -> u64 {
    match role {
        Role::PageInfo => 0,
        Role::Edge => children,
        Role::Object => 1 + children,
        Role::Connection => 2 + children * connection_factor(size),
    }
}

fn size(field: &Field) -> u64 {
    let argument = |name: &str| field.arguments.get(name).and_then(Value::as_u64);
    argument("first").or_else(|| argument("last")).unwrap_or(1)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a logarithm of a small number at least 2"
)]
fn connection_factor(size: u64) -> u64 {
    (2.0 * (size.max(2) as f64).ln()).floor() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_cost_by_the_logarithm_of_their_size() {
        let costs: Vec<u64> = [0, 1, 2, 10, 50, 250].map(connection_factor).into();
        assert_eq!(costs, [1, 1, 1, 4, 7, 11]);
        assert_eq!(composite(Role::Connection, 250, 2), 24);
    }
}
