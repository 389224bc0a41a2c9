//! What a simulated shop is filled with.

use std::sync::Arc;

use super::csv::{CsvError, CsvProduct};

/// The size and shape of a shop's catalogue. The same spec and seed always give the same catalogue.
///
/// ```
/// let spec = shopify_sim::CatalogSpec { products: 50, ..Default::default() };
/// assert_eq!(spec.variants_per_product, 3);
/// ```
#[derive(Debug, Clone)]
pub struct CatalogSpec {
    /// How many products (up to 200,000).
    pub products: usize,
    /// How many variants an ordinary product has (1 to 2,048; 1 gives the "Default Title" variant).
    pub variants_per_product: usize,
    /// How many products, from the first, have Shopify's maximum of 2,048 variants.
    pub big_products: usize,
    /// How many locations hold stock.
    pub locations: usize,
    /// At how many locations an ordinary variant is stocked.
    pub levels_per_variant: usize,
    /// How many variants of the first product are stocked at `many_levels` locations instead.
    pub variants_with_many_levels: usize,
    /// See `variants_with_many_levels`.
    pub many_levels: usize,
    /// How many metafields in the namespace `custom` an ordinary product has.
    pub metafields_per_product: usize,
    /// How many metafields the second product has, if more.
    pub many_metafields: usize,
    /// How many discounts; the eight kinds take turns.
    pub discounts: usize,
    /// How many codes a discount with codes has.
    pub codes_per_discount: usize,
    /// How many codes the first discount has, if more.
    pub many_codes: usize,
    /// How many collections; every third is a smart one.
    pub collections: usize,
    /// How many products an ordinary collection has.
    pub products_per_collection: usize,
    /// How many products the first collection has, if more.
    pub big_collection: usize,
    /// How many products, from the last, have ids above 2⁵³, which a JSON reader with floats rounds.
    pub ids_above_2_53: usize,
    /// The products, if they are not made up; then `products` and all about variants, levels and metafields is ignored.
    pub export: Option<ProductExport>,
}

/// The products of a Shopify product export, read by [`CatalogSpec::from_csv`].
#[derive(Debug, Clone)]
pub struct ProductExport(pub(crate) Arc<Vec<CsvProduct>>);

impl Default for CatalogSpec {
    fn default() -> Self {
        Self {
            products: 20,
            variants_per_product: 3,
            big_products: 0,
            locations: 3,
            levels_per_variant: 2,
            variants_with_many_levels: 0,
            many_levels: 0,
            metafields_per_product: 3,
            many_metafields: 0,
            discounts: 8,
            codes_per_discount: 2,
            many_codes: 0,
            collections: 4,
            products_per_collection: 8,
            big_collection: 0,
            ids_above_2_53: 1,
            export: None,
        }
    }
}

impl CatalogSpec {
    /// Everything that has ever been cut off: 3,000 products, one of them with 2,048 variants of which three are stocked
    /// at 30 locations, one with 60 metafields, all kinds of discount, one with 400 codes, a collection of 1,200 products.
    pub fn edge_cases() -> Self {
        Self {
            products: 3_000,
            variants_per_product: 2,
            big_products: 1,
            locations: 30,
            variants_with_many_levels: 3,
            many_levels: 30,
            many_metafields: 60,
            many_codes: 400,
            big_collection: 1_200,
            ids_above_2_53: 5,
            ..Self::default()
        }
    }

    /// The products of a Shopify product export (CSV). Locations, discounts and collections are made up as in
    /// the default. The ids follow from the products' handles.
    ///
    /// # Errors
    /// When the file is no such export; the error names the line.
    pub fn from_csv(reader: impl std::io::Read) -> Result<Self, CsvError> {
        let listed = super::csv::read(reader)?;
        Ok(Self {
            products: listed.len(),
            export: Some(ProductExport(Arc::new(listed))),
            ..Self::default()
        })
    }
}
