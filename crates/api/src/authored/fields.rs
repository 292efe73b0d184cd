//! What may be written of an object, as rows: a name and a shape.

use assay_model::{Error, Result, Timestamp};
use serde_json::{Map, Value};

use crate::accounts::attributes::{Field as Said, Written};

/// An attribute that may be written.
#[derive(Debug)]
pub(crate) struct Field {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it holds.
    pub(crate) shape: Shape,
    /// Whether an object without it cannot be.
    pub(crate) required: bool,
    /// Whether it stays as it was when the object was made.
    pub(crate) fixed: bool,
}

/// What an attribute holds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    /// A text of one line.
    Line,
    /// A text of up to so many bytes, with lines.
    Prose(usize),
    /// `true` or `false`.
    Truth,
    /// A list of texts.
    Texts,
    /// A free-form object.
    Map,
    /// A list of up to so many objects.
    Objects(usize),
    /// A date: `YYYY-MM-DD HH:MM:SS`, `YYYY-MM-DD` or Unix seconds.
    Date,
}

impl Field {
    /// One that may be left out.
    pub(crate) const fn of(name: &'static str, shape: Shape) -> Self {
        Self { name, shape, required: false, fixed: false }
    }

    /// One that an object must have.
    pub(crate) const fn required(name: &'static str, shape: Shape) -> Self {
        Self { name, shape, required: true, fixed: false }
    }

    /// One that an object must have and that names it for good.
    pub(crate) const fn fixed(name: &'static str, shape: Shape) -> Self {
        Self { name, shape, required: true, fixed: true }
    }

    fn read(&self, written: &mut Written) -> Result<Said<Value>> {
        Ok(match self.shape {
            Shape::Line => said(written.text(self.name)?),
            Shape::Prose(most) => said(written.prose(self.name, most)?),
            Shape::Truth => said(written.truth(self.name)?),
            Shape::Texts => said(written.texts(self.name)?),
            Shape::Map => said(written.map(self.name)?),
            Shape::Objects(most) => said(written.objects(self.name, most)?),
            Shape::Date => said(written.moment(self.name)?.map(|moment: Timestamp| moment.0)),
        })
    }
}

fn said<T: Into<Value>>(field: Said<T>) -> Said<Value> {
    field.map(Into::into)
}

/// Puts what was written over what an object has. Whatever is written beside the fields is refused.
pub(crate) fn apply(fields: &[Field], mut written: Written, attributes: &mut Map<String, Value>) -> Result<()> {
    for field in fields {
        match field.read(&mut written)? {
            Said::Absent => {}
            Said::Cleared if field.required || matches!(field.shape, Shape::Truth) => {
                return Err(Error::invalid_argument(format!("the attribute \"{}\" cannot be null", field.name)));
            }
            Said::Cleared => _ = attributes.shift_remove(field.name),
            Said::Set(Value::String(text)) if field.required && text.trim().is_empty() => {
                return Err(Error::invalid_argument(format!("the attribute \"{}\" is empty", field.name)));
            }
            Said::Set(value) if field.fixed && attributes.get(field.name).is_some_and(|before| *before != value) => {
                return Err(Error::invalid_argument(format!("the attribute \"{}\" cannot be changed", field.name)));
            }
            Said::Set(value) => _ = attributes.insert(field.name.to_owned(), value),
        }
    }
    if let Some(missing) = fields.iter().find(|field| field.required && !attributes.contains_key(field.name)) {
        return Err(Error::invalid_argument(format!("the attribute \"{}\" is missing", missing.name)));
    }
    let names: Vec<_> = fields.iter().map(|field| field.name).collect();
    written.finish(&names)
}
