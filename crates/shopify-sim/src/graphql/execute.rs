//! Runs a plan over the objects that answer it, and writes the answer down as JSON.
//!
//! A page can hold a hundred thousand values: they go straight into the text, without a tree in between.

use std::io::Write as _;

use serde_json::{Map, Value};

use super::Executed;
use super::cost;
use super::object::{Ask, Resolved, Tree};
use super::plan::{Field, Kind, Leaf, Plan, Shape};
use super::refusal::Refusal;

/// A null where none may be: it takes the place of what is around it.
#[derive(Debug)]
pub(super) struct Gone;

/// What an answer cost, once it is written down.
pub(super) type Answered = Result<u64, Gone>;

#[derive(Debug, Clone, Copy)]
enum Step<'p> {
    Key(&'p str),
    Place(usize),
}

/// A plan under way.
#[derive(Debug, Default)]
pub(super) struct Execution<'p> {
    written: Vec<u8>,
    path: Vec<Step<'p>>,
    errors: Vec<Value>,
}

impl<'p> Execution<'p> {
    /// Runs `plan`, the fields of whose root `answer` answers, one after the other.
    pub(super) fn run(
        plan: &'p Plan,
        answer: impl FnMut(&mut Self, &'p Field) -> Answered,
    ) -> Executed {
        let mut execution = Self::default();
        let answered = execution.each(plan.fields(), &plan.introspected, answer);
        let actual_cost = answered.unwrap_or_else(|Gone| {
            execution.retract(0);
            0
        });
        Executed {
            data: execution.written,
            errors: execution.errors,
            actual_cost,
        }
    }

    fn each(
        &mut self,
        fields: &'p [Field],
        known: &Map<String, Value>,
        mut answer: impl FnMut(&mut Self, &'p Field) -> Answered,
    ) -> Answered {
        let mut cost = 0;
        self.written.push(b'{');
        for (key, value) in known {
            self.json(&key.as_str().into());
            self.written.push(b':');
            self.json(value);
            self.written.push(b',');
        }
        for field in fields {
            self.written.extend_from_slice(field.label.as_bytes());
            cost += answer(self, field)?;
            self.written.push(b',');
        }
        self.close(b'}');
        Ok(cost)
    }

    /// Closes a list or an object, over the comma after its last element.
    fn close(&mut self, with: u8) {
        if self.written.last() == Some(&b',') {
            self.written.pop();
        }
        self.written.push(with);
    }

    /// Takes back what was written from `start` on: it is null.
    fn retract(&mut self, start: usize) {
        self.written.truncate(start);
        self.written.extend_from_slice(b"null");
    }

    /// Asks `of` for `field`.
    pub(super) fn ask(&mut self, field: &'p Field, of: &Tree<'_>) -> Answered {
        let resolved = match field.kind {
            Kind::Typename => Ok(of.type_name().into()),
            _ => of.resolve(Ask { field }),
        };
        self.field(field, resolved)
    }

    /// Writes down what `field` was resolved to.
    pub(super) fn field(&mut self, field: &'p Field, resolved: Resolved<'_>) -> Answered {
        self.path.push(Step::Key(&field.key));
        let start = self.written.len();
        let answered = match resolved {
            Ok(tree) => self.complete(field, &field.shape, &tree),
            Err(refusal) => Err(self.refuse(field, &refusal)),
        };
        self.path.pop();
        self.nullified(&field.shape, start, answered)
    }

    fn nullified(&mut self, shape: &Shape, start: usize, answered: Answered) -> Answered {
        match answered {
            Err(Gone) if shape.nullable() => {
                self.retract(start);
                Ok(0)
            }
            answered => answered,
        }
    }

    fn complete(&mut self, field: &'p Field, shape: &Shape, tree: &Tree<'_>) -> Answered {
        match (shape, &field.kind, tree) {
            (_, _, Tree::Null) => {
                if shape.nullable() {
                    self.written.extend_from_slice(b"null");
                    Ok(0)
                } else {
                    Err(self.contradict(field, "null"))
                }
            }
            (Shape::Many { of, .. }, _, Tree::List(items)) => self.list(field, of, items),
            (Shape::One { .. }, Kind::Leaf(leaf), tree) if fits(leaf, tree) => {
                self.leaf(tree);
                Ok(0)
            }
            (Shape::One { .. }, Kind::Typename, tree) => {
                self.leaf(tree);
                Ok(0)
            }
            (Shape::One { .. }, Kind::Composite(role, asked), tree) => {
                let Some(fields) = asked.on(tree.type_name()) else {
                    return Err(self.contradict(field, tree.type_name()));
                };
                let children = self.each(fields, &Map::new(), |execution, field| {
                    execution.ask(field, tree)
                })?;
                Ok(cost::composite(*role, tree.size(), children))
            }
            _ => Err(self.contradict(field, "something else")),
        }
    }

    /// A list costs what its dearest element costs.
    fn list(&mut self, field: &'p Field, of: &Shape, items: &[Tree<'_>]) -> Answered {
        let mut dearest = 0;
        self.written.push(b'[');
        for (place, item) in items.iter().enumerate() {
            self.path.push(Step::Place(place));
            let start = self.written.len();
            let answered = self.complete(field, of, item);
            self.path.pop();
            dearest = dearest.max(self.nullified(of, start, answered)?);
            self.written.push(b',');
        }
        self.close(b']');
        Ok(dearest)
    }

    fn leaf(&mut self, tree: &Tree<'_>) {
        let written = &mut self.written;
        // Writing into memory does not fail.
        let _ = match tree {
            Tree::Text(text) => serde_json::to_writer(written, text).map_err(Into::into),
            Tree::Number(number) => write!(written, "{number}"),
            Tree::Flag(flag) => write!(written, "{flag}"),
            Tree::Json(value) => serde_json::to_writer(written, value).map_err(Into::into),
            _ => Ok(()),
        };
    }

    fn json(&mut self, value: &Value) {
        self.leaf(&Tree::Json(value.clone()));
    }

    fn contradict(&mut self, field: &'p Field, answer: &str) -> Gone {
        let what = format!("{}.{}", field.owner, field.name);
        let refusal = Refusal::internal(format!("The simulator answered {answer} for {what}."));
        self.refuse(field, &refusal)
    }

    fn refuse(&mut self, field: &'p Field, refusal: &Refusal) -> Gone {
        let path = self.path.iter().map(|step| match step {
            Step::Key(key) => Value::from(*key),
            Step::Place(place) => Value::from(*place),
        });
        let error = refusal.error(path.collect(), field.position);
        self.errors.push(error);
        Gone
    }
}

/// Whether `tree` is a value of the leaf's type.
fn fits(leaf: &Leaf, tree: &Tree<'_>) -> bool {
    match (leaf, tree) {
        (Leaf::Int, Tree::Number(number)) => i32::try_from(*number).is_ok(),
        (Leaf::Enum(of), Tree::Text(text)) => of.values.contains_key(&**text),
        (Leaf::Float, Tree::Json(value)) => value.is_number(),
        (Leaf::Any, Tree::Json(_))
        | (Leaf::Boolean, Tree::Flag(_))
        | (Leaf::Text, Tree::Text(_)) => true,
        _ => false,
    }
}
