//! A Helm values file: the values of configured images change, or are inserted, and nothing else.
//!
//! Pure. A parameter is a path as `helm --set` knows it, `a.b[1].c`. It is looked for as a nested value first, then as a
//! key of the top level that is spelled like the whole path. A file of several documents is edited in its first. What the
//! values are is said by the images of an application: see [`ValueWrite`]; the edit itself is made by
//! [`crate::core::yaml`].

mod locate;
mod parameter;
mod writes;

use serde_json::json;

use crate::core::{
    foreign::ForeignText,
    yaml::{self, Change, EditError, Edited, Look, Op, ParseError, Path, Stream},
};

pub use writes::ValueWrite;

/// What a new file begins with, so that a reader knows whose it is.
const HEADER: &str = "# Image versions, kept up to date by argocd-image-updater\n\n";

/// A values file that was not edited.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum HelmValuesError {
    /// The file could not be edited.
    #[error("the values file: {0}")]
    Edit(#[from] EditError),
    /// The file holds a list or a text.
    #[error("the values file is no map of keys")]
    RootNotAMap,
    /// A path has an empty part.
    #[error("the parameter {parameter:?} is no path; write it as a.b[1].c")]
    BadPath {
        /// The parameter.
        parameter: ForeignText,
    },
    /// What stands in brackets is no index.
    #[error("the parameter {parameter:?}: what stands in brackets must be a number and come last, as in images[0].tag")]
    BadIndex {
        /// The parameter.
        parameter: ForeignText,
    },
    /// The list is shorter, or not there. Lists are never made longer.
    #[error("the parameter {parameter:?}: {at} has no entry {index}; add it to the file by hand once")]
    IndexOutOfRange {
        /// The parameter.
        parameter: ForeignText,
        /// The part of it that leads to the list.
        at: ForeignText,
        /// The index that was asked for, from 0.
        index: usize,
    },
    /// An index is asked of something that is no list.
    #[error("the parameter {parameter:?}: {at} is no list, so it has no entry {index}")]
    NotAList {
        /// The parameter.
        parameter: ForeignText,
        /// The part of it that leads there.
        at: ForeignText,
        /// The index that was asked for, from 0.
        index: usize,
    },
    /// The path goes on below a list without saying at which entry.
    #[error("the parameter {parameter:?}: {at} is a list; say which entry is meant, as in {at}[0]")]
    IndexMissing {
        /// The parameter.
        parameter: ForeignText,
        /// The part of it that leads to the list.
        at: ForeignText,
    },
    /// The path goes on below a text or number.
    #[error("the parameter {parameter:?}: {at} is a single value, so there is nothing below it")]
    NotAMap {
        /// The parameter.
        parameter: ForeignText,
        /// The part of it that leads there.
        at: ForeignText,
    },
    /// The path ends at a list or map.
    #[error("the parameter {parameter:?} is a list or map in the file, and no single value")]
    NotAValue {
        /// The parameter.
        parameter: ForeignText,
    },
    /// Two parameters that shall differ are one place of the file, because of an alias.
    #[error(
        "the parameter {parameter:?} is an alias of a place that gets another value; write it out in the file first"
    )]
    SharedPlace {
        /// The parameter.
        parameter: ForeignText,
    },
}

impl From<ParseError> for HelmValuesError {
    fn from(error: ParseError) -> Self {
        Self::Edit(error.into())
    }
}

/// Writes `writes`, in their order, into a values file. `existing` is the file as it is, if there is one.
///
/// A missing or blank file is made anew. With one value that cannot be written nothing is.
pub fn render(existing: Option<&str>, writes: &[ValueWrite]) -> Result<Edited, HelmValuesError> {
    let writes = last_of_each_parameter(writes);
    if writes.is_empty() {
        return Ok(Edited::Unchanged);
    }
    let existing = existing.unwrap_or_default();
    let is_blank = existing.trim_start_matches('\u{feff}').trim().is_empty();
    let text = if is_blank { HEADER } else { existing };
    let stream = Stream::parse(text)?;
    let plans = plan(&stream, &writes)?;
    let changes: Vec<Change> = plans.iter().filter_map(Planned::change).collect();
    let edited = yaml::edit_stream(&stream, 0, &changes)?;
    if let (true, Edited::New(new)) = (plans.iter().any(|plan| plan.through_alias), &edited) {
        check_shared_places(new, &plans)?;
    }
    Ok(edited)
}

/// What the values file `text` says for each of `parameters`, in their order; `None` where it says nothing.
pub fn read(text: &str, parameters: &[&str]) -> Result<Vec<Option<String>>, HelmValuesError> {
    let stream = Stream::parse(text)?;
    let look = stream.documents().first().map(Look::new);
    let present = |parameter: &&str| Ok(locate::locate(look.as_ref(), parameter)?.present.map(str::to_owned));
    parameters.iter().map(present).collect()
}

/// A value and the place where it goes.
struct Planned<'w> {
    parameter: &'w str,
    value: &'w str,
    path: Path,
    through_alias: bool,
    /// A merge key brings the value already.
    is_there: bool,
}

impl Planned<'_> {
    fn change(&self) -> Option<Change> {
        let op = Op::Set(json!(self.value));
        (!self.is_there).then(|| Change {
            path: self.path.clone(),
            op,
        })
    }
}

fn plan<'w>(stream: &Stream<'_>, writes: &[&'w ValueWrite]) -> Result<Vec<Planned<'w>>, HelmValuesError> {
    let look = stream.documents().first().map(Look::new);
    let mut plans = Vec::with_capacity(writes.len());
    for write in writes {
        let place = locate::locate(look.as_ref(), &write.parameter)?;
        let value = write.value_beside(place.present);
        plans.push(Planned {
            parameter: &write.parameter,
            value,
            is_there: place
                .merged
                .is_some_and(|node| look.as_ref().is_some_and(|look| look.is_text(node, value))),
            path: place.path,
            through_alias: place.through_alias,
        });
    }
    Ok(plans)
}

/// An alias may lead two parameters to one place; then the last value would have replaced the others.
fn check_shared_places(new: &str, plans: &[Planned<'_>]) -> Result<(), HelmValuesError> {
    let stream = Stream::parse(new)?;
    let look = stream.documents().first().map(Look::new);
    for plan in plans {
        let place = locate::locate(look.as_ref(), plan.parameter)?;
        if place.present != Some(plan.value) {
            return Err(HelmValuesError::SharedPlace {
                parameter: ForeignText::new(plan.parameter),
            });
        }
    }
    Ok(())
}

/// Of several values for one parameter the last counts.
fn last_of_each_parameter(writes: &[ValueWrite]) -> Vec<&ValueWrite> {
    let mut kept: Vec<&ValueWrite> = Vec::with_capacity(writes.len());
    for write in writes.iter().filter(|write| !write.value.is_empty()) {
        match kept.iter_mut().find(|other| other.parameter == write.parameter) {
            Some(place) => *place = write,
            None => kept.push(write),
        }
    }
    kept
}

#[cfg(test)]
mod tests;
