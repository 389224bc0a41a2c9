//! Estimates the cost of a query before it is sent: what it cost before, or a bound derived from other sizes.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;

use super::Cost;

/// The maximum cost of a single query, in points. Shopify rejects more expensive queries with `MAX_COST_EXCEEDED`, at
/// no cost. Source: Shopify, "API rate limits", Admin GraphQL.
pub const MAX_QUERY_COST: f64 = 1000.0;

/// The number of operations recorded, and of sizes recorded for each.
const MAX_OPERATIONS: usize = 512;
const MAX_SIZES: usize = 64;

/// What determines the cost of a query: its document, and the sizes in its variables.
///
/// Shopify computes the cost from the query's text and the numbers in it, not from its result. The sizes are the
/// integers among the variables (`first`) and the lengths of lists (`ids`), ordered by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestSpec {
    operation: String,
    /// A hash of the document and of everything in the variables that is not a size.
    structure: u64,
    sizes: Vec<u64>,
}

impl RequestSpec {
    /// A query whose cost depends on its operation alone.
    pub fn new(operation: &str) -> Self {
        Self::from_document(operation, "", &Value::Null)
    }

    /// A query with this document and these variables.
    pub fn from_document(operation: &str, document: &str, variables: &Value) -> Self {
        let mut structure = DefaultHasher::new();
        document.hash(&mut structure);
        let mut sizes = Vec::new();
        collect_sizes(variables, &mut structure, &mut sizes);
        Self {
            operation: operation.to_owned(),
            structure: structure.finish(),
            sizes,
        }
    }

    /// The operation's name.
    pub fn operation(&self) -> &str {
        &self.operation
    }
}

fn collect_sizes(value: &Value, structure: &mut DefaultHasher, sizes: &mut Vec<u64>) {
    match value {
        Value::Null | Value::String(_) => {}
        // It may be the condition of `@include` or `@skip`.
        Value::Bool(flag) => (1u8, flag).hash(structure),
        Value::Number(number) => {
            2u8.hash(structure);
            sizes.push(number.as_u64().unwrap_or(0));
        }
        Value::Array(list) => {
            3u8.hash(structure);
            sizes.push(list.len() as u64);
        }
        Value::Object(fields) => {
            // A missing cursor costs as much as a present one.
            let affects_cost = |value: &Value| !matches!(value, Value::Null | Value::String(_));
            let mut fields: Vec<_> = fields
                .iter()
                .filter(|(_, value)| affects_cost(value))
                .collect();
            // `serde_json` orders by name unless its feature `preserve_order` is on.
            fields.sort_unstable_by_key(|(name, _)| *name);
            (4u8, fields.len()).hash(structure);
            for (name, value) in fields {
                name.hash(structure);
                collect_sizes(value, structure, sizes);
            }
        }
    }
}

/// What an operation has cost so far.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct OperationCost {
    /// The number of responses recorded.
    pub responses: u64,
    /// The last requested cost, in points.
    pub requested: f64,
    /// The running mean of actual divided by requested cost, 0 to 1: the part of the points that is not refunded.
    pub used_ratio: f64,
}

/// The estimated requested cost of a query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum CostEstimate {
    /// The same query cost this before.
    Known(f64),
    /// The query was not sent before; this is an upper bound.
    AtMost(f64),
}

#[derive(Debug, Default)]
pub(super) struct CostHistory {
    structures: HashMap<(String, u64), Vec<ObservedCost>>,
    operations: HashMap<String, OperationCost>,
}

#[derive(Debug)]
struct ObservedCost {
    sizes: Vec<u64>,
    requested: f64,
}

impl CostHistory {
    pub(super) fn of(&self, spec: &RequestSpec) -> CostEstimate {
        let key = (spec.operation.clone(), spec.structure);
        let Some(seen) = self.structures.get(&key) else {
            return CostEstimate::AtMost(MAX_QUERY_COST);
        };
        if let Some(same) = seen.iter().find(|seen| seen.sizes == spec.sizes) {
            return CostEstimate::Known(same.requested);
        }
        let bounds = seen
            .iter()
            .map(|seen| seen.requested * growth_factor(&seen.sizes, &spec.sizes));
        CostEstimate::AtMost(bounds.fold(MAX_QUERY_COST, f64::min))
    }

