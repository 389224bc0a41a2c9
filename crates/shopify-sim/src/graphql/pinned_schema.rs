//! Loads the schema that requests are validated against.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use apollo_compiler::schema::{ExtendedType, Implementers};
use apollo_compiler::validation::Valid;
use apollo_compiler::{Name, Schema};

const SDL: &str = include_str!("../../schema/admin-2026-10.graphql");

/// The ids of subscriptions follow this number.
const SUBSCRIPTIONS: u64 = 1_400_000_000_000;

/// The schema, with its look-up tables.
#[derive(Debug)]
pub(super) struct PinnedSchema {
    pub(super) schema: Valid<Schema>,
    pub(super) implementers: apollo_compiler::collections::HashMap<Name, Implementers>,
    /// The possible object types of each interface and union.
    possible: HashMap<Name, Vec<Name>>,
    last_subscription: AtomicU64,
}

impl PinnedSchema {
    pub(super) fn new() -> Self {
        let schema = Schema::parse_and_validate(SDL, "admin-2026-10.graphql")
            .expect("the schema that is compiled in is valid");
        let implementers = schema.implementers_map();
        let possible = schema
            .types
            .iter()
            .filter_map(|(name, each)| match each {
                ExtendedType::Union(union) => {
                    let members = union.members.iter().map(|member| member.name.clone());
                    Some((name.clone(), members.collect()))
                }
                ExtendedType::Interface(_) => {
                    let objects = implementers.get(name)?.objects.iter().cloned();
                    Some((name.clone(), objects.collect()))
                }
                _ => None,
            })
            .collect();
        Self {
            implementers,
            possible,
            schema,
            last_subscription: AtomicU64::new(SUBSCRIPTIONS),
        }
    }

    /// The possible object types of the type `name`; an object type itself.
    pub(super) fn possible_types<'a>(&'a self, name: &'a Name) -> &'a [Name] {
        match self.possible.get(name) {
            Some(possible) => possible,
            None => std::slice::from_ref(name),
        }
    }

    /// An unused numeric id for a subscription.
    pub(super) fn next_subscription_id(&self) -> u64 {
        self.last_subscription.fetch_add(1, Ordering::Relaxed) + 1
    }
}
