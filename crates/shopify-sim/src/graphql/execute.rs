//! Runs a plan over the objects that answer it.

use serde_json::{Map, Value};

use super::Executed;
use super::cost;
use super::object::{Ask, Resolved, Tree};
use super::plan::{Field, Kind, Leaf, Shape};
use super::refusal::Refusal;

/// A null where none may be: it takes the place of what is around it.
#[derive(Debug)]
pub(super) struct Gone;

/// An answer with what it cost.
pub(super) type Answered<T> = Result<(T, u64), Gone>;

#[derive(Debug, Clone, Copy)]
enum Step<'p> {
    Key(&'p str),
    Place(usize),
}

/// A plan under way.
#[derive(Debug, Default)]
pub(super) struct Execution<'p> {
    path: Vec<Step<'p>>,
    errors: Vec<Value>,
}

impl<'p> Execution<'p> {
    pub(super) fn executed(self, answered: Answered<Map<String, Value>>) -> Executed {
        let (data, actual_cost) = match answered {
            Ok((data, cost)) => (data.into(), cost),
            Err(Gone) => (Value::Null, 0),
        };
        Executed {
            data,
            errors: self.errors,
            actual_cost,
        }
    }

    /// Asks `of` for `fields`.
    pub(super) fn object(
        &mut self,
        fields: &'p [Field],
        of: &Tree<'_>,
    ) -> Answered<Map<String, Value>> {
        self.each(fields, |execution, field| {
            let resolved = match field.kind {
                Kind::Typename => Ok(of.type_name().into()),
                _ => of.resolve(Ask { field }),
            };
            execution.field(field, resolved)
        })
    }

    /// Gathers `fields` as `answer` answers them, one after the other.
    pub(super) fn each(
        &mut self,
        fields: &'p [Field],
        mut answer: impl FnMut(&mut Self, &'p Field) -> Answered<Value>,
    ) -> Answered<Map<String, Value>> {
        let mut answers = Map::new();
        let mut cost = 0;
        for field in fields {
            let (value, points) = answer(self, field)?;
            answers.insert(field.key.clone(), value);
            cost += points;
        }
        Ok((answers, cost))
    }

    /// Writes down what `field` was resolved to.
    pub(super) fn field(&mut self, field: &'p Field, resolved: Resolved<'_>) -> Answered<Value> {
        self.path.push(Step::Key(&field.key));
        let completed = match resolved {
            Ok(tree) => self.complete(field, &field.shape, tree),
            Err(refusal) => Err(self.refuse(field, &refusal)),
        };
        self.path.pop();
        nullified(&field.shape, completed)
    }

    fn complete(&mut self, field: &'p Field, shape: &Shape, tree: Tree<'_>) -> Answered<Value> {
        match (shape, &field.kind, tree) {
            (_, _, Tree::Leaf(Value::Null)) => {
                if shape.nullable() {
                    return Ok((Value::Null, 0));
                }
                Err(self.contradict(field, "null"))
            }
            (Shape::Many { of, .. }, _, Tree::List(items)) => self.list(field, of, items),
            // Lists of scalars come as one leaf.
            (Shape::Many { of, .. }, Kind::Leaf(leaf), Tree::Leaf(Value::Array(values)))
                if !matches!(**of, Shape::Many { .. }) =>
            {
                if values.iter().all(|value| leaf.fits(value)) {
                    return Ok((values.into(), 0));
                }
                Err(self.contradict(field, "another kind of list"))
            }
            (Shape::One { .. }, Kind::Leaf(leaf), Tree::Leaf(value)) => {
                self.leaf(field, leaf, value)
            }
            (Shape::One { .. }, Kind::Typename, Tree::Leaf(value)) => Ok((value, 0)),
            (Shape::One { .. }, Kind::Composite(role, asked), tree) => {
                let size = tree.size();
                let Some(fields) = asked.on(tree.type_name()) else {
                    return Err(self.contradict(field, tree.type_name()));
                };
                let (answers, children) = self.object(fields, &tree)?;
                let cost = cost::composite(*role, size, children);
                Ok((answers.into(), cost))
            }
            _ => Err(self.contradict(field, "another shape")),
        }
    }

    fn leaf(&mut self, field: &'p Field, leaf: &Leaf, value: Value) -> Answered<Value> {
        if leaf.fits(&value) {
            Ok((value, 0))
        } else {
            Err(self.contradict(field, &value.to_string()))
        }
    }

    /// A list costs what its dearest element costs.
    fn list(&mut self, field: &'p Field, of: &Shape, items: Vec<Tree<'_>>) -> Answered<Value> {
        let mut values = Vec::with_capacity(items.len());
        let mut dearest = 0;
        for (place, item) in items.into_iter().enumerate() {
            self.path.push(Step::Place(place));
            let completed = self.complete(field, of, item);
            self.path.pop();
            let (value, cost) = nullified(of, completed)?;
            values.push(value);
            dearest = dearest.max(cost);
        }
        Ok((values.into(), dearest))
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

fn nullified(shape: &Shape, completed: Answered<Value>) -> Answered<Value> {
    match completed {
        Err(Gone) if shape.nullable() => Ok((Value::Null, 0)),
        completed => completed,
    }
}

/// A mutation's field costs the same whatever it answers.
pub(super) fn mutated(answered: Answered<Value>) -> Answered<Value> {
    answered.map(|(value, _)| (value, cost::MUTATION))
}
