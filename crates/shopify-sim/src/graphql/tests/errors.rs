//! Tests the errors of invalid requests.

use serde_json::{Value, json};

use super::{EMPTY, Shop, data};
use crate::catalog::gid::gid;

#[test]
fn invalid_documents_are_rejected_in_shopifys_wording() {
    let mut shop = Shop::small();
    for (query, code, message, path) in [
        (
            "{ shop { nme } }",
            "undefinedField",
            "Field 'nme' doesn't exist on type 'Shop'",
            json!(["query", "shop", "nme"]),
        ),
        (
            "query Q { products(frist: 1) { nodes { id } } }",
            "argumentNotAccepted",
            "Field 'products' doesn't accept argument 'frist'",
            json!(["query Q", "products", "frist"]),
        ),
        (
            "{ products(first: \"2\") { nodes { id } } }",
            "argumentLiteralsIncompatible",
            "Argument 'first' on Field 'products' has an invalid value (\"2\"). Expected type 'Int'.",
            json!(["query", "products", "first"]),
        ),
        (
            "{ products(first: 1, sortKey: SIZE) { nodes { id } } }",
            "argumentLiteralsIncompatible",
            "Argument 'sortKey' on Field 'products' has an invalid value (SIZE). Expected type 'ProductSortKeys'.",
            json!(["query", "products", "sortKey"]),
        ),
        (
            "{ product { id } }",
            "missingRequiredArguments",
            "Field 'product' is missing required arguments: id",
            json!(["query", "product"]),
        ),
        (
            "query($n: String) { products(first: $n) { nodes { id } } }",
            "variableMismatch",
            "Type mismatch on variable $n and argument first (String / Int)",
            json!(["query", "products", "first"]),
        ),
        (
            "{ products(first: $n) { nodes { id } } }",
            "variableNotDefined",
            "Variable $n is used by anonymous query but not declared",
            json!(["query", "products", "first"]),
        ),
        (
            "query Q($n: Int) { shop { name } }",
            "variableNotUsed",
            "Variable $n is declared by Q but not used",
            json!(["query Q"]),
        ),
        (
            "{ shop { ...Gone } }",
            "useAndDefineFragment",
            "Fragment Gone was used, but not defined",
            json!(["query", "shop", "... Gone"]),
        ),
        (
            "{ shop { name } } fragment F on Shop { id }",
            "useAndDefineFragment",
            "Fragment F was defined, but not used",
            json!(["fragment F"]),
        ),
        (
            "{ shop }",
            "selectionMismatch",
            "Field must have selections (field 'shop' returns Shop but has no selections. Did you mean 'shop { ... }'?)",
            json!(["query", "shop"]),
        ),
        (
            "{ shop { name { first } } }",
            "selectionMismatch",
            "Selections can't be made on scalars (field 'name' returns String but has selections)",
            json!(["query", "shop", "name"]),
        ),
        (
            "{ shop { ... on Shopp { id } } }",
            "undefinedType",
            "No such type Shopp",
            json!(["query", "shop", "... on Shopp"]),
        ),
        (
            "mutation { webhookSubscriptionCreate(topic: SHOP_UPDATE, webhookSubscription: {url: \"\"}) { userErrors { message } } }",
            "argumentNotAccepted",
            "InputObject 'WebhookSubscriptionInput' doesn't accept argument 'url'",
            json!([
                "mutation",
                "webhookSubscriptionCreate",
                "webhookSubscription"
            ]),
        ),
        (
            "mutation { webhookSubscriptionCreate(topic: SHOP_REDACT, webhookSubscription: {}) { userErrors { message } } }",
            "argumentLiteralsIncompatible",
            "Argument 'topic' on Field 'webhookSubscriptionCreate' has an invalid value (SHOP_REDACT). Expected type 'WebhookSubscriptionTopic'.",
            json!(["mutation", "webhookSubscriptionCreate", "topic"]),
        ),
    ] {
        let Err(errors) = shop.try_execute(query, EMPTY()) else {
            panic!("{query} is not rejected");
        };
        let error = &errors[0];
        assert_eq!(error["extensions"]["code"], code, "{errors:?}");
        assert_eq!(error["message"], message);
        assert_eq!(error["path"], path, "{query}");
        assert!(error["locations"][0]["line"].is_u64(), "{error}");
    }
}

