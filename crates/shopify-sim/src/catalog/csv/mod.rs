//! Reads Shopify's product export: one row for each variant or image; rows with the same handle belong to one product.

pub(super) mod build;

use std::collections::HashMap;
use std::io::Read;

use super::model::{Cents, ProductStatus};

/// Why a file is rejected as a product export.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CsvError {
    /// The file cannot be read as CSV in UTF-8.
    #[error("line {line}: the file is not CSV in UTF-8")]
    Malformed {
        /// The line, counted from 1.
        line: u64,
        /// The CSV reader's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A required column is missing.
    #[error("line 1: the column \"{0}\" is missing; is this a product export?")]
    MissingColumn(&'static str),
    /// A cell is invalid.
    #[error("line {line}, column \"{column}\": {problem}")]
    InvalidCell {
        /// The line, counted from 1.
        line: u64,
        /// The column's heading.
        column: &'static str,
        /// Why the cell is invalid.
        problem: String,
    },
    /// The file has no products.
    #[error("the file has no products")]
    Empty,
}

/// A product of the export.
#[derive(Debug, Clone, Default)]
pub(crate) struct CsvProduct {
    handle: String,
    title: String,
    html: String,
    vendor: String,
    kind: String,
    tags: Vec<String>,
    status: Option<ProductStatus>,
    gift_card: bool,
    option_names: Vec<String>,
    variants: Vec<CsvVariant>,
}

#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "as many as the export has columns of true and false"
)]
struct CsvVariant {
    choices: Vec<String>,
    sku: String,
    barcode: String,
    price: Cents,
    compare_at: Option<Cents>,
    quantity: i32,
    tracked: bool,
    oversell: bool,
    requires_shipping: bool,
    taxable: bool,
}

const OPTION_NAMES: [&str; 3] = ["Option1 Name", "Option2 Name", "Option3 Name"];
const OPTION_VALUES: [&str; 3] = ["Option1 Value", "Option2 Value", "Option3 Value"];
const MOST_VARIANTS: usize = 2_048;

/// One record, with access by column heading.
struct Row<'a> {
    columns: &'a HashMap<String, usize>,
    record: &'a csv::StringRecord,
    line: u64,
}

impl Row<'_> {
    fn get(&self, column: &str) -> &str {
        let index = self.columns.get(column);
        index
            .and_then(|index| self.record.get(*index))
            .unwrap_or("")
            .trim()
    }

    fn error(&self, column: &'static str, problem: impl Into<String>) -> CsvError {
        CsvError::InvalidCell {
            line: self.line,
            column,
            problem: problem.into(),
        }
    }

    fn money(&self, column: &'static str) -> Result<Option<Cents>, CsvError> {
        let text = self.get(column);
        if text.is_empty() {
            return Ok(None);
        }
        let cents = Cents::parse(text)
            .ok_or_else(|| self.error(column, format!("\"{text}\" is not an amount of money")))?;
        Ok(Some(cents))
    }

    fn truth(&self, column: &'static str, default: bool) -> Result<bool, CsvError> {
        match self.get(column).to_ascii_lowercase().as_str() {
            "" => Ok(default),
            "true" => Ok(true),
            "false" => Ok(false),
            text => Err(self.error(column, format!("\"{text}\" is neither true nor false"))),
        }
    }
}

pub(crate) fn read(reader: impl Read) -> Result<Vec<CsvProduct>, CsvError> {
    // The CSV reader reports the line where the record began.
    let malformed = |error: csv::Error| CsvError::Malformed {
        line: error.position().map_or(1, csv::Position::line),
        source: Box::new(error),
    };
    let mut reader = csv::ReaderBuilder::new().from_reader(reader);
    let headings = reader.headers().map_err(malformed)?;
    let columns: HashMap<String, usize> = headings
        .iter()
        .enumerate()
        .map(|(index, heading)| {
            (
                heading.trim_start_matches('\u{feff}').trim().to_owned(),
                index,
            )
        })
        .collect();
    for needed in ["Handle", "Title", "Option1 Value", "Variant Price"] {
        if !columns.contains_key(needed) {
            return Err(CsvError::MissingColumn(needed));
        }
    }
    let mut products: Vec<CsvProduct> = Vec::new();
    let mut indexes: HashMap<String, usize> = HashMap::new();
    for record in reader.records() {
        let record = record.map_err(malformed)?;
        let line = record.position().map_or(0, csv::Position::line);
        let row = Row {
            columns: &columns,
            record: &record,
            line,
        };
        let handle = row.get("Handle");
        if handle.is_empty() {
            return Err(row.error(
                "Handle",
                "it is empty; every row needs the handle of a product",
            ));
        }
        let index = if let Some(index) = indexes.get(handle) {
            *index
        } else {
            products.push(first_row(&row)?);
            indexes.insert(handle.to_owned(), products.len() - 1);
            products.len() - 1
        };
        add_variant(&mut products[index], &row)?;
    }
    if products.is_empty() {
        return Err(CsvError::Empty);
    }
    Ok(products)
}

