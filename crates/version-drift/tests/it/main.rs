//! Tests the client's operations against its schemas and against modified schemas.

use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use version_drift::{ApiVersion, Finding, FindingKind, Operation, ReadError, Severity, check};

fn client(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shopify-client")
        .join(folder)
}

fn pinned_text() -> String {
    let file = format!("schema/admin-{}.graphql", shopify_client::API_VERSION);
    std::fs::read_to_string(client(&file)).expect("the schema of the version in use")
}

fn pinned() -> ApiVersion {
    version(shopify_client::API_VERSION, &pinned_text())
}

fn version(name: &str, text: &str) -> ApiVersion {
    ApiVersion::parse(name, text, Path::new("mutated.graphql")).expect("a schema")
}

fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, 25).expect("a day")
}

/// The pinned schema with a change in one type.
fn mutated(name: &str, type_line: &str, from: &str, to: &str) -> ApiVersion {
    let text = pinned_text();
    let start = text.find(&format!("\n{type_line}")).expect(type_line);
    let end = start + text[start..].find("\n}").expect("its end") + 1;
    let body = &text[start..end];
    assert_eq!(body.matches(from).count(), 1, "{from} in {body}");
    let text = format!(
        "{}{}{}",
        &text[..start],
        body.replace(from, to),
        &text[end..]
    );
    version(name, &text)
}

/// Returns the findings of the client's operations in a version.
fn client_findings(version: &ApiVersion) -> Vec<Finding> {
    let operations = Operation::read_all(&client("operations")).expect("operations");
    check(&operations, &pinned(), version, today()).expect("right operations")
}

fn in_file(findings: &[Finding], file: &str) -> Vec<(usize, usize, FindingKind)> {
    let here = |finding: &&Finding| finding.path.ends_with(file);
    let findings = findings.iter().filter(here);
    findings
        .map(|found| (found.line, found.column, found.kind))
        .collect()
}

/// Returns line and column of a text in one of the client's operations, starting at 1.
fn place(file: &str, text: &str) -> (usize, usize) {
    let all = std::fs::read_to_string(client("operations").join(file)).expect(file);
    let found = |line: &str| Some(line.find(text)? + 1);
    let mut lines = (1..).zip(all.lines());
    let place = lines.find_map(|(number, line)| Some((number, found(line)?)));
    place.expect(text)
}

#[test]
fn the_operations_work_in_every_committed_version_and_use_nothing_deprecated() {
    let versions = ApiVersion::read_all(&client("schema")).unwrap();
    assert!(versions.len() >= 2, "{versions:?}");
    for version in versions {
        let mut findings = client_findings(&version);
        findings.retain(|finding| finding.kind.severity() > Severity::Note);
        let lines: Vec<_> = findings.iter().map(ToString::to_string).collect();
        assert!(lines.is_empty(), "{}", lines.join("\n"));
    }
}

#[test]
fn a_removed_field_is_found_wherever_it_is_selected() {
    let next = mutated("2027-01", "type Product ", "  vendor: String!\n", "");
    let findings = client_findings(&next);
    for file in ["products_page.graphql", "products_by_id.graphql"] {
        let (line, column) = place(file, "vendor");
        assert_eq!(
            in_file(&findings, file),
            [(line, column, FindingKind::Removed)]
        );
    }
    for finding in &findings {
        assert_eq!(finding.kind, FindingKind::Removed);
        assert!(finding.message.contains("vendor"), "{finding}");
    }
    // The version in use ends on 16 October 2027.
    assert_eq!(findings[0].days_left, Some(325));
    assert!(
        findings[0]
            .to_string()
            .ends_with("(325 days left, until 2027-10-16)")
    );
}

#[test]
fn a_removed_argument_type_and_member_are_found() {
    let next = mutated(
        "2027-01",
        "type Query",
        "sortKey: LocationSortKeys = NAME",
        "order: Int",
    );
    let (line, _) = place("locations_page.graphql", "sortKey");
    let found = in_file(&client_findings(&next), "locations_page.graphql");
    assert!(!found.is_empty());
    assert!(
        found
            .iter()
            .all(|(at, _, kind)| (*at, *kind) == (line, FindingKind::Removed)),
        "{found:?}"
    );

    let text = pinned_text().replace(" | DiscountCodeApp", "");
    let findings = client_findings(&version("2027-01", &text));
    let (line, column) = place("discounts_page.graphql", "... on DiscountCodeApp");
    let found = in_file(&findings, "discounts_page.graphql");
    assert!(
        found.contains(&(line, column, FindingKind::Removed)),
        "{found:?} {line}:{column}"
    );
}

