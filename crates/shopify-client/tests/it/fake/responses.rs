//! The fake shop's responses without faults.

use serde_json::{Value, json};

use super::FakeState;
use crate::script::ReceivedRequest;

/// A list that is read page by page.
struct List<'a> {
    nodes: Vec<&'a Value>,
    /// Part of its cursors: a cursor of another list is an error.
    name: String,
    first: &'a Value,
    after: &'a Value,
    /// Whether cursors are id numbers instead of offsets, so that they stay valid when an earlier object is deleted.
    by_number: bool,
}

impl List<'_> {
    fn page(self, longest: Option<usize>) -> Result<Value, String> {
        let first = self
            .first
            .as_u64()
            .filter(|first| (1..=250).contains(first));
        let first = first.ok_or_else(|| format!("`first` of {} is {}", self.name, self.first))?;
        let first = usize::try_from(first)
            .unwrap()
            .min(longest.unwrap_or(usize::MAX));
        let from = match self.after.as_str() {
            None => 0,
            Some(cursor) => {
                let place = cursor.strip_prefix(&format!("{}#", self.name));
                let place =
                    place.ok_or_else(|| format!("{cursor} is no cursor of {}", self.name))?;
                let place: u64 = place.parse().map_err(|_| "a broken cursor".to_owned())?;
                if self.by_number {
                    let before = |node: &&Value| number(&node["id"]) <= place;
                    self.nodes.partition_point(before)
                } else {
                    usize::try_from(place).unwrap()
                }
            }
        };
        let to = (from + first).min(self.nodes.len());
        let cursor = (to > from).then(|| {
            let last = if self.by_number {
                number(&self.nodes[to - 1]["id"])
            } else {
                to as u64
            };
            format!("{}#{last}", self.name)
        });
        Ok(json!({
            "nodes": self.nodes.get(from..to).unwrap_or_default(),
            "pageInfo": { "hasNextPage": to < self.nodes.len(), "endCursor": cursor },
        }))
    }
}

fn array(value: &Value) -> Vec<&Value> {
    value
        .as_array()
        .map(|values| values.iter().collect())
        .unwrap_or_default()
}

/// No list returns more objects, and its last page does not show that there are more.
pub(crate) const MAX_LIST_DEPTH: usize = 25_000;

/// The number at the end of an id.
pub(crate) fn number(id: &Value) -> u64 {
    let id = id.as_str().unwrap();
    id.rsplit('/').next().unwrap().parse().unwrap()
}

impl FakeState {
    pub(super) fn response(&self, received: &ReceivedRequest) -> Result<Value, String> {
        let v = &received.variables;
        let page = |kind, list: &[Value]| self.page(kind, list, v);
        Ok(match received.operation.as_str() {
            "ProductsPage" => json!({ "products": page("Product", &self.products)? }),
            "CollectionsPage" => json!({ "collections": page("Collection", &self.collections)? }),
            "DiscountsPage" => json!({ "discountNodes": page("Discount", &self.discounts)? }),
            "LocationsPage" => json!({ "locations": page("Location", &self.locations)? }),
            "ProductsById"
            | "CollectionsById"
            | "DiscountsById"
            | "LocationsById"
            | "InventoryItemOwners" => json!({ "nodes": self.nodes(v)? }),
            "ProductsCount" => json!({ "productsCount": count(&self.products) }),
            "CollectionsCount" => json!({ "collectionsCount": count(&self.collections) }),
            "DiscountsCount" => json!({ "discountNodesCount": null }),
            "ProductVariantsPage" | "ProductMetafieldsPage" => {
                json!({ "product": self.nested_page(&self.products, received)? })
            }
            "CollectionProductsPage" | "CollectionMetafieldsPage" => {
                json!({ "collection": self.nested_page(&self.collections, received)? })
            }
            "InventoryLevelsPage" | "InventoryItemVariantsPage" => {
                json!({ "inventoryItem": self.inventory_item(received)? })
            }
            "DiscountCodesPage" | "DiscountGetsPage" | "DiscountBuysPage" => {
                json!({ "discountNode": self.discount_part(received)? })
            }
            other => return Err(format!("this shop knows no {other}")),
        })
    }

    /// A page of the list, in the order of the ids, with the first pages of the nested lists.
    fn page(&self, kind: &str, list: &[Value], v: &Value) -> Result<Value, String> {
        let query = v["query"].as_str().unwrap_or_default();
        let after_id = query
            .split(" AND ")
            .find_map(|term| term.strip_prefix("id:>"));
        let after_id: u64 = after_id.map_or(0, |number| number.parse().unwrap());
        if kind == "Product" && !query.contains("status:active,archived,draft,unlisted") {
            return Err("only active products would be listed".to_owned());
        }
        let nodes = list.iter().filter(|node| number(&node["id"]) > after_id);
        let in_order = list.is_sorted_by_key(|node| number(&node["id"]));
        let list = List {
            nodes: nodes.take(MAX_LIST_DEPTH).collect(),
            name: format!("{kind}s>{after_id}"),
            by_number: in_order,
            first: &v["first"],
            after: &v["after"],
        };
        let mut page = list.page(self.max_page_len)?;
        for node in page["nodes"].as_array_mut().unwrap() {
            self.cut_to_first_pages(node, v)?;
        }
        Ok(page)
    }