fn first_row(row: &Row<'_>) -> Result<CsvProduct, CsvError> {
    if row.get("Title").is_empty() {
        return Err(row.error("Title", "a product's first row needs a title"));
    }
    let published = row.truth("Published", true)?;
    let status = match row.get("Status") {
        "" if published => ProductStatus::Active,
        "" => ProductStatus::Draft,
        text => ProductStatus::parse(text)
            .ok_or_else(|| row.error("Status", format!("\"{text}\" is not a status")))?,
    };
    let mut tags: Vec<_> = row
        .get("Tags")
        .split(',')
        .map(str::trim)
        .filter(|tag| !tag.is_empty())
        .map(str::to_owned)
        .collect();
    tags.sort();
    tags.dedup();
    let names = OPTION_NAMES.map(|column| row.get(column).to_owned());
    let mut option_names: Vec<_> = names
        .into_iter()
        .take_while(|name| !name.is_empty())
        .collect();
    if option_names.is_empty() {
        option_names.push("Title".to_owned());
    }
    let kind = match row.get("Type") {
        "" => row.get("Custom Product Type"),
        kind => kind,
    };
    Ok(CsvProduct {
        handle: row.get("Handle").to_owned(),
        title: row.get("Title").to_owned(),
        html: row.get("Body (HTML)").to_owned(),
        vendor: row.get("Vendor").to_owned(),
        kind: kind.to_owned(),
        tags,
        status: Some(status),
        gift_card: row.truth("Gift Card", false)?,
        option_names,
        variants: Vec::new(),
    })
}

fn add_variant(product: &mut CsvProduct, row: &Row<'_>) -> Result<(), CsvError> {
    let values: Vec<String> = OPTION_VALUES
        .map(|column| row.get(column).to_owned())
        .into();
    if values[0].is_empty() && row.get("Variant Price").is_empty() {
        // The row only adds an image.
        return if row.get("Image Src").is_empty() {
            Err(row.error(
                "Option1 Value",
                "the row has neither a variant nor an image",
            ))
        } else {
            Ok(())
        };
    }
    let mut choices: Vec<String> = values
        .into_iter()
        .take(product.option_names.len())
        .collect();
    if product.option_names[0] == "Title" && choices[0].is_empty() {
        "Default Title".clone_into(&mut choices[0]);
    }
    if let Some(index) = choices.iter().position(String::is_empty) {
        return Err(row.error(
            OPTION_VALUES[index],
            "the variant has no value for this option",
        ));
    }
    if product
        .variants
        .iter()
        .any(|other| other.choices == choices)
    {
        return Err(row.error(
            "Option1 Value",
            format!("the variant {} is listed twice", choices.join(" / ")),
        ));
    }
    if product.variants.len() == MOST_VARIANTS {
        return Err(row.error("Handle", "a product has at most 2048 variants"));
    }
    let price = row
        .money("Variant Price")?
        .ok_or_else(|| row.error("Variant Price", "a variant needs a price"))?;
    let quantity = match row.get("Variant Inventory Qty") {
        "" => 0,
        text => text.parse().map_err(|_| {
            row.error(
                "Variant Inventory Qty",
                format!("\"{text}\" is not a quantity"),
            )
        })?,
    };
    let oversell = match row
        .get("Variant Inventory Policy")
        .to_ascii_lowercase()
        .as_str()
    {
        "" | "deny" => false,
        "continue" => true,
        text => {
            return Err(row.error(
                "Variant Inventory Policy",
                format!("\"{text}\" is neither deny nor continue"),
            ));
        }
    };
    product.variants.push(CsvVariant {
        choices,
        sku: row.get("Variant SKU").trim_start_matches('\'').to_owned(),
        barcode: row
            .get("Variant Barcode")
            .trim_start_matches('\'')
            .to_owned(),
        price,
        compare_at: row.money("Variant Compare At Price")?,
        quantity,
        tracked: !row.get("Variant Inventory Tracker").is_empty(),
        oversell,
        requires_shipping: row.truth("Variant Requires Shipping", true)?,
        taxable: row.truth("Variant Taxable", true)?,
    });
    Ok(())
}