#[test]
fn a_field_that_can_be_null_now_is_found_and_one_that_cannot_is_noted() {
    let next = mutated(
        "2027-01",
        "type Product ",
        "  title: String!\n",
        "  title: String\n",
    );
    let (line, column) = place("products_page.graphql", "title");
    let findings = client_findings(&next);
    let found = in_file(&findings, "products_page.graphql");
    assert_eq!(found, [(line, column, FindingKind::Nullable)]);
    assert_eq!(findings[0].kind.severity(), Severity::Breaking);

    let next = mutated(
        "2027-01",
        "type Product ",
        "  publishedAt: DateTime\n",
        "  publishedAt: DateTime!\n",
    );
    let findings = client_findings(&next);
    assert!(
        findings
            .iter()
            .all(|finding| finding.kind == FindingKind::NeverNull),
        "{findings:?}"
    );
    for file in ["products_page.graphql", "products_by_id.graphql"] {
        let (line, column) = place(file, "publishedAt");
        assert_eq!(
            in_file(&findings, file),
            [(line, column, FindingKind::NeverNull)]
        );
    }

    let next = mutated(
        "2027-01",
        "type Product ",
        "  tags: [String!]!\n",
        "  tags: [String]!\n",
    );
    assert_eq!(
        in_file(&client_findings(&next), "products_by_id.graphql").len(),
        1
    );
}

#[test]
fn a_field_of_another_type_is_found() {
    let next = mutated(
        "2027-01",
        "type Product ",
        "  totalInventory: Int!\n",
        "  totalInventory: UnsignedInt64!\n",
    );
    let findings = client_findings(&next);
    assert!(
        findings
            .iter()
            .all(|finding| finding.kind == FindingKind::Retyped),
        "{findings:?}"
    );
    assert!(
        findings[0]
            .message
            .contains("`UnsignedInt64!` instead of `Int!`"),
        "{}",
        findings[0]
    );
}

#[test]
fn deprecations_are_warnings_with_their_reason_also_in_the_version_in_use() {
    let reason = "@deprecated(reason: \"Use `brand` instead.\")";
    let to = format!("  vendor: String! {reason}\n");
    let now = mutated(
        shopify_client::API_VERSION,
        "type Product ",
        "  vendor: String!\n",
        &to,
    );
    let findings = client_findings(&now);
    let (line, column) = place("products_page.graphql", "vendor");
    assert_eq!(
        in_file(&findings, "products_page.graphql"),
        [(line, column, FindingKind::Deprecated)]
    );
    assert_eq!(findings[0].kind.severity(), Severity::Warning);
    assert!(
        findings[0]
            .to_string()
            .contains("`Product.vendor`: Use `brand` instead.")
    );

    let to = "ID @deprecated(reason: \"Slow.\")\n";
    let next = mutated("2027-01", "enum ProductSortKeys", "ID\n", to);
    let findings = client_findings(&next);
    let (line, column) = place("products_page.graphql", "sortKey");
    assert_eq!(
        in_file(&findings, "products_page.graphql"),
        [(line, column, FindingKind::Deprecated)]
    );
    assert!(findings[0].message.contains("`ProductSortKeys.ID`: Slow."));
}

#[test]
fn inputs_are_checked_through_variables() {
    let input = "input WebhookSubscriptionInput";
    let file = "webhook_subscription_create.graphql";
    let (line, column) = place(file, "subscription:");
    let kinds = |to: &str| {
        in_file(
            &client_findings(&mutated("2027-01", input, "  filter: String\n", to)),
            file,
        )
    };
    assert_eq!(kinds(""), [(line, column, FindingKind::InputRemoved)]);
    assert_eq!(
        kinds("  filter: Int\n"),
        [(line, column, FindingKind::Retyped)]
    );
    assert_eq!(
        kinds("  filter: String!\n"),
        [(line, column, FindingKind::Required)]
    );
    assert_eq!(kinds("  filter: String\n  more: Int = 1\n"), []);
    assert_eq!(kinds("  filter: String\n  more: Int! = 1\n"), []);
}

#[test]
fn new_values_and_members_are_notes() {
    let next = mutated(
        "2027-01",
        "enum ProductStatus",
        "  ACTIVE\n",
        "  ACTIVE\n  ASLEEP\n",
    );
    let findings = client_findings(&next);
    assert!(!findings.is_empty());
    for finding in findings {
        assert_eq!(finding.kind, FindingKind::Extended);
        assert_eq!(finding.kind.severity(), Severity::Note);
        assert!(
            finding.message.ends_with("can also be `ASLEEP`"),
            "{finding}"
        );
    }
}

#[test]
fn an_older_version_has_its_own_end_date() {
    let before = mutated("2026-07", "type Product ", "  vendor: String!\n", "");
    let findings = client_findings(&before);
    assert_eq!(findings[0].until, NaiveDate::from_ymd_opt(2027, 7, 16));
    assert_eq!(findings[0].days_left, Some(233));
}

#[test]
fn an_operation_invalid_in_the_version_in_use_is_an_error() {
    let operation = Operation {
        path: "mine.graphql".into(),
        text: "query Mine { shop { mood } }".to_owned(),
    };
    let failed = check(&[operation], &pinned(), &pinned(), today());
    let Err(ReadError::Operation {
        path,
        version,
        reason,
    }) = failed
    else {
        panic!("{failed:?}");
    };
    assert_eq!(path, Path::new("mine.graphql"));
    assert_eq!(version, shopify_client::API_VERSION);
    assert!(reason.contains("mood"), "{reason}");
}
