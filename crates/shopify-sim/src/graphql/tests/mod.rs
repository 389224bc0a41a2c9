//! Tests real documents on generated catalogues.

mod bulk;
mod costs;
mod documents;
mod errors;
mod fields;
mod paging;
mod responses;
mod speed;
mod subscriptions;

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};

use super::{AdminApi, ExecutionResult, Request, RequestContext};
use crate::bulk::BulkOperations;
use crate::catalog::Catalog;
use crate::catalog::generate::generate;
use crate::catalog::gid::gid;
use crate::catalog::spec::CatalogSpec;
use crate::id_generator::IdGenerator;
use crate::webhook::subscription::Subscription;

/// 2026-11-24T12:00:00Z.
const NOW: i64 = 1_795_521_600;

const SCOPES: [&str; 4] = [
    "read_products",
    "read_inventory",
    "read_locations",
    "read_discounts",
];

/// Parsing the schema takes a while without optimisation.
static ADMIN: LazyLock<Arc<AdminApi>> = LazyLock::new(AdminApi::new);

fn no_bulk() -> BulkOperations {
    BulkOperations::new(
        IdGenerator::new(7, "example"),
        "http://sim/example".to_owned(),
    )
}

/// A shop without HTTP.
struct Shop {
    catalog: Catalog,
    subscriptions: Vec<Subscription>,
    bulk: BulkOperations,
    scopes: Vec<String>,
    shuffle: u64,
}

impl Shop {
    fn new(spec: &CatalogSpec) -> Self {
        Self {
            catalog: generate("example.myshopify.com", 7, spec),
            subscriptions: Vec::new(),
            bulk: no_bulk(),
            scopes: SCOPES.map(str::to_owned).into(),
            shuffle: 0,
        }
    }

    fn small() -> Self {
        Self::new(&CatalogSpec {
            discounts: 16,
            collections: 7,
            ..CatalogSpec::default()
        })
    }

    fn try_execute(
        &mut self,
        query: &str,
        variables: Value,
    ) -> Result<ExecutionResult, Vec<Value>> {
        let prepared = ADMIN.prepare(&request(query, variables))?;
        let mut subscriptions = std::mem::take(&mut self.subscriptions);
        let mut bulk = std::mem::replace(&mut self.bulk, no_bulk());
        let context = |subscriptions, operations| RequestContext {
            catalog: &self.catalog,
            subscriptions,
            operations,
            unpaged: false,
            scopes: &self.scopes,
            now: NOW,
            shuffle: self.shuffle,
            version: "2026-10",
        };
        let executed = if prepared.is_mutation() {
            prepared.execute_mutation(&context(&[], &[]), &mut subscriptions, &mut bulk)
        } else {
            prepared.execute_query(&context(&subscriptions, bulk.all()))
        };
        self.subscriptions = subscriptions;
        self.bulk = bulk;
        Ok(executed)
    }

    /// Executes a request that must succeed and returns its data.
    fn query(&mut self, query: &str, variables: Value) -> Value {
        let executed = self.try_execute(query, variables).unwrap();
        assert_eq!(executed.errors, Vec::<Value>::new(), "{query}");
        data(&executed)
    }

    /// Executes a request that must fail, in validation or execution, and returns its errors.
    fn query_errors(&mut self, query: &str, variables: Value) -> Vec<Value> {
        let errors = match self.try_execute(query, variables) {
            Ok(executed) => executed.errors,
            Err(errors) => errors,
        };
        assert!(!errors.is_empty(), "{query} is not rejected");
        errors
    }

    fn product(&self, index: usize) -> String {
        gid("Product", *self.catalog.products.keys().nth(index).unwrap())
    }
}

fn data(executed: &ExecutionResult) -> Value {
    serde_json::from_slice(&executed.data).unwrap()
}

fn request(query: &str, variables: Value) -> Request {
    let Value::Object(variables) = variables else {
        panic!("variables are an object");
    };
    Request {
        query: query.to_owned(),
        operation_name: None,
        variables,
    }
}

/// The GraphQL documents in a folder, by file name without its extension.
fn documents_in(folder: &Path) -> Vec<(String, String)> {
    let paths = std::fs::read_dir(folder).unwrap();
    let mut paths: Vec<PathBuf> = paths.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "graphql"));
    paths.sort();
    let named = paths.into_iter().map(|path| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, std::fs::read_to_string(&path).unwrap())
    });
    named.collect()
}

fn crate_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// One of the test documents.
fn document(name: &str) -> String {
    let folder = crate_folder().join("src/graphql/tests/documents");
    std::fs::read_to_string(folder.join(format!("{name}.graphql"))).unwrap()
}

/// The value at a JSON pointer.
fn at<'v>(value: &'v Value, path: &str) -> &'v Value {
    value
        .pointer(path)
        .unwrap_or_else(|| panic!("{path} is not in {value}"))
}

const EMPTY: fn() -> Value = || json!({});
