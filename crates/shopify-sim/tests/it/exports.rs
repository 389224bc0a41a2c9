//! Tests catalogues from product exports.

use std::error::Error;

use serde_json::json;
use shopify_sim::{CatalogSpec, CsvError};

use crate::scale::truth_of;

const HEAD: &str =
    "Handle,Title,Option1 Name,Option1 Value,Variant Price,Image Src,Status,Variant Inventory Qty";

#[tokio::test]
async fn a_product_export_fills_a_shop() {
    let export = "Handle,Title,Body (HTML),Vendor,Option1 Name,Option1 Value,Variant SKU,Variant Price,Image Src\n\
        mug,\"Mug, large\",\"<p>Two\nlines</p>\",Ferro,Colour,Red,M-1,9.99,\n\
        mug,,,,,Blue,M-2,10.5,https://cdn.example/1.png\n\
        mug,,,,,,,,https://cdn.example/2.png\n\
        bowl,\"\"\"Bowl\"\"\",,,,,,5,\n";
    let spec = CatalogSpec::from_csv(export.as_bytes()).unwrap();
    let truth = truth_of(1, spec).await;
    let products = truth["products"].as_array().unwrap();
    assert_eq!(products.len(), 2);
    let mug = products.iter().find(|p| p["handle"] == "mug").unwrap();
    assert_eq!(mug["title"], "Mug, large");
    assert_eq!(mug["description"], "Two lines");
    let prices: Vec<_> = mug["variants"]
        .as_array()
        .unwrap()
        .iter()
        .map(|variant| (variant["title"].clone(), variant["price"].clone()))
        .collect();
    assert_eq!(prices.len(), 2);
    assert!(prices.contains(&(json!("Blue"), json!("10.50"))));
    let bowl = products.iter().find(|p| p["handle"] == "bowl").unwrap();
    assert_eq!(bowl["title"], "\"Bowl\"");
    assert_eq!(bowl["variants"][0]["title"], "Default Title");
}

#[tokio::test]
async fn missing_columns_get_defaults() {
    // With a byte order mark, as spreadsheet programs write it, and CRLF line ends.
    let export = "\u{feff}Title,Handle,Variant Price,Option1 Value\r\nLamp,lamp,7,\r\n";
    let spec = CatalogSpec::from_csv(export.as_bytes()).unwrap();
    let truth = truth_of(1, spec).await;
    let lamp = &truth["products"][0];
    assert_eq!(lamp["status"], "ACTIVE");
    assert_eq!(lamp["vendor"], "");
    assert_eq!(lamp["tags"], json!([]));
    assert_eq!(lamp["variants"][0]["price"], "7.00");
    assert_eq!(lamp["variants"][0]["inventory_policy"], "DENY");
    assert!(!truth["discounts"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn ids_follow_from_handles_and_not_from_the_rest_of_the_file() {
    let rows = ["a,A,,,1,,,", "b,B,,,2,,,", "c,C,,,3,,,"];
    let ids = async |rows: &[&str]| {
        let export = format!("{HEAD}\n{}\n", rows.join("\n"));
        let spec = CatalogSpec::from_csv(export.as_bytes()).unwrap();
        let truth = truth_of(1, spec).await;
        let products = truth["products"].as_array().unwrap().clone();
        let of = |handle| {
            let found = products.iter().find(|product| product["handle"] == handle);
            found.unwrap()["id"].clone()
        };
        (of("a"), of("c"))
    };
    assert_eq!(ids(&rows).await, ids(&[rows[2], rows[0]]).await);
}

#[test]
fn files_that_are_not_exports_are_rejected_with_the_line() {
    for (rows, message) in [
        (
            "a,A,,,free,,,",
            "line 2, column \"Variant Price\": \"free\" is not an amount of money",
        ),
        (
            "a,A,,,,,,",
            "line 2, column \"Option1 Value\": the row has neither a variant nor an image",
        ),
        (
            "a,,,,1,,,",
            "line 2, column \"Title\": a product's first row needs a title",
        ),
        (
            "a,A,,,1,,,\n,,,,1,,,",
            "line 3, column \"Handle\": it is empty; every row needs the handle of a product",
        ),
        (
            "a,A,Size,S,1,,,\na,,,S,1,,,",
            "line 3, column \"Option1 Value\": the variant S is listed twice",
        ),
        (
            "a,A,Size,S,1,,,\na,,,,1,,,",
            "line 3, column \"Option1 Value\": the variant has no value for this option",
        ),
        (
            "\"a\",\"A\nB\",,,1,,,\nb,B,,,1,,SOLD,",
            "line 4, column \"Status\": \"SOLD\" is not a status",
        ),
        (
            "a,A,,,1,,,many",
            "line 2, column \"Variant Inventory Qty\": \"many\" is not a quantity",
        ),
        ("a,A,,,1,,,\nb,B", "line 3: the file is not CSV in UTF-8"),
        ("", "the file has no products"),
    ] {
        let export = format!("{HEAD}\n{rows}");
        let error = CatalogSpec::from_csv(export.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
    let error = CatalogSpec::from_csv(&b"Order,Total\n1,2\n"[..]).unwrap_err();
    assert!(
        matches!(error, CsvError::MissingColumn("Handle")),
        "{error}"
    );
    let latin = [HEAD.as_bytes(), b"\na,Caf\xe9,,,1,,,\n"].concat();
    let error = CatalogSpec::from_csv(&latin[..]).unwrap_err();
    assert!(
        matches!(error, CsvError::Malformed { line: 2, .. }),
        "{error}"
    );
    assert!(error.source().is_some());
    assert!(CatalogSpec::from_csv(&b"\x89PNG\r\n\x1a\n\0\0"[..]).is_err());
}