    /// Replaces the nested lists of an object with their first pages.
    fn cut_to_first_pages(&self, node: &mut Value, v: &Value) -> Result<(), String> {
        let name = node["id"].as_str().unwrap().to_owned();
        let first = |list: &mut Value, part: &str, first: &Value| {
            let all = list.take();
            let namespace = (part == "metafields").then_some(&v["namespace"]);
            let list_of_all = List {
                by_number: false,
                nodes: in_namespace(&all, namespace.unwrap_or(&Value::Null)),
                name: format!("{name}.{part}"),
                first,
                after: &Value::Null,
            };
            *list = list_of_all.page(self.max_page_len)?;
            Ok::<_, String>(())
        };
        if let Some(list) = node.get_mut("metafields") {
            first(list, "metafields", &v["metafields"])?;
        }
        if let Some(list) = node.get_mut("products") {
            first(list, "products", &v["products"])?;
        }
        if let Some(list) = node.get_mut("variants") {
            first(list, "variants", &v["variants"])?;
            for variant in list["nodes"].as_array_mut().unwrap() {
                self.cut_levels(variant, v)?;
            }
        }
        for field in ["discount", "codeDiscount", "automaticDiscount"] {
            let Some(discount) = node.get_mut(field) else {
                continue;
            };
            if let Some(codes) = discount.get_mut("codes") {
                first(codes, "codes", &v["codes"])?;
            }
            for part in ["customerGets", "customerBuys"] {
                for list in ["products", "productVariants", "collections"] {
                    let place = format!("/{part}/items/{list}");
                    if let Some(items) = discount.pointer_mut(&place) {
                        first(items, &format!("{part}.{list}"), &v["items"])?;
                    }
                }
            }
        }
        Ok(())
    }

    fn cut_levels(&self, variant: &mut Value, v: &Value) -> Result<(), String> {
        let item = &mut variant["inventoryItem"];
        let all = item["inventoryLevels"].take();
        let list = List {
            by_number: false,
            nodes: array(&all),
            name: format!("{}.levels", item["id"].as_str().unwrap()),
            first: &v["levels"],
            after: &Value::Null,
        };
        item["inventoryLevels"] = list.page(self.max_page_len)?;
        Ok(())
    }

    fn nodes(&self, v: &Value) -> Result<Vec<Value>, String> {
        let ids = array(&v["ids"]);
        if ids.len() > 250 {
            return Err("more than 250 ids".to_owned());
        }
        ids.into_iter().map(|id| self.node(id, v)).collect()
    }

    fn node(&self, id: &Value, v: &Value) -> Result<Value, String> {
        let kind = id.as_str().unwrap().split('/').nth(3).unwrap();
        let list = match kind {
            "Product" => &self.products,
            "Collection" => &self.collections,
            "Location" => &self.locations,
            "InventoryItem" => return Ok(self.owners(id, v)),
            _ => return self.discount_node(kind, id, v),
        };
        let Some(node) = list.iter().find(|node| node["id"] == *id) else {
            return Ok(Value::Null);
        };
        let mut node = node.clone();
        self.cut_to_first_pages(&mut node, v)?;
        node["__typename"] = kind.into();
        Ok(node)
    }

    fn discount_node(&self, kind: &str, id: &Value, v: &Value) -> Result<Value, String> {
        let mut found = self
            .discounts
            .iter()
            .filter(|node| number(&node["id"]) == number(id));
        let known = self.discount_names.is_empty() || self.discount_names.contains(&kind);
        let Some(node) = found.next().filter(|_| known) else {
            return Ok(Value::Null);
        };
        let name = node["discount"]["__typename"].as_str().unwrap();
        let field = match kind {
            "DiscountNode" => "discount",
            "DiscountCodeNode" if name.starts_with("DiscountCode") => "codeDiscount",
            "DiscountAutomaticNode" if name.starts_with("DiscountAutomatic") => "automaticDiscount",
            _ => return Ok(Value::Null),
        };
        let mut node = json!({ "id": id, "__typename": kind, field: node["discount"] });
        self.cut_to_first_pages(&mut node, v)?;
        Ok(node)
    }

    /// The variants that share an inventory item: in this shop, those with the same `inventoryItem.id`.
    fn variants_of_item(&self, id: &Value) -> Vec<Value> {
        let mut variants_of_item = Vec::new();
        for product in &self.products {
            for variant in array(&product["variants"]) {
                if variant["inventoryItem"]["id"] == *id {
                    variants_of_item.push(json!({ "product": { "id": product["id"] } }));
                }
            }
        }
        variants_of_item
    }

