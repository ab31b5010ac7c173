//! Reading criteria, with the PHP and JavaScript habits that the original broker lets pass.

use super::{Accepted, Bound, Clause, Criteria, Number, Test};
use crate::form;
use crate::json::{self, Members};

/// How deep `$and`, `$or` and `$not` may nest.
pub const CRITERIA_DEPTH_MAX: usize = 16;

/// How many comparisons one criteria expression may hold; each value of `$in` and `$nin` counts, and so does each `$and`,
/// `$or` and `$not` and each of their branches.
pub const CRITERIA_TESTS_MAX: usize = 1000;

/// Criteria were refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CriteriaError {
    /// Something that cannot be criteria.
    #[error("criteria must be an object, got {got}")]
    NotAnObject {
        /// What stands there, by its JSON type.
        got: &'static str,
    },
    /// A name that starts with `$` and is no operator.
    #[error("unknown operator `{0}`")]
    UnknownOperator(Box<str>),
    /// An object without any operator as what a field is compared with.
    #[error("field `{0}` is compared with an object that has no operator")]
    NoOperator(Box<str>),
    /// An operand of a kind that its operator has no use for.
    #[error("operator `{operator}` takes {wanted}")]
    WrongOperand {
        /// The operator.
        operator: Box<str>,
        /// What it takes.
        wanted: &'static str,
    },
    /// A name that stands twice in one object.
    #[error("`{0}` stands twice")]
    Duplicate(Box<str>),
    /// Nested deeper than [`CRITERIA_DEPTH_MAX`].
    #[error("criteria are nested deeper than {CRITERIA_DEPTH_MAX}")]
    TooDeep,
    /// More comparisons than [`CRITERIA_TESTS_MAX`].
    #[error("criteria hold more than {CRITERIA_TESTS_MAX} comparisons")]
    TooMany,
    /// Not JSON at all.
    #[error("criteria are not JSON")]
    NotJson,
}

impl Criteria {
    /// Reads the value of `match`; none if it is falsy, which is the same as no `match`.
    ///
    /// `[]`, `"*"`, `["*"]`, `true` and numbers mean everyone, as in the original (PHP writes its empty object as `[]`).
    ///
    /// # Errors
    /// When it is neither of these nor an object of criteria.
    pub fn parse(text: &str) -> Result<Option<Criteria>, CriteriaError> {
        if form::is_falsy(text) {
            return Ok(None);
        }
        match text.as_bytes().first() {
            Some(b'{') => Reader {
                tests_left: CRITERIA_TESTS_MAX,
            }
            .criteria(text, 0)
            .map(Some),
            Some(b't' | b'-' | b'0'..=b'9') => Ok(Some(Criteria::EVERYONE)),
            Some(b'[') if matches!(&*form::js_string(text), "" | "*") => {
                Ok(Some(Criteria::EVERYONE))
            }
            Some(b'"') if form::js_string(text) == "*" => Ok(Some(Criteria::EVERYONE)),
            _ => Err(CriteriaError::NotAnObject { got: kind(text) }),
        }
    }
}

struct Reader {
    tests_left: usize,
}

impl Reader {
    fn criteria(&mut self, text: &str, depth: usize) -> Result<Criteria, CriteriaError> {
        if depth > CRITERIA_DEPTH_MAX {
            return Err(CriteriaError::TooDeep);
        }
        if depth > 0 {
            self.count()?;
        }
        let mut clauses = Vec::new();
        for (name, value) in object(text)?.0 {
            let value = value.get();
            match &*name {
                "$or" => clauses.push(Clause::Any(self.branches("$or", value, depth)?)),
                "$and" => clauses.push(Clause::All(self.branches("$and", value, depth)?)),
                "$not" => clauses.push(Clause::Not(self.criteria(value, depth + 1)?)),
                _ if name.starts_with('$') => {
                    return Err(CriteriaError::UnknownOperator(name.into()));
                }
                _ => self.field(&name, value, &mut clauses)?,
            }
        }
        Ok(Criteria { clauses })
    }

