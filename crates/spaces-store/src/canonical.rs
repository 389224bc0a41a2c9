//! Writes values as canonical JSON (RFC 8785, JCS), so that equal catalogues have equal bytes.
//!
//! RFC 8785 sorts members by UTF-16 code units, writes numbers as ECMAScript does and omits white space.

use serde::Serialize;
use serde_json::Value;

/// 2^53: every integer up to this magnitude is exactly representable as a double. RFC 8785 writes all numbers as
/// doubles.
pub const MAX_EXACT_INTEGER: u64 = 1 << 53;

/// A value that cannot be written as canonical JSON without changing it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CanonicalError {
    /// A number is beyond 2^53 and would be rounded. Write such numbers as strings.
    #[error("the number at `{pointer}` is beyond 2^53 and would be rounded; write it as a string")]
    NumberTooLarge {
        /// The number's location, as a JSON pointer (RFC 6901).
        pointer: String,
    },
    /// The value cannot be written as JSON, for example a map whose keys are not strings.
    #[error("the value cannot be written as canonical JSON")]
    Unrepresentable(#[source] serde_json::Error),
}

/// Serializes `value` as RFC 8785 canonical JSON.
///
/// ```
/// let bytes = spaces_store::to_canonical_vec(&serde_json::json!({"b": 1.50, "a": "é"}))?;
/// assert_eq!(bytes, r#"{"a":"é","b":1.5}"#.as_bytes());
/// # Ok::<(), spaces_store::CanonicalError>(())
/// ```
///
/// # Errors
/// [`CanonicalError::NumberTooLarge`] for numbers beyond 2^53, which canonical JSON would round, including those that
/// a JSON parser has already converted to a float. A NaN or infinite float is not an error: it is written as `null`,
/// as everywhere in `serde_json`.
pub fn to_canonical_vec<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CanonicalError> {
    let tree = serde_json::to_value(value).map_err(CanonicalError::Unrepresentable)?;
    let mut pointer = String::new();
    check_numbers(&tree, &mut pointer)?;
    serde_json_canonicalizer::to_vec(&tree).map_err(CanonicalError::Unrepresentable)
}

fn check_numbers(value: &Value, pointer: &mut String) -> Result<(), CanonicalError> {
    match value {
        Value::Number(number) if !is_exact(number) => Err(CanonicalError::NumberTooLarge {
            pointer: pointer.clone(),
        }),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                check_member(item, &index.to_string(), pointer)?;
            }
            Ok(())
        }
        Value::Object(members) => {
            for (name, member) in members {
                check_member(member, name, pointer)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn check_member(value: &Value, step: &str, pointer: &mut String) -> Result<(), CanonicalError> {
    if !matches!(value, Value::Number(_) | Value::Array(_) | Value::Object(_)) {
        return Ok(());
    }
    let length = pointer.len();
    pointer.push('/');
    pointer.push_str(&step.replace('~', "~0").replace('/', "~1"));
    check_numbers(value, pointer)?;
    pointer.truncate(length);
    Ok(())
}

fn is_exact(number: &serde_json::Number) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "2^53 is exactly a double")]
    const LIMIT: f64 = MAX_EXACT_INTEGER as f64;
    if let Some(unsigned) = number.as_u64() {
        unsigned <= MAX_EXACT_INTEGER
    } else if let Some(signed) = number.as_i64() {
        signed.unsigned_abs() <= MAX_EXACT_INTEGER
    } else {
        number.as_f64().is_some_and(|float| float.abs() <= LIMIT)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn canonical_text(value: &Value) -> String {
        String::from_utf8(to_canonical_vec(value).unwrap()).unwrap()
    }

    #[test]
    fn sorts_by_utf16_code_units() {
        // RFC 8785, section 3.2.3: the smiley is a surrogate pair and so comes before U+FB33.
        let value = json!({"\u{fb33}": 1, "\u{1f600}": 2, "\u{20ac}": 3, "1": 4, "\r": 5, "\u{80}": 6, "\u{f6}": 7});
        let sorted = "{\"\\r\":5,\"1\":4,\"\u{80}\":6,\"\u{f6}\":7,\"\u{20ac}\":3,\"\u{1f600}\":2,\"\u{fb33}\":1}";
        assert_eq!(canonical_text(&value), sorted);
    }

    #[test]
    fn writes_numbers_as_ecmascript_does() {
        assert_eq!(
            canonical_text(&json!([
                333_333_333.333_333_3,
                4.50,
                2e-3,
                1e-27,
                -0.0,
                10.0
            ])),
            "[333333333.3333333,4.5,0.002,1e-27,0,10]"
        );
    }

    #[test]
    fn escapes_only_required_characters() {
        assert_eq!(
            canonical_text(&json!("\u{f}\n\"\\/\u{20ac}\u{7f}")),
            "\"\\u000f\\n\\\"\\\\/\u{20ac}\u{7f}\""
        );
    }

    #[test]
    fn rejects_numbers_that_would_be_rounded() {
        assert_eq!(
            canonical_text(&json!(9_007_199_254_740_992_u64)),
            "9007199254740992"
        );
        assert_eq!(
            canonical_text(&json!(-9_007_199_254_740_992_i64)),
            "-9007199254740992"
        );
        for bad in [
            "9007199254740993",
            "-9007199254740993",
            "18446744073709551616",
            "1e300",
        ] {
            let value: Value = serde_json::from_str(&format!("{{\"a/b\":[0,{bad}]}}")).unwrap();
            match to_canonical_vec(&value) {
                Err(CanonicalError::NumberTooLarge { pointer }) => assert_eq!(pointer, "/a~1b/1"),
                other => panic!("{bad}: {other:?}"),
            }
        }
    }

    #[test]
    fn rejects_values_without_a_json_form() {
        let no_text_keys = std::collections::BTreeMap::from([(vec![1], 1)]);
        let result = to_canonical_vec(&no_text_keys);
        assert!(
            matches!(result, Err(CanonicalError::Unrepresentable(_))),
            "{result:?}"
        );
        assert!(to_canonical_vec(&u128::MAX).is_err());
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-(1_i64 << 53)..=(1 << 53)).prop_map(Value::from),
            (-1e15..1e15).prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 48, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(".{0,6}", inner, 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn is_idempotent_and_keeps_the_value(value in any_json()) {
            let once = to_canonical_vec(&value).unwrap();
            let read: Value = serde_json::from_slice(&once).unwrap();
            prop_assert_eq!(to_canonical_vec(&read).unwrap(), once);
        }
    }
}
