//! Criteria: which sessions a command is aimed at.

mod parse;

use std::cmp::Ordering;

use crate::form::{self, ABSENT};
use crate::session::Info;

pub(crate) use parse::kind;
pub use parse::{CRITERIA_DEPTH_MAX, CRITERIA_TESTS_MAX, CriteriaError};

/// An expression over the fields of a session.
///
/// [`Criteria::matches`] is the definition of matching; whatever finds sessions faster has to agree with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Criteria {
    /// All of them have to hold; none at all is everyone.
    pub(crate) clauses: Vec<Clause>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Clause {
    /// The original's comparison: string forms, lower-cased; an absent field has the form `undefined`.
    Equals { field: Box<str>, form: Box<str> },
    /// An operator on a field.
    Holds { field: Box<str>, test: Test },
    /// `$or`
    Any(Vec<Criteria>),
    /// `$and`
    All(Vec<Criteria>),
    /// `$not`
    Not(Criteria),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Test {
    /// `$eq`, `$in`: present, with one of these folded forms, sorted.
    In(Vec<Box<str>>),
    /// `$ne`, `$nin`: absent, or with none of these folded forms, sorted.
    NotIn(Vec<Box<str>>),
    /// `$gt`, `$gte`, `$lt`, `$lte`
    Compares { accepted: Accepted, bound: Bound },
    /// `$prefix`, folded
    Prefix(Box<str>),
    /// `$exists`
    Exists(bool),
}

/// Which results of comparing the field with the bound are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accepted {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Bound {
    /// Compares with numbers and numeric strings.
    Number(Number),
    /// Compares with folded forms, letter by letter.
    Text(Box<str>),
    /// Any other operand: no field compares with it.
    Nothing,
}

/// A number that compares by its digits as long as both are integers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    Integer(i128),
    Float(f64),
}

impl Criteria {
    /// The criteria that hold for every session.
    pub const EVERYONE: Criteria = Criteria {
        clauses: Vec::new(),
    };

    /// Whether they hold for a session. Costs at most [`CRITERIA_TESTS_MAX`] looks at the info.
    #[must_use]
    pub fn matches(&self, info: &Info) -> bool {
        self.clauses.iter().all(|clause| clause.holds(info))
    }

    /// How many comparisons it takes at most to see whether they hold.
    pub(crate) fn cost(&self) -> usize {
        self.clauses.iter().map(Clause::cost).sum()
    }

    /// Whether they hold for every session, whatever its fields.
    #[must_use]
    pub fn is_everyone(&self) -> bool {
        self.clauses.is_empty()
    }
}

impl Clause {
    fn cost(&self) -> usize {
        match self {
            Clause::Equals { .. } | Clause::Holds { .. } => 1,
            Clause::Any(branches) | Clause::All(branches) => {
                1 + branches
                    .iter()
                    .map(|branch| 1 + branch.cost())
                    .sum::<usize>()
            }
            Clause::Not(criteria) => 1 + criteria.cost(),
        }
    }

    fn holds(&self, info: &Info) -> bool {
        match self {
            Clause::Equals { field, form } => match info.get(field) {
                Some(value) => form::folded(value) == **form,
                None => **form == *ABSENT,
            },
            Clause::Holds { field, test } => test.holds(info.get(field)),
            Clause::Any(branches) => branches.iter().any(|criteria| criteria.matches(info)),
            Clause::All(branches) => branches.iter().all(|criteria| criteria.matches(info)),
            Clause::Not(criteria) => !criteria.matches(info),
        }
    }
}

impl Test {
    fn holds(&self, value: Option<&str>) -> bool {
        match self {
            Test::In(forms) => value.is_some_and(|value| is_among(forms, value)),
            Test::NotIn(forms) => !value.is_some_and(|value| is_among(forms, value)),
            Test::Compares { accepted, bound } => value
                .and_then(|value| bound.compare(value))
                .is_some_and(|ordering| accepted.admits(ordering)),
            Test::Prefix(prefix) => {
                value.is_some_and(|value| form::folded(value).starts_with(&**prefix))
            }
            Test::Exists(wanted) => value.is_some() == *wanted,
        }
    }
}

fn is_among(forms: &[Box<str>], value: &str) -> bool {
    let form = form::folded(value);
    forms
        .binary_search_by(|known| (**known).cmp(&*form))
        .is_ok()
}

impl Accepted {
    fn admits(self, ordering: Ordering) -> bool {
        match self {
            Accepted::Greater => ordering.is_gt(),
            Accepted::GreaterOrEqual => ordering.is_ge(),
            Accepted::Less => ordering.is_lt(),
            Accepted::LessOrEqual => ordering.is_le(),
        }
    }
}

impl Bound {
    /// How a field's value compares with the bound; none where they cannot be compared.
    fn compare(&self, value: &str) -> Option<Ordering> {
        match self {
            Bound::Number(bound) => Number::of_field(value)?.compare(*bound),
            Bound::Text(bound) => Some(form::folded(value).as_ref().cmp(bound)),
            Bound::Nothing => None,
        }
    }
}

impl Number {
    fn of_field(value: &str) -> Option<Number> {
        match value.as_bytes().first()? {
            b'"' => Number::parse(form::js_string(value).trim()),
            b'-' | b'0'..=b'9' => Number::parse(value),
            _ => None,
        }
    }

    /// Reads a number as JSON writes it.
    pub(crate) fn parse(text: &str) -> Option<Number> {
        if !text.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
            return None;
        }
        let integer = text.parse().ok().map(Number::Integer);
        integer.or_else(|| {
            text.parse()
                .ok()
                .filter(|float: &f64| float.is_finite())
                .map(Number::Float)
        })
    }

    fn compare(self, other: Number) -> Option<Ordering> {
        match (self, other) {
            (Number::Integer(left), Number::Integer(right)) => Some(left.cmp(&right)),
            (left, right) => left.float().partial_cmp(&right.float()),
        }
    }

    fn float(self) -> f64 {
        match self {
            Number::Integer(integer) => integer as f64,
            Number::Float(float) => float,
        }
    }
}

#[cfg(test)]
mod tests;
