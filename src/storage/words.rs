//! Words that callers use for the enumerations of this area: understood here, so that every face
//! refuses the same ones in the same way.

use serde::ser::{Serialize, Serializer};

use super::capabilities::LiveMigration;
use super::content_type::ContentType;
use super::storage_type::{Level, Maturity, Sharing, StorageType, VolumeChain};
use super::volume::{Provisioning, Rollback, SnapshotMethod, State, Taker, VolumeFormat};
use crate::error::{Error, Result};
use crate::text::printable;

/// Storage types that are no longer part of Proxmox VE, and the version that dropped them.
const DROPPED: [(&str, &str); 1] = [("glusterfs", "9")];

impl StorageType {
    /// The type that storage.cfg calls so.
    ///
    /// # Errors
    ///
    /// An argument error for a type that is not known, or that is no longer part of Proxmox VE.
    pub fn from_name(name: &[u8]) -> Result<Self> {
        let found = Self::ALL.iter().find(|t| t.name().as_bytes() == name);
        if let Some(&found) = found {
            return Ok(found);
        }
        if let Some((name, version)) = DROPPED.iter().find(|(old, _)| old.as_bytes() == name) {
            return Err(Error::argument(format!(
                "storage type '{name}' is no part of Proxmox VE since version {version}"
            )));
        }
        let known = list(Self::ALL, |t| t.name());
        Err(unknown("storage type", name, &known))
    }
}

impl VolumeFormat {
    /// The format of this name.
    ///
    /// # Errors
    ///
    /// An argument error for a format that volumes cannot have.
    pub fn from_name(name: &[u8]) -> Result<Self> {
        let found = Self::ALL.iter().find(|f| f.name().as_bytes() == name);
        found
            .copied()
            .ok_or_else(|| unknown("volume format", name, &list(Self::ALL, |f| f.name())))
    }
}

/// The words of some values, for a message.
pub(super) fn list<T: Copy>(values: &[T], name: impl Fn(T) -> &'static str) -> String {
    let names: Vec<&str> = values.iter().map(|&value| name(value)).collect();
    names.join(", ")
}

fn unknown(what: &str, name: &[u8], known: &str) -> Error {
    let name = printable(name);
    Error::argument(format!("unknown {what} '{name}', known are {known}"))
}

/// In an answer each value is its word.
macro_rules! serialized_as_words {
    ($($type:ident),*) => {
        $(impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        })*
    };
}

serialized_as_words!(
    ContentType,
    Level,
    LiveMigration,
    Maturity,
    Provisioning,
    Rollback,
    Sharing,
    SnapshotMethod,
    State,
    StorageType,
    Taker,
    VolumeChain,
    VolumeFormat
);
