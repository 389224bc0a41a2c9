//! Resolves bulk operations in queries.

use super::super::field_error::FieldError;
use super::super::object::{
    FieldResult, ObjectRef, RequestContext, ResolvedValue, SelectedField, or_null,
};
use super::super::page::SortKey;
use super::super::paginator::Paginator;
use super::super::search::Search;
use super::filters;
use super::values::{timestamp, unsigned_int64};
use crate::bulk::BulkOperation;
use crate::catalog::gid::{Gid, gid};

/// The numeric id in the argument `id`, if it names a bulk operation.
pub(in crate::graphql) fn id_argument(selected: SelectedField<'_>) -> Option<u64> {
    let gid = Gid::parse(selected.text("id")?)?;
    (gid.kind == "BulkOperation").then_some(gid.id)
}

/// Resolves the query root's fields for bulk operations.
pub(super) fn query<'a>(
    context: &'a RequestContext<'a>,
    selected: SelectedField<'_>,
) -> FieldResult<'a> {
    match selected.name() {
        "bulkOperation" => {
            let id = id_argument(selected)
                .ok_or_else(|| FieldError::invalid_id(selected.text("id").unwrap_or_default()))?;
            let found = context.operations.iter().find(|each| each.id == id);
            Ok(ResolvedValue::node(
                context,
                found.map(ObjectRef::BulkOperation),
            ))
        }
        "bulkOperations" => list(context, selected),
        _ => Err(selected.not_simulated()),
    }
}

fn list<'a>(context: &'a RequestContext<'a>, selected: SelectedField<'_>) -> FieldResult<'a> {
    let sort = selected.text("sortKey").unwrap_or("CREATED_AT");
    let paginator = Paginator::new(context, selected, "BulkOperation", 0, sort)?;
    let search = Search::parse(selected.text("query"), filters::BULK_OPERATION);
    let search = search.map_err(FieldError::bad_request)?;
    let is_match = |each: &&BulkOperation| {
        let each = filters::SearchableBulkOperation {
            operation: each,
            now: context.now,
        };
        search.matches(&each)
    };
    Ok(
        paginator.paginate(context.operations.iter().filter(is_match).map(|each| {
            let at = match sort {
                "COMPLETED_AT" => each.completed_at.unwrap_or_default(),
                _ => each.created_at,
            };
            (SortKey::Signed(at), each.id, ObjectRef::BulkOperation(each))
        })),
    )
}

/// Resolves a field of a bulk operation.
pub(super) fn operation<'a>(
    context: &'a RequestContext<'a>,
    operation: &'a BulkOperation,
    selected: SelectedField<'_>,
) -> FieldResult<'a> {
    let result = &operation.result;
    let url = operation.url_at(context.now);
    Ok(match selected.name() {
        "id" => gid("BulkOperation", operation.id).into(),
        "type" => "QUERY".into(),
        "status" => operation.status_at(context.now).into(),
        "errorCode" => or_null(operation.error_code()),
        "createdAt" => timestamp(operation.created_at),
        "completedAt" => operation
            .completed_at
            .map_or(ResolvedValue::Null, timestamp),
        "objectCount" => unsigned_int64(result.objects),
        "rootObjectCount" => unsigned_int64(result.roots),
        "fileSize" => url.map_or(ResolvedValue::Null, |_| {
            unsigned_int64(result.text.len() as u64)
        }),
        "url" => or_null(url),
        "partialDataUrl" => ResolvedValue::Null,
        "query" => operation.query.as_str().into(),
        _ => return Err(selected.not_simulated()),
    })
}
