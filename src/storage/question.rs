//! The questions as callers ask them, in words: one volume, one type, all types; the lists of what
//! there is.

use serde::ser::{Serialize, Serializer};

use super::capabilities::{Capabilities, Storage, capabilities, storage};
use super::content_type::ContentType;
use super::json::Described;
use super::storage_type::StorageType;
use super::volume::VolumeFormat;
use crate::error::{Error, Result};

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// All types, in the order of [`StorageType::ALL`].
    All(Vec<Storage>),
    /// One type.
    Storage(Storage),
    /// A volume on a storage of that type.
    Volume(Capabilities),
}

impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self {
            Answer::All(all) => all.serialize(serializer),
            Answer::Storage(storage) => storage.serialize(serializer),
            Answer::Volume(volume) => volume.serialize(serializer),
        }
    }
}

/// What may be assumed of volumes of this format on storages of this type; without a format of the
/// type and all its volumes, without a type of all types.
///
/// # Errors
///
/// An argument error for a type or a format that is not known, for a format that such a storage does
/// not have, and for a format without a type.
pub fn ask(name: Option<&[u8]>, format: Option<&[u8]>) -> Result<Answer> {
    match (name, format) {
        (None, None) => {
            let all = StorageType::ALL.iter();
            Ok(Answer::All(all.map(|&each| storage(each)).collect()))
        }
        (None, Some(_)) => Err(Error::argument("a volume format without a storage type")),
        (Some(name), None) => Ok(Answer::Storage(storage(StorageType::from_name(name)?))),
        (Some(name), Some(format)) => Ok(Answer::Volume(capabilities(
            StorageType::from_name(name)?,
            VolumeFormat::from_name(format)?,
        )?)),
    }
}

/// All storage types.
pub fn types() -> &'static [StorageType] {
    StorageType::ALL
}

/// All content types, each with what it is.
pub fn content_types() -> Vec<Described> {
    ContentType::ALL.iter().copied().map(Described).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Code;

    #[test]
    fn each_answer_is_a_document() {
        let json = |answer: &Answer| serde_json::to_value(answer).unwrap();
        let all = json(&ask(None, None).unwrap());
        assert_eq!(all.as_array().unwrap().len(), StorageType::ALL.len());
        let lvm = json(&ask(Some(b"lvm"), None).unwrap());
        assert!(all.as_array().unwrap().contains(&lvm));
        let volume = json(&ask(Some(b"lvm"), Some(b"qcow2")).unwrap());
        assert_eq!(lvm["volumes"][1], volume);
        assert_eq!(volume["snapshots"]["method"], "volume-chain");
        assert_eq!(volume["needs-volume-chain"], true);
        assert_eq!(volume["linked-clone-format"], serde_json::Value::Null);
        assert_eq!(volume["shared"], "option");
        assert_eq!(volume["live-migration-without-copying"], "when-shared");
    }

    #[test]
    fn questions_that_make_no_sense_are_refused() {
        for (name, format) in [
            (None, Some(&b"raw"[..])),
            (Some(&b""[..]), None),
            (Some(b"lvm\0"), None),
            (Some(b"lvm"), Some(b"")),
            (Some(b"lvm"), Some(b"vmdk")),
            (Some(b"cephfs"), Some(b"raw")),
        ] {
            assert_eq!(ask(name, format).unwrap_err().code(), Code::Argument);
        }
    }
}
