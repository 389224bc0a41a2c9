//! Describes the catalogue of a simulated shop.

use std::sync::Arc;

use super::csv::{CsvError, CsvProduct};

/// The size and shape of a shop's catalogue. The same spec and seed always generate the same catalogue.
///
/// ```
/// let spec = shopify_sim::CatalogSpec { products: 50, ..Default::default() };
/// assert_eq!(spec.variants_per_product, 3);
/// ```
#[derive(Debug, Clone)]
pub struct CatalogSpec {
    /// The number of products (up to 200,000).
    pub products: usize,
    /// Variants of an ordinary product (1 to 2,048; 1 gives the "Default Title" variant).
    pub variants_per_product: usize,
    /// How many products, from the first, have Shopify's maximum of 2,048 variants.
    pub big_products: usize,
    /// The number of locations.
    pub locations: usize,
    /// Locations that stock an ordinary variant.
    pub levels_per_variant: usize,
    /// How many variants of the first product are stocked at `many_levels` locations instead.
    pub variants_with_many_levels: usize,
    /// See `variants_with_many_levels`.
    pub many_levels: usize,
    /// Metafields of an ordinary product in the namespace `custom`.
    pub metafields_per_product: usize,
    /// Metafields of the second product, if more.
    pub many_metafields: usize,
    /// The number of discounts; the eight kinds take turns.
    pub discounts: usize,
    /// Codes of a discount with codes.
    pub codes_per_discount: usize,
    /// Codes of the first discount, if more.
    pub many_codes: usize,
    /// The number of collections; every third is a smart collection.
    pub collections: usize,
    /// Products of an ordinary collection.
    pub products_per_collection: usize,
    /// Products of the first collection, if more.
    pub big_collection: usize,
    /// How many products, from the last, have ids above 2⁵³, which a JSON reader rounds if it uses floats.
    pub ids_above_2_53: usize,
    /// The products, if they are not generated. Then `products` and all fields about variants, inventory levels and
    /// metafields are ignored.
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
    /// A catalogue with every edge case for truncation: 3,000 products, one of them with 2,048 variants of which three
    /// are stocked at 30 locations, one with 60 metafields, all kinds of discount, one with 400 codes, and a collection
    /// of 1,200 products.
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

    /// The products of a Shopify product export (CSV). Locations, discounts and collections are generated with the
    /// defaults. Ids are derived from the products' handles.
    ///
    /// # Errors
    /// If the file is not a product export; the error names the line.
    pub fn from_csv(reader: impl std::io::Read) -> Result<Self, CsvError> {
        let listed = super::csv::read(reader)?;
        Ok(Self {
            products: listed.len(),
            export: Some(ProductExport(Arc::new(listed))),
            ..Self::default()
        })
    }
}
