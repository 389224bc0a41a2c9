//! Tests that the snapshot writer's document is canonical and that it rejects what does not match the layout.

use proptest::prelude::*;
use serde_json::{Value, json};
use spaces_store::{
    ContentHash, Error, Section, SingleLayout, SnapshotError, SnapshotWriter, Spool, SpoolConfig,
    to_canonical_vec,
};

async fn read_all(spool: &Spool) -> Vec<u8> {
    spool.read(0, usize::MAX).await.unwrap().to_vec()
}

fn layout() -> SingleLayout {
    SingleLayout::new([
        Section::object("shop"),
        Section::connection("products"),
        Section::connection("collections"),
    ])
    .unwrap()
}

fn writer() -> SnapshotWriter {
    SnapshotWriter::new(layout(), SpoolConfig::default()).unwrap()
}

fn snapshot_error(result: Result<(), Error>) -> SnapshotError {
    match result {
        Err(Error::Snapshot(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// The same document, serialized as a whole.
fn expected_document(sections: &[(String, bool, Vec<Value>)]) -> Vec<u8> {
    let data: serde_json::Map<_, _> = sections
        .iter()
        .map(|(name, is_object, items)| {
            let value = if *is_object {
                items[0].clone()
            } else {
                let edges: Vec<_> = items.iter().map(|item| json!({"node": item})).collect();
                json!({"edges": edges, "pageInfo": {"hasNextPage": false, "endCursor": null}})
            };
            (name.clone(), value)
        })
        .collect();
    to_canonical_vec(&json!({"data": data})).unwrap()
}

fn item() -> impl Strategy<Value = Value> {
    prop::collection::btree_map(".{0,8}", (".{0,24}", 0..1000_u32), 0..5).prop_map(|members| {
        let members = members.into_iter();
        Value::Object(
            members
                .map(|(name, (text, number))| (name, json!([text, number])))
                .collect(),
        )
    })
}

fn sections() -> impl Strategy<Value = Vec<(String, bool, Vec<Value>)>> {
    prop::collection::btree_map(
        ".{1,6}",
        (any::<bool>(), prop::collection::vec(item(), 1..5)),
        0..5,
    )
    .prop_map(|sections| {
        let sections = sections.into_iter();
        sections
            .map(|(name, (is_object, mut items))| {
                if is_object {
                    items.truncate(1);
                } else if items.len() == 4 {
                    items.clear();
                }
                (name, is_object, items)
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn equals_the_canonical_form_of_the_whole(sections in sections(), memory_limit in 0..400_usize) {
        let layout = SingleLayout::new(sections.iter().map(|(name, is_object, _)| {
            if *is_object { Section::object(name) } else { Section::connection(name) }
        })).unwrap();
        let config = SpoolConfig { dir: None, memory_limit };
        let mut writer = SnapshotWriter::new(layout.clone(), config).unwrap();
        for section in layout.sections() {
            let (_, _, items) = sections.iter().find(|(name, ..)| name == section.name()).unwrap();
            for item in items {
                writer.write(section.name(), &to_canonical_vec(item).unwrap()).unwrap();
            }
        }
        let spool = writer.finish().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let bytes = runtime.block_on(read_all(&spool));
        let expected = expected_document(&sections);
        prop_assert_eq!(String::from_utf8_lossy(&bytes), String::from_utf8_lossy(&expected));
        prop_assert_eq!(spool.len(), expected.len() as u64);
        prop_assert_eq!(spool.sha256(), ContentHash::of(&expected));
    }
}

#[tokio::test]
async fn a_document_without_items_has_empty_connections() {
    let mut writer = writer();
    writer.write("shop", b"{}").unwrap();
    let empty = r#"{"edges":[],"pageInfo":{"endCursor":null,"hasNextPage":false}}"#;
    let expected =
        format!(r#"{{"data":{{"collections":{empty},"products":{empty},"shop":{{}}}}}}"#);
    assert_eq!(
        read_all(&writer.finish().unwrap()).await,
        expected.as_bytes()
    );
}

#[tokio::test]
async fn large_documents_spill_to_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let config = SpoolConfig {
        dir: Some(dir.path().to_owned()),
        memory_limit: 1000,
    };
    let mut writer = SnapshotWriter::new(layout(), config).unwrap();
    let item = format!("{{\"text\":\"{}\"}}", "x".repeat(500_000));
    for _ in 0..4 {
        writer.write("products", item.as_bytes()).unwrap();
        writer.write("products", b"{}").unwrap();
    }
    writer.write("shop", b"{}").unwrap();
    let spool = writer.finish().unwrap();
    assert!(!spool.is_in_memory());
    let bytes = read_all(&spool).await;
    assert_eq!(bytes.len() as u64, spool.len());
    assert_eq!(ContentHash::of(&bytes), spool.sha256());
    assert_eq!(spool.read(3, 4).await.unwrap(), bytes[3..7]);
    assert_eq!(spool.read(spool.len() - 2, 100).await.unwrap(), "}}");
    assert!(spool.read(spool.len() + 9, 100).await.unwrap().is_empty());
    let left = std::fs::read_dir(dir.path()).unwrap().count();
    assert_eq!(left, 0, "the file is unnamed");
}

#[test]
fn rejects_what_does_not_match_the_layout() {
    let mut writer = writer();
    assert_eq!(
        snapshot_error(writer.write("orders", b"{}")),
        SnapshotError::UnknownSection("orders".to_owned())
    );
    for bad in [&b""[..], b"[]", b"{", b"}", b"1", b" {}"] {
        assert_eq!(
            snapshot_error(writer.write("products", bad)),
            SnapshotError::NotAnObject("products".to_owned())
        );
    }
    writer.write("products", b"{}").unwrap();
    assert_eq!(
        snapshot_error(writer.write("collections", b"{}")),
        SnapshotError::OutOfOrder {
            section: "collections".to_owned(),
            current: "products".to_owned()
        }
    );
    writer.write("shop", b"{}").unwrap();
    assert_eq!(
        snapshot_error(writer.write("shop", b"{}")),
        SnapshotError::DuplicateObject("shop".to_owned())
    );
}

#[test]
fn a_document_without_a_required_object_is_rejected() {
    let mut writer = writer();
    writer.write("products", b"{}").unwrap();
    assert_eq!(
        snapshot_error(writer.finish().map(drop)),
        SnapshotError::MissingObject("shop".to_owned())
    );
}

#[test]
fn sections_are_unique() {
    let twice = SingleLayout::new([Section::object("shop"), Section::connection("shop")]);
    assert_eq!(
        twice,
        Err(SnapshotError::DuplicateSection("shop".to_owned()))
    );
}