#[test]
fn errors_name_their_locations() {
    let errors = Shop::small()
        .try_execute("{\n  shop {\n    nme\n  }\n}", EMPTY())
        .unwrap_err();
    assert_eq!(errors[0]["locations"], json!([{"line": 3, "column": 5}]));
    let extensions = json!({"code": "undefinedField", "typeName": "Shop", "fieldName": "nme"});
    assert_eq!(errors[0]["extensions"], extensions);
}

#[test]
fn syntax_errors_and_ambiguous_operations_are_rejected() {
    let mut shop = Shop::small();
    for query in [
        "",
        "{",
        "{ shop { name }",
        "query A { shop { id } } query B { shop { id } }",
    ] {
        let errors = shop.try_execute(query, EMPTY()).unwrap_err();
        assert!(errors[0]["message"].is_string(), "{query}: {errors:?}");
    }
}

#[test]
fn variables_are_coerced_to_their_types() {
    let mut shop = Shop::small();
    let page = "query($first: Int!, $ids: [ID!]) { products(first: $first) { nodes { id } } nodes(ids: $ids) { id } }";
    let page = page.replace("$ids: [ID!]", "$ids: [ID!]!");
    let create = "mutation($topic: WebhookSubscriptionTopic!, $sub: WebhookSubscriptionInput!) { webhookSubscriptionCreate(topic: $topic, webhookSubscription: $sub) { userErrors { message } } }";
    let id = "gid://shopify/Product/1";
    for (query, variables, message, explanation) in [
        (
            page.as_str(),
            json!({"ids": [id]}),
            "Variable $first of type Int! was provided invalid value",
            "Expected value to not be null",
        ),
        (
            &page,
            json!({"ids": [id], "first": null}),
            "Variable $first of type Int! was provided invalid value",
            "Expected value to not be null",
        ),
        (
            &page,
            json!({"ids": [id], "first": "1"}),
            "Variable $first of type Int! was provided invalid value",
            "Could not coerce value \"1\" to Int",
        ),
        (
            &page,
            json!({"ids": [id], "first": 1.5}),
            "Variable $first of type Int! was provided invalid value",
            "Could not coerce value 1.5 to Int",
        ),
        (
            &page,
            json!({"first": 1, "ids": [id, "1"]}),
            "Variable $ids of type [ID!]! was provided invalid value for 1 (Invalid global id '1')",
            "Invalid global id '1'",
        ),
        (
            create,
            json!({"topic": "SHOP_REDACT", "sub": {}}),
            "Variable $topic of type WebhookSubscriptionTopic! was provided invalid value",
            "Expected \"SHOP_REDACT\" to be one of: ",
        ),
        (
            create,
            json!({"topic": "SHOP_UPDATE", "sub": {"url": ""}}),
            "Variable $sub of type WebhookSubscriptionInput! was provided invalid value for url (Field is not defined on WebhookSubscriptionInput)",
            "Field is not defined on WebhookSubscriptionInput",
        ),
        (
            create,
            json!({"topic": "SHOP_UPDATE", "sub": {"includeFields": ["id", 1]}}),
            "Variable $sub of type WebhookSubscriptionInput! was provided invalid value for includeFields.1 (Could not coerce value 1 to String)",
            "Could not coerce value 1 to String",
        ),
    ] {
        let Err(errors) = shop.try_execute(query, variables.clone()) else {
            panic!("{variables} is not rejected");
        };
        assert_eq!(errors[0]["message"], message, "{variables}");
        let extensions = &errors[0]["extensions"];
        assert_eq!(extensions["code"], "INVALID_VARIABLE");
        let expected = extensions["problems"][0]["explanation"].as_str().unwrap();
        assert!(expected.starts_with(explanation), "{expected}");
    }
}

#[test]
fn one_element_is_a_list_of_one() {
    let mut shop = Shop::small();
    let id = shop.product(0);
    let data = shop.query(
        "query($ids: [ID!]!) { nodes(ids: $ids) { id } }",
        json!({"ids": id}),
    );
    assert_eq!(data, json!({"nodes": [{"id": id}]}));
}

