//! Writes the result of a bulk query as JSON Lines: one line for each node, with its parent's id.

use bytes::Bytes;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value};

/// The result file of a bulk operation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ResultFile {
    pub(crate) text: Bytes,
    /// The number of lines.
    pub(crate) objects: u64,
    /// The number of lines without a parent.
    pub(crate) roots: u64,
}

impl ResultFile {
    /// The same file, but the last line without a parent keeps only its `id`.
    pub(crate) fn corrupted(self) -> Self {
        let text = String::from_utf8_lossy(&self.text);
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let is_root = |line: &&mut String| !line.contains("\"__parentId\":");
        if let Some(last) = lines.iter_mut().rev().find(is_root) {
            let object: Map<String, Value> = serde_json::from_str(last).unwrap_or_default();
            *last = line(
                object
                    .into_iter()
                    .filter(|(name, _)| name == "id")
                    .collect(),
                None,
            );
        }
        Self {
            text: lines
                .into_iter()
                .flat_map(|line| [line, "\n".to_owned()])
                .collect::<String>()
                .into(),
            ..self
        }
    }
}

/// The order of the lines.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LineOrder {
    /// Each child directly after its parent.
    pub(crate) grouped: bool,
    /// If not grouped: 0 puts all parents before all children, any other seed shuffles the lines.
    pub(crate) shuffle: u64,
    pub(crate) levels_of_items: bool,
}

struct Line {
    depth: usize,
    text: String,
}

/// Writes the data of a bulk query as JSON Lines.
pub(crate) fn write_jsonl(data: Value, order: LineOrder) -> ResultFile {
    let mut lines = Vec::new();
    let Value::Object(root) = data else {
        return ResultFile::default();
    };
    for (_, connection) in root {
        for node in nodes(connection).unwrap_or_default() {
            write_node(node, None, 0, order, &mut lines);
        }
    }
    let roots = lines.iter().filter(|line| line.depth == 0).count() as u64;
    if !order.grouped {
        lines.sort_by_key(|line| line.depth);
        if order.shuffle != 0 {
            lines.shuffle(&mut ChaCha8Rng::seed_from_u64(order.shuffle));
        }
    }
    ResultFile {
        objects: lines.len() as u64,
        roots,
        text: lines
            .into_iter()
            .flat_map(|line| [line.text, "\n".to_owned()])
            .collect::<String>()
            .into(),
    }
}

/// The nodes of a connection; `None` if the value is not a connection.
fn nodes(connection: Value) -> Option<Vec<Value>> {
    let Value::Object(mut fields) = connection else {
        return None;
    };
    let Value::Array(edges) = fields.remove("edges")? else {
        return None;
    };
    let node = |mut edge: Value| edge.get_mut("node").map(Value::take);
    Some(edges.into_iter().filter_map(node).collect())
}

fn is_connection(value: &Value) -> bool {
    value.get("edges").is_some_and(Value::is_array)
}

fn write_node(
    node: Value,
    parent: Option<&str>,
    depth: usize,
    order: LineOrder,
    lines: &mut Vec<Line>,
) {
    let Value::Object(mut fields) = node else {
        return;
    };
    let id = text_id(&fields).unwrap_or_default();
    let mut children = Vec::new();
    take_children(&mut fields, &id, order, &mut children);
    lines.push(Line {
        depth,
        text: line(fields, parent),
    });
    for (parent, child) in children {
        write_node(child, Some(&parent), depth + 1, order, lines);
    }
}

fn text_id(fields: &Map<String, Value>) -> Option<String> {
    fields.get("id")?.as_str().map(str::to_owned)
}

/// Moves the nodes of all connections out of an object, including those in plain objects within it.
fn take_children(
    fields: &mut Map<String, Value>,
    id: &str,
    order: LineOrder,
    children: &mut Vec<(String, Value)>,
) {
    let is_list = |(name, value): (&String, &Value)| is_connection(value).then(|| name.clone());
    let names: Vec<String> = fields.iter().filter_map(is_list).collect();
    for name in names {
        let found = fields.remove(&name).and_then(nodes).unwrap_or_default();
        children.extend(found.into_iter().map(|child| (id.to_owned(), child)));
    }
    for value in fields.values_mut() {
        if let Value::Object(within) = value {
            let own = text_id(within).filter(|_| order.levels_of_items);
            take_children(within, own.as_deref().unwrap_or(id), order, children);
        }
    }
}