    fn branches(
        &mut self,
        operator: &str,
        text: &str,
        depth: usize,
    ) -> Result<Vec<Criteria>, CriteriaError> {
        self.count()?;
        let branches =
            json::elements(text).ok_or_else(|| wrong_operand(operator, "a list of criteria"))?;
        branches
            .iter()
            .map(|branch| self.criteria(branch.get(), depth + 1))
            .collect()
    }

    fn field(
        &mut self,
        name: &str,
        value: &str,
        clauses: &mut Vec<Clause>,
    ) -> Result<(), CriteriaError> {
        if value.starts_with('{') {
            let operators = object(value)?.0;
            if operators.is_empty() {
                return Err(CriteriaError::NoOperator(name.into()));
            }
            for (operator, operand) in operators {
                if !operator.starts_with('$') {
                    return Err(CriteriaError::NoOperator(name.into()));
                }
                let test = self.test(&operator, operand.get())?;
                clauses.push(Clause::Holds {
                    field: name.into(),
                    test,
                });
            }
            return Ok(());
        }
        self.count()?;
        let form = form::folded(value);
        if form != "*" {
            clauses.push(Clause::Equals {
                field: name.into(),
                form: form.into(),
            });
        }
        Ok(())
    }

    fn test(&mut self, operator: &str, operand: &str) -> Result<Test, CriteriaError> {
        self.count()?;
        let compares = |accepted| Test::Compares {
            accepted,
            bound: bound(operand),
        };
        Ok(match operator {
            "$eq" => Test::In(vec![form::folded(operand).into()]),
            "$ne" => Test::NotIn(vec![form::folded(operand).into()]),
            "$in" => Test::In(self.forms(operator, operand)?),
            "$nin" => Test::NotIn(self.forms(operator, operand)?),
            "$gt" => compares(Accepted::Greater),
            "$gte" => compares(Accepted::GreaterOrEqual),
            "$lt" => compares(Accepted::Less),
            "$lte" => compares(Accepted::LessOrEqual),
            "$prefix" if operand.starts_with('"') => Test::Prefix(form::folded(operand).into()),
            "$prefix" => return Err(wrong_operand(operator, "a string")),
            "$exists" if operand == "true" => Test::Exists(true),
            "$exists" if operand == "false" => Test::Exists(false),
            "$exists" => return Err(wrong_operand(operator, "true or false")),
            _ => return Err(CriteriaError::UnknownOperator(operator.into())),
        })
    }

    fn forms(&mut self, operator: &str, operand: &str) -> Result<Vec<Box<str>>, CriteriaError> {
        let elements = json::elements(operand).ok_or_else(|| wrong_operand(operator, "a list"))?;
        let mut forms = Vec::with_capacity(elements.len());
        for element in elements {
            self.count()?;
            forms.push(Box::from(form::folded(element.get())));
        }
        forms.sort_unstable();
        Ok(forms)
    }

    fn count(&mut self) -> Result<(), CriteriaError> {
        self.tests_left = self
            .tests_left
            .checked_sub(1)
            .ok_or(CriteriaError::TooMany)?;
        Ok(())
    }
}

fn object(text: &str) -> Result<Members<'_>, CriteriaError> {
    let members = json::members(text).map_err(|_| CriteriaError::NotJson)?;
    // PHP writes an empty object as an empty array.
    let members = match members {
        None if json::elements(text).is_some_and(|elements| elements.is_empty()) => {
            Members::default()
        }
        None => return Err(CriteriaError::NotAnObject { got: kind(text) }),
        Some(members) => members,
    };
    match members.duplicate() {
        Some(name) => Err(CriteriaError::Duplicate(name.into())),
        None => Ok(members),
    }
}

fn bound(operand: &str) -> Bound {
    match operand.as_bytes().first() {
        Some(b'"') => Bound::Text(form::folded(operand).into()),
        Some(b'-' | b'0'..=b'9') => Number::parse(operand).map_or(Bound::Nothing, Bound::Number),
        _ => Bound::Nothing,
    }
}

fn wrong_operand(operator: &str, wanted: &'static str) -> CriteriaError {
    CriteriaError::WrongOperand {
        operator: operator.into(),
        wanted,
    }
}

/// The JSON type of a value, for error texts.
pub(crate) fn kind(text: &str) -> &'static str {
    match text.as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}