#[test]
fn pages_have_a_size_between_1_and_250() {
    let mut shop = Shop::small();
    for (arguments, message) in [
        ("(query: \"id:1\")", "you must provide one of first or last"),
        ("(first: 0)", "must be greater than 0"),
        ("(first: -1)", "must be greater than 0"),
        ("(first: 251)", "cannot exceed 250"),
        ("(last: 251)", "cannot exceed 250"),
        (
            "(first: 1, last: 1)",
            "providing both first and last is not supported",
        ),
        ("(first: 1, after: \"x\")", "Invalid cursor"),
        (
            "(first: 1, query: \"colour:red\")",
            "does not support the filter `colour`",
        ),
        ("(first: 1, query: \"lamp\")", "does not support free text"),
    ] {
        let errors = shop.query_errors(
            &format!("{{ products{arguments} {{ nodes {{ id }} }} }}"),
            EMPTY(),
        );
        assert_eq!(errors[0]["extensions"]["code"], "BAD_REQUEST", "{errors:?}");
        assert!(
            errors[0]["message"].as_str().unwrap().contains(message),
            "{errors:?}"
        );
        assert_eq!(errors[0]["path"], json!(["products"]));
    }
}

#[test]
fn at_most_250_nodes_are_looked_up_at_once() {
    let mut shop = Shop::small();
    let query = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }";
    let ids = |count| (0..count).map(|id| gid("Product", id)).collect::<Vec<_>>();
    let data = shop.query(query, json!({"ids": ids(250)}));
    assert_eq!(data["nodes"].as_array().unwrap().len(), 250);
    let errors = shop.query_errors(query, json!({"ids": ids(251)}));
    assert_eq!(errors[0]["extensions"]["code"], "MAX_INPUT_SIZE_EXCEEDED");
}

#[test]
fn an_id_of_another_type_is_rejected() {
    let mut shop = Shop::small();
    for query in [
        "{ product(id: \"gid://shopify/Collection/1\") { id } }",
        "{ discountNode(id: \"gid://shopify/Product/1\") { id } }",
        "{ codeDiscountNode(id: \"gid://shopify/DiscountAutomaticNode/1\") { id } }",
    ] {
        let errors = shop.query_errors(query, EMPTY());
        assert_eq!(
            errors[0]["extensions"]["code"], "RESOURCE_NOT_FOUND",
            "{errors:?}"
        );
    }
    let errors = shop.query_errors("{ product(id: \"1\") { id } }", EMPTY());
    assert_eq!(errors[0]["message"], "Invalid global id '1'");
}

#[test]
fn fields_without_their_scope_are_denied_and_return_no_data() {
    let product = Shop::small().product(0);
    let item = "productVariants(first: 1) { nodes { inventoryItem { inventoryLevels(first: 1) { nodes { location { id } } } } } }";
    for (missing, field, query, path) in [
        (
            "read_products",
            "products",
            "products(first: 1) { nodes { id } }".to_owned(),
            json!(["products"]),
        ),
        (
            "read_products",
            "productsCount",
            "productsCount { count }".to_owned(),
            json!(["productsCount"]),
        ),
        (
            "read_products",
            "nodes",
            format!("nodes(ids: [\"{product}\"]) {{ id }}"),
            json!(["nodes"]),
        ),
        (
            "read_inventory",
            "inventoryLevels",
            item.to_owned(),
            json!([
                "productVariants",
                "nodes",
                0,
                "inventoryItem",
                "inventoryLevels"
            ]),
        ),
        (
            "read_locations",
            "locations",
            "locations(first: 1) { nodes { id } }".to_owned(),
            json!(["locations"]),
        ),
        (
            "read_locations",
            "location",
            item.to_owned(),
            json!([
                "productVariants",
                "nodes",
                0,
                "inventoryItem",
                "inventoryLevels",
                "nodes",
                0,
                "location"
            ]),
        ),
        (
            "read_discounts",
            "discountNodes",
            "discountNodes(first: 1) { nodes { id } }".to_owned(),
            json!(["discountNodes"]),
        ),
    ] {
        let mut shop = Shop::small();
        shop.query(&format!("{{ {query} }}"), EMPTY());
        shop.scopes.retain(|scope| scope != missing);
        let executed = shop
            .try_execute(&format!("{{ shop {{ name }} {query} }}"), EMPTY())
            .unwrap();
        let data = data(&executed);
        let error = &executed.errors[0];
        assert_eq!(error["path"], path, "{query}");
        let needed = format!("`{missing}` access scope.");
        assert_eq!(
            error["message"],
            format!("Access denied for {field} field. Required access: {needed}")
        );
        assert_eq!(error["extensions"]["code"], "ACCESS_DENIED");
        assert_eq!(error["extensions"]["requiredAccess"], json!(needed));
        // A nullable field becomes null; a non-null field propagates null to its parent.
        if field == "productsCount" {
            assert_eq!(data["productsCount"], Value::Null);
            assert_eq!(data["shop"]["name"], "Example");
        } else {
            assert_eq!(data, Value::Null);
        }
    }
}
