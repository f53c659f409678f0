//! An audit as `{ safe, chain, findings }`.

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::Audit;
use crate::image::json::View;

impl Serialize for View<'_, Audit> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let audit = self.item;
        let mut map = serializer.serialize_struct("Audit", 3)?;
        map.serialize_field("safe", &audit.is_safe())?;
        map.serialize_field("chain", &self.part(&audit.chain))?;
        map.serialize_field("findings", &self.part(&audit.findings))?;
        map.end()
    }
}