    pub(super) fn operation(&self, operation: &str) -> Option<OperationCost> {
        self.operations.get(operation).copied()
    }

    /// Records the cost that a response states. A cost that cannot be paid is not recorded: such a query is retried
    /// with a smaller size or not at all.
    pub(super) fn record(&mut self, spec: &RequestSpec, cost: &Cost) {
        let payable = |points: &f64| (0.0..=MAX_QUERY_COST).contains(points);
        let Some(requested) = cost.requested.filter(payable) else {
            return;
        };
        if cost.requested_above_bucket().is_some() {
            return;
        }
        self.record_requested(spec, requested);
        if let Some(actual) = cost.actual.filter(|actual| actual.is_finite()) {
            self.record_used_ratio(spec, requested, actual);
        }
    }

    fn record_requested(&mut self, spec: &RequestSpec, requested: f64) {
        let key = (spec.operation.clone(), spec.structure);
        if self.structures.len() >= MAX_OPERATIONS && !self.structures.contains_key(&key) {
            self.structures.clear();
        }
        let seen = self.structures.entry(key).or_default();
        if let Some(same) = seen.iter_mut().find(|seen| seen.sizes == spec.sizes) {
            same.requested = requested;
            return;
        }
        if seen.len() >= MAX_SIZES {
            seen.remove(0);
        }
        let sizes = spec.sizes.clone();
        seen.push(ObservedCost { sizes, requested });
    }

    fn record_used_ratio(&mut self, spec: &RequestSpec, requested: f64, actual: f64) {
        if self.operations.len() >= MAX_OPERATIONS && !self.operations.contains_key(&spec.operation)
        {
            self.operations.clear();
        }
        let known = self.operations.entry(spec.operation.clone()).or_default();
        let used = if requested > 0.0 {
            (actual / requested).clamp(0.0, 1.0)
        } else {
            0.0
        };
        known.responses += 1;
        known.requested = requested;
        // The arithmetic mean of the first ten responses, then an exponential moving average.
        #[expect(clippy::cast_precision_loss, reason = "ten at most")]
        let weight = 1.0 / known.responses.min(10) as f64;
        known.used_ratio += (used - known.used_ratio) * weight;
    }
}

