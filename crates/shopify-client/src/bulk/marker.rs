//! Marks bulk queries so that the program recognises its own operations among those of other programs with the same
//! app.

use rand::Rng;

/// A comment line before a query that names the program and the run.
#[derive(Debug, Clone)]
pub(super) struct Marker {
    app: String,
}

impl Marker {
    pub(super) fn new(app: &str) -> Self {
        let allowed = |letter: &char| letter.is_ascii_alphanumeric() || "-_./".contains(*letter);
        let app = app.chars().filter(allowed).collect();
        Self { app }
    }

    fn prefix(&self) -> String {
        format!("# {};", self.app)
    }

    /// Adds the marker to a query. Also returns the random id of the run, by which the operation is found when the
    /// response to its start is lost.
    pub(super) fn apply(&self, query: &str) -> (String, String) {
        let run = format!("{:016x}", rand::rng().random::<u64>());
        let prefix = self.prefix();
        (format!("{prefix} run {run}\n{query}"), run)
    }

    /// Whether a query has this program's marker.
    pub(super) fn is_in(&self, query: &str) -> bool {
        query.trim_start().starts_with(&self.prefix())
    }

    /// Whether a query has the marker of this run.
    pub(super) fn is_run(&self, query: &str, run: &str) -> bool {
        let first = query.trim_start().lines().next().unwrap_or_default();
        self.is_in(query) && first.ends_with(run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_queries_with_the_marker_are_recognised() {
        let marker = Marker::new("shop\nsync; bot");
        let (text, run) = marker.apply("{ products { edges { node { id } } } }");
        assert!(marker.is_in(&text) && marker.is_run(&text, &run), "{text}");
        assert_eq!(text.lines().count(), 2);
        for foreign in [
            "{ products { edges { node { id } } } }",
            "# shopsyncbot\n{ a }",
            "# shopsyncbots; run 1\n{ a }",
            "{ a } # shopsyncbot; run 1",
            "",
        ] {
            assert!(!marker.is_in(foreign), "{foreign}");
        }
        let (other, _) = marker.apply("{ a }");
        assert!(marker.is_in(&other) && !marker.is_run(&other, &run));
    }
}
