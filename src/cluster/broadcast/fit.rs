//! Fitting a summary into a value: the first form that has room for all of it, and where none has, what
//! matters most.

use std::cmp::Reverse;

use super::form::{Draft, Form, digest};
use super::summary::{Entry, Summary};
use crate::error::{Error, Result};

/// A broadcast that fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fitted {
    /// Its bytes, among which there is no NUL.
    pub payload: Vec<u8>,
    /// The form that they are in.
    pub form: Form,
    /// Maps that are left out; the broadcast says so, too.
    pub truncated: usize,
}

impl Summary {
    /// What tells this health of the maps from any other, whatever the form and the time: 16
    /// hexadecimal digits.
    pub fn digest(&self) -> String {
        digest(self, &self.listed())
    }

    /// As a broadcast of at most `limit` bytes that was made at `time`, in seconds since 1970, and has
    /// the number `seq`. Readers take one without a time for an old one.
    ///
    /// Where no form has room for all, the ports are left out, then maps: those that are worst stay,
    /// in the order of their WWIDs where they are equally bad. An error if there is not even room to
    /// say how many were left out.
    pub fn fit(&self, time: Option<u64>, seq: Option<u64>, limit: usize) -> Result<Fitted> {
        let mut listed = self.listed();
        let digest = digest(self, &listed);
        let whole = Draft {
            maps: &listed,
            ports: Some(&self.ports),
            time,
            seq,
            digest: &digest,
            truncated: 0,
        };
        let without_ports = Draft {
            ports: None,
            ..whole
        };
        let drafts = match self.ports.is_empty() {
            true => vec![whole],
            false => vec![whole, without_ports],
        };
        for draft in &drafts {
            for &form in Form::ALL {
                if let Some(payload) = draft.write(form).filter(|bytes| bytes.len() <= limit) {
                    return Ok(Fitted {
                        payload,
                        form,
                        truncated: 0,
                    });
                }
            }
        }
        listed.sort_by_key(|(_, entry)| Reverse(entry.state));
        let worst = |count: usize| Draft {
            maps: &listed[..count],
            ports: None,
            time,
            seq,
            digest: &digest,
            truncated: listed.len() - count,
        };
        // What is compressed is shorter, save where there is next to nothing.
        let fitted = [Form::Short, Form::Compressed]
            .into_iter()
            .filter_map(|form| most(form, listed.len(), limit, worst))
            .min_by_key(|fitted| fitted.truncated);
        fitted.ok_or_else(|| {
            let least = worst(0).write(Form::Short).unwrap_or_default().len();
            Error::argument(format!(
                "a limit of {limit} bytes has no room for a broadcast: one without any map has {least}"
            ))
        })
    }

    fn listed(&self) -> Vec<(&str, &Entry)> {
        let maps = self.maps.iter();
        maps.map(|(wwid, entry)| (wwid.as_str(), entry)).collect()
    }
}

/// The draft with the most maps that fits; `draft` makes the one with so many, and the one with all
/// `count` does not fit. Halved again and again, as each try may be compressed anew.
fn most<'a>(
    form: Form,
    count: usize,
    limit: usize,
    draft: impl Fn(usize) -> Draft<'a>,
) -> Option<Fitted> {
    let fits = |maps: usize| draft(maps).write(form).filter(|p| p.len() <= limit);
    let (mut maps, mut payload) = (0, fits(0)?);
    let mut too_many = count;
    while too_many - maps > 1 {
        let middle = maps + (too_many - maps) / 2;
        match fits(middle) {
            Some(larger) => (maps, payload) = (middle, larger),
            None => too_many = middle,
        }
    }
    Some(Fitted {
        payload,
        form,
        truncated: count - maps,
    })
}
