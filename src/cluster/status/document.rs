//! The question as one JSON document: the options, and under `nodes` the broadcasts.

use super::{Answer, Options, status};
use crate::cluster::json::Json;
use crate::error::{Error, Result};

/// The answer to a document.
pub fn document(text: &[u8]) -> Result<Answer> {
    let value = Json::of_text(text)
        .map_err(|error| Error::argument(format!("the document is no JSON: {error}")))?;
    let Json::Object(document) = value else {
        return Err(Error::argument("the document is no object"));
    };
    let mut options = Options::default();
    let mut nodes = Vec::new();
    for (key, value) in &document {
        match (&**key, value) {
            ("nodes", Json::Object(all)) => {
                // What is null has not been broadcast.
                let said = all.iter().filter(|(_, value)| **value != Json::Null);
                nodes.extend(said.map(|(name, value)| (&**name, raw(value))));
            }
            ("nodes", Json::Null) => {}
            ("nodes", _) => return Err(Error::argument("nodes is not an object")),
            _ => options.set_key(key, value)?,
        }
    }
    let nodes: Vec<(&str, &[u8])> = nodes.iter().map(|(name, raw)| (*name, &raw[..])).collect();
    status(&nodes, &options)
}

/// A broadcast as bytes: a string is one as it is, anything else one that has been decoded.
pub(super) fn raw(value: &Json) -> Vec<u8> {
    match value {
        Json::String(raw) => raw.clone().into_bytes(),
        // Writing to memory cannot fail.
        other => serde_json::to_vec(other).unwrap_or_default(),
    }
}
