//! Resolves fields of connections, edges and `PageInfo`.

use super::super::object::{Connection, Edge, FieldResult, ResolvedValue, SelectedField, or_null};

pub(super) fn connection<'a>(
    connection: &Connection<'a>,
    selected: SelectedField<'_>,
) -> FieldResult<'a> {
    Ok(match selected.name() {
        "nodes" => ResolvedValue::List(
            connection
                .edges
                .iter()
                .map(|edge| ResolvedValue::Node(edge.object))
                .collect(),
        ),
        "edges" => ResolvedValue::List(
            connection
                .edges
                .iter()
                .map(|edge| ResolvedValue::Edge(Box::new(edge.clone())))
                .collect(),
        ),
        "pageInfo" => {
            let cursor = |edge: Option<&Edge<'_>>| or_null(edge.map(Edge::cursor));
            ResolvedValue::Object(
                "PageInfo",
                vec![
                    ("hasNextPage", connection.has_next.into()),
                    ("hasPreviousPage", connection.has_previous.into()),
                    ("startCursor", cursor(connection.edges.first())),
                    ("endCursor", cursor(connection.edges.last())),
                ],
            )
        }
        _ => return Err(selected.not_simulated()),
    })
}

pub(super) fn edge<'a>(edge: &Edge<'a>, selected: SelectedField<'_>) -> FieldResult<'a> {
    match selected.name() {
        "cursor" => Ok(edge.cursor().into()),
        "node" => Ok(ResolvedValue::Node(edge.object)),
        _ => Err(selected.not_simulated()),
    }
}
