//! One finding, and how it is written as JSON.

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::Code;
use crate::severity::Severity;

/// One thing that there is to say.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Finding {
    /// What.
    pub code: Code,
    /// How grave it is.
    pub severity: Severity,
    /// What it is about: a WWID, a node, an adapter as `NODE/ADAPTER`, storage ports, or several of them
    /// with commas between. The same as long as it is the same thing.
    pub subject: String,
    /// A sentence or two for an operator, safe to print.
    pub sentence: String,
    /// The WWIDs of the LUNs concerned, in their order, as far as there is room. Of what is wrong with a
    /// whole node: none.
    pub luns: Vec<String>,
    /// The nodes concerned, in the order of their names.
    pub nodes: Vec<String>,
    /// How much there is of it: LUNs, nodes or paths. What gets worse grows, and so outgrows a mute.
    pub extent: u64,
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("Finding", 6)?;
        map.serialize_field("code", self.code.name())?;
        map.serialize_field("severity", self.severity.name())?;
        map.serialize_field("subject", &self.subject)?;
        map.serialize_field("sentence", &self.sentence)?;
        map.serialize_field("luns", &self.luns)?;
        map.serialize_field("nodes", &self.nodes)?;
        map.end()
    }
}
