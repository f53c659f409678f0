//! A chain in the shape of `qemu-img info --output=json --backing-chain`. Where it is broken,
//! the array ends with `{ filename, error => { code, message } }`.

use serde::ser::{Serialize, SerializeSeq, SerializeStruct, Serializer};

use super::walk::{Broken, Chain};
use crate::error::{Code, Error};
use crate::image::json::View;

impl Serialize for View<'_, Chain> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Chain { images, broken } = self.item;
        let mut seq =
            serializer.serialize_seq(Some(images.len() + usize::from(broken.is_some())))?;
        for image in images {
            seq.serialize_element(&self.part(image))?;
        }
        if let Some(broken) = broken {
            seq.serialize_element(&self.part(broken))?;
        }
        seq.end()
    }
}

impl Serialize for View<'_, Broken> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Broken { filename, error } = self.item;
        let mut map = serializer.serialize_struct("Broken", 3)?;
        map.serialize_field("filename", &self.part(filename.as_slice()))?;
        if error.code() == Code::UnnamedFormat {
            map.serialize_field("format", "unknown")?;
        }
        map.serialize_field("error", error)?;
        map.end()
    }
}

/// `{ code, message }`.
impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("Error", 2)?;
        map.serialize_field("code", self.code().name())?;
        map.serialize_field("message", &self.to_string())?;
        map.end()
    }
}
