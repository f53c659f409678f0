//! The question as one JSON document: the options, and under `nodes` the broadcasts.

use super::{Answer, Options, status};
use crate::cluster::json::Json;
use crate::error::{Error, Result};

/// A question, read and not yet answered.
#[derive(Clone, Debug, Default)]
pub struct Document {
    /// What is known besides the broadcasts.
    pub options: Options,
    /// The nodes' names and their broadcasts.
    pub nodes: Vec<(String, Vec<u8>)>,
}

impl Document {
    /// Reads a document. The options are what it does not say.
    pub fn of_text(text: &[u8], options: Options) -> Result<Self> {
        let value = Json::of_text(text)
            .map_err(|error| Error::argument(format!("the document is no JSON: {error}")))?;
        let Json::Object(keys) = value else {
            return Err(Error::argument("the document is no object"));
        };
        let mut document = Document {
            options,
            nodes: Vec::new(),
        };
        for (key, value) in &keys {
            match (&**key, value) {
                ("nodes", Json::Object(all)) => {
                    // What is null has not been broadcast.
                    let said = all.iter().filter(|(_, value)| **value != Json::Null);
                    let nodes = said.map(|(name, value)| (name.clone(), raw(value)));
                    document.nodes.extend(nodes);
                }
                ("nodes", Json::Null) => {}
                ("nodes", _) => return Err(Error::argument("nodes is not an object")),
                _ => document.options.set_key(key, value)?,
            }
        }
        Ok(document)
    }

    /// The answer to it.
    pub fn answer(&self) -> Result<Answer> {
        let nodes = self.nodes.iter();
        let nodes: Vec<(&str, &[u8])> = nodes.map(|(name, raw)| (&**name, &raw[..])).collect();
        status(&nodes, &self.options)
    }
}

/// The answer to a document.
pub fn document(text: &[u8]) -> Result<Answer> {
    Document::of_text(text, Options::default())?.answer()
}

/// A broadcast as bytes: a string is one as it is, anything else one that has been decoded.
pub(super) fn raw(value: &Json) -> Vec<u8> {
    match value {
        Json::String(raw) => raw.clone().into_bytes(),
        // Writing to memory cannot fail.
        other => serde_json::to_vec(other).unwrap_or_default(),
    }
}
