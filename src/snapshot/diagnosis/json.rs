//! A diagnosis as a document.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::Diagnosis;
use crate::image::json::View;

impl Serialize for View<'_, Diagnosis> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let diagnosis = self.item;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("code", diagnosis.code)?;
        map.serialize_entry("severity", diagnosis.severity.name())?;
        map.serialize_entry("volume", &self.part(diagnosis.volume.as_bytes()))?;
        map.serialize_entry("message", &diagnosis.message)?;
        if let Some(plan) = &diagnosis.plan {
            map.serialize_entry("plan", &self.part(plan))?;
            map.serialize_entry("certain", &diagnosis.certain)?;
        }
        map.end()
    }
}