    fn owners(&self, id: &Value, v: &Value) -> Value {
        let variants_of_item = self.variants_of_item(id);
        if variants_of_item.is_empty() {
            return Value::Null;
        }
        let nodes = variants_of_item.iter().collect();
        let name = format!("{}.variants", id.as_str().unwrap());
        let (first, after) = (&v["variants"], &Value::Null);
        let page = List {
            by_number: false,
            nodes,
            name,
            first,
            after,
        }
        .page(self.max_page_len);
        json!({ "__typename": "InventoryItem", "id": id, "variants": page.unwrap() })
    }

    /// A further page of a nested list of a product or a collection.
    fn nested_page(&self, list: &[Value], received: &ReceivedRequest) -> Result<Value, String> {
        let v = &received.variables;
        let Some(parent) = list.iter().find(|parent| parent["id"] == v["id"]) else {
            return Ok(Value::Null);
        };
        let part = match received.operation.as_str() {
            "ProductVariantsPage" => "variants",
            "CollectionProductsPage" => "products",
            _ => "metafields",
        };
        let nodes = if part == "metafields" {
            in_namespace(&parent[part], &v["namespace"])
        } else {
            array(&parent[part])
        };
        let list = List {
            by_number: false,
            nodes,
            name: format!("{}.{part}", v["id"].as_str().unwrap()),
            first: &v["first"],
            after: &v["after"],
        };
        let mut page = list.page(self.max_page_len)?;
        if part == "variants" {
            for variant in page["nodes"].as_array_mut().unwrap() {
                self.cut_levels(variant, v)?;
            }
        }
        Ok(json!({ part: page }))
    }

    fn inventory_item(&self, received: &ReceivedRequest) -> Result<Value, String> {
        let v = &received.variables;
        let id = &v["id"];
        let variants = self
            .products
            .iter()
            .flat_map(|product| array(&product["variants"]));
        let mut items = variants.map(|variant| &variant["inventoryItem"]);
        let Some(item) = items.find(|item| item["id"] == *id) else {
            return Ok(Value::Null);
        };
        let variants_of_item;
        let (part, name, nodes) = if received.operation == "InventoryLevelsPage" {
            ("inventoryLevels", "levels", array(&item["inventoryLevels"]))
        } else {
            variants_of_item = self.variants_of_item(id);
            ("variants", "variants", variants_of_item.iter().collect())
        };
        let list = List {
            by_number: false,
            nodes,
            name: format!("{}.{name}", id.as_str().unwrap()),
            first: &v["first"],
            after: &v["after"],
        };
        Ok(json!({ part: list.page(self.max_page_len)? }))
    }

    fn discount_part(&self, received: &ReceivedRequest) -> Result<Value, String> {
        let v = &received.variables;
        let kind = v["id"].as_str().unwrap().split('/').nth(3).unwrap();
        let known = self.discount_names.is_empty() || self.discount_names.contains(&kind);
        let mut found = self
            .discounts
            .iter()
            .filter(|node| number(&node["id"]) == number(&v["id"]));
        let Some(node) = found.next().filter(|_| known) else {
            return Ok(Value::Null);
        };
        // Cursors contain the id under which the discount was first found.
        let owner = |cursor: &Value| {
            let cursor = cursor.as_str().unwrap_or_default();
            cursor.split('.').next().unwrap().to_owned()
        };
        let discount = &node["discount"];
        let mut response = json!({ "__typename": discount["__typename"] });
        let page = |list: &Value, part: &str, first: &Value, after: &Value| {
            let name = format!("{}.{part}", owner(after));
            List {
                by_number: false,
                nodes: array(list),
                name,
                first,
                after,
            }
            .page(self.max_page_len)
        };
        let part = match received.operation.as_str() {
            "DiscountCodesPage" => {
                response["codes"] = page(&discount["codes"], "codes", &v["first"], &v["after"])?;
                return Ok(json!({ "discount": response }));
            }
            "DiscountGetsPage" => "customerGets",
            _ => "customerBuys",
        };
        let mut items = discount[part]["items"].clone();
        for (list, variable) in [
            ("products", "products"),
            ("productVariants", "variants"),
            ("collections", "collections"),
        ] {
            if let Some(items) = items.get_mut(list) {
                let after = &v[format!("{variable}After").as_str()];
                let all = items.take();
                *items = page(&all, &format!("{part}.{list}"), &v[variable], after)?;
            }
        }
        response[part] = json!({ "items": items });
        Ok(json!({ "discount": response }))
    }
}

fn in_namespace<'a>(metafields: &'a Value, namespace: &Value) -> Vec<&'a Value> {
    let mut all = array(metafields);
    if namespace.is_string() {
        all.retain(|field| field["namespace"] == *namespace);
    }
    all
}

fn count(list: &[Value]) -> Value {
    json!({ "count": list.len(), "precision": "EXACT" })
}