/// Returns the factor by which a query of sizes `to` may cost more than one of sizes `from`.
///
/// The cost of a connection grows at most in proportion to its number of items, whatever the formula; nested
/// connections multiply. Rounding up covers formulas that round, such as `2 + children * floor(2 * ln(max(2, n)))`.
/// Fewer items never cost more.
fn growth_factor(from: &[u64], to: &[u64]) -> f64 {
    if from.len() != to.len() {
        return f64::INFINITY;
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "a factor beyond 2^53 is as good as infinite"
    )]
    let factors = from
        .iter()
        .zip(to)
        .map(|(from, to)| to.div_ceil((*from).max(1)).max(1) as f64);
    factors.product()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::governor::ThrottleStatus;

    fn cost(requested: f64) -> Cost {
        Cost {
            requested: Some(requested),
            ..Cost::default()
        }
    }

    fn pages(first: u64, after: &Value) -> RequestSpec {
        RequestSpec::from_document(
            "Pages",
            "query Pages",
            &json!({"first": first, "after": after}),
        )
    }

    #[test]
    fn a_new_query_may_cost_the_maximum() {
        assert_eq!(
            CostHistory::default().of(&RequestSpec::new("A")),
            CostEstimate::AtMost(MAX_QUERY_COST)
        );
    }

    #[test]
    fn the_cost_depends_on_sizes_and_not_on_cursors() {
        let mut costs = CostHistory::default();
        costs.record(&pages(10, &Value::Null), &cost(40.0));
        assert_eq!(
            costs.of(&pages(10, &json!("next"))),
            CostEstimate::Known(40.0)
        );
        let first = RequestSpec::from_document("Pages", "query Pages", &json!({ "first": 10 }));
        assert_eq!(costs.of(&first), CostEstimate::Known(40.0));
        assert_eq!(
            costs.of(&pages(5, &json!("next"))),
            CostEstimate::AtMost(40.0)
        );
        assert_eq!(
            costs.of(&pages(25, &json!("next"))),
            CostEstimate::AtMost(120.0)
        );
        costs.record(&pages(5, &Value::Null), &cost(22.0));
        assert_eq!(costs.of(&pages(5, &Value::Null)), CostEstimate::Known(22.0));
        assert_eq!(
            costs.of(&pages(4, &Value::Null)),
            CostEstimate::AtMost(22.0)
        );
    }

    #[test]
    fn documents_and_flags_distinguish_queries() {
        let spec = |document, full: bool| {
            RequestSpec::from_document("A", document, &json!({"full": full}))
        };
        let mut costs = CostHistory::default();
        costs.record(&spec("query A { a }", true), &cost(3.0));
        for other in [spec("query A { b }", true), spec("query A { a }", false)] {
            assert_eq!(costs.of(&other), CostEstimate::AtMost(MAX_QUERY_COST));
        }
    }

    #[test]
    fn a_cost_that_cannot_be_paid_is_not_recorded() {
        let mut costs = CostHistory::default();
        costs.record(&RequestSpec::new("A"), &cost(1001.0));
        let small = ThrottleStatus {
            maximum_available: 40.0,
            currently_available: 40.0,
            restore_rate: 2.0,
        };
        costs.record(&RequestSpec::new("A"), &Cost::new(50.0, None, small));
        costs.record(&RequestSpec::new("A"), &cost(f64::NAN));
        assert_eq!(
            costs.of(&RequestSpec::new("A")),
            CostEstimate::AtMost(MAX_QUERY_COST)
        );
        assert_eq!(costs.operation("A"), None);
    }

    #[test]
    fn the_used_ratio_is_a_moving_mean() {
        let mut costs = CostHistory::default();
        let cost = |actual| Cost {
            actual: Some(actual),
            ..cost(100.0)
        };
        for actual in [20.0, 40.0] {
            costs.record(&RequestSpec::new("A"), &cost(actual));
        }
        let known = costs.operation("A").unwrap();
        assert_eq!((known.responses, known.requested), (2, 100.0));
        assert!((known.used_ratio - 0.3).abs() < 1e-9);
        for _ in 0..200 {
            costs.record(&RequestSpec::new("A"), &cost(80.0));
        }
        assert!((costs.operation("A").unwrap().used_ratio - 0.8).abs() < 1e-3);
    }

    #[test]
    fn memory_is_bounded() {
        let mut costs = CostHistory::default();
        for operation in 0..2000 {
            costs.record(&RequestSpec::new(&operation.to_string()), &cost(1.0));
        }
        for first in 0..2000 {
            costs.record(&pages(first, &Value::Null), &cost(1.0));
        }
        assert!(
            costs.structures.len() <= MAX_OPERATIONS && costs.operations.len() <= MAX_OPERATIONS
        );
        assert!(
            costs
                .structures
                .values()
                .all(|seen| seen.len() <= MAX_SIZES)
        );
    }

    /// The formula that Shopify's staff quote: connections cost `2 + children * floor(2 * ln(max(2, n)))`.
    fn logarithmic(sizes: &[u64], leaf: f64) -> f64 {
        sizes.iter().rfold(leaf, |children, size| {
            #[expect(clippy::cast_precision_loss, reason = "sizes are at most 250")]
            let size = (*size).max(2) as f64;
            2.0 + children * (2.0 * size.ln()).floor()
        })
    }

    /// The formula of older documentation.
    fn linear(sizes: &[u64], leaf: f64) -> f64 {
        sizes.iter().rfold(leaf, |children, size| {
            #[expect(clippy::cast_precision_loss, reason = "sizes are at most 250")]
            let size = *size as f64;
            2.0 + children * size
        })
    }

    proptest! {
        #[test]
        fn no_query_costs_more_than_its_bound(
            sizes in prop::collection::vec((1u64..=250, 1u64..=250), 1..4),
            leaf in 1.0..20.0,
        ) {
            let (seen, requested): (Vec<_>, Vec<_>) = sizes.into_iter().unzip();
            for rule in [logarithmic, linear] {
                let bound = rule(&seen, leaf) * growth_factor(&seen, &requested);
                prop_assert!(rule(&requested, leaf) <= bound + 1e-9);
            }
        }
    }
}