/// One line: `id` first and `__parentId` last, as Shopify writes it.
fn line(mut fields: Map<String, Value>, parent: Option<&str>) -> String {
    let id = fields.remove("id");
    let mut file = Vec::with_capacity(fields.len() + 2);
    let mut field = |name: &str, value: &Value| {
        file.push(format!("{}:{value}", Value::from(name)));
    };
    if let Some(id) = &id {
        field("id", id);
    }
    for (name, value) in &fields {
        field(name, value);
    }
    if let Some(parent) = parent {
        field("__parentId", &parent.into());
    }
    format!("{{{}}}", file.join(","))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn list(nodes: &[Value]) -> Value {
        let edges: Vec<_> = nodes.iter().map(|node| json!({ "node": node })).collect();
        json!({ "edges": edges })
    }

    fn data() -> Value {
        let level = json!({"id": "L", "n": 1});
        let item = json!({"id": "I", "levels": list(&[level])});
        let variant = json!({"id": "V", "item": item});
        let first = json!({"id": "P", "variants": list(&[variant]), "price": {"amount": "1"}});
        json!({"products": list(&[first, json!({"id": "Q", "variants": list(&[])})])})
    }

    const ORDER: LineOrder = LineOrder {
        grouped: true,
        shuffle: 0,
        levels_of_items: false,
    };

    #[test]
    fn nodes_become_lines_that_name_their_parents() {
        let file = write_jsonl(data(), ORDER);
        assert_eq!((file.objects, file.roots), (4, 2));
        let text = r#"{"id":"P","price":{"amount":"1"}}
{"id":"V","item":{"id":"I"},"__parentId":"P"}
{"id":"L","n":1,"__parentId":"V"}
{"id":"Q"}
"#;
        assert_eq!(std::str::from_utf8(&file.text).unwrap(), text);
        assert_eq!(write_jsonl(Value::Null, ORDER), ResultFile::default());
    }

    #[test]
    fn without_grouping_children_can_be_anywhere() {
        let ids = |order| {
            let text = write_jsonl(data(), order).text;
            let text = std::str::from_utf8(&text).unwrap().to_owned();
            text.lines()
                .map(|line| line[7..8].to_owned())
                .collect::<String>()
        };
        let apart = LineOrder {
            grouped: false,
            ..ORDER
        };
        assert_eq!(ids(apart), "PQVL");
        let mixed: std::collections::HashSet<_> = (1..50)
            .map(|shuffle| ids(LineOrder { shuffle, ..apart }))
            .collect();
        assert!(mixed.len() > 10, "{mixed:?}");
    }

    #[test]
    fn a_corrupted_file_has_as_many_lines_but_not_all_fields() {
        let lamp = json!({"id": "P", "title": "Lamp", "variants": list(&[json!({"id": "V"})])});
        let mug = json!({"id": "Q", "title": "Mug", "variants": list(&[json!({"id": "W"})])});
        let whole = write_jsonl(json!({"products": list(&[lamp, mug])}), ORDER);
        let corrupted = whole.clone().corrupted();
        assert_eq!((corrupted.objects, corrupted.roots), (4, 2));
        let text = std::str::from_utf8(&whole.text).unwrap();
        let expected = text.replace(",\"title\":\"Mug\"", "");
        assert_eq!(std::str::from_utf8(&corrupted.text).unwrap(), expected);
        assert_ne!(expected, text);
        assert_eq!(ResultFile::default().corrupted(), ResultFile::default());
    }

    #[test]
    fn levels_may_name_the_item_instead() {
        let order = LineOrder {
            levels_of_items: true,
            ..ORDER
        };
        let text = write_jsonl(data(), order).text;
        let text = std::str::from_utf8(&text).unwrap();
        assert!(
            text.contains(r#"{"id":"L","n":1,"__parentId":"I"}"#),
            "{text}"
        );
    }
}
