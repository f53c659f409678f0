//! What a storage of Proxmox VE can do: storage types and content types as data, and the question
//! that plans and the placement ask of them.
//!
//! [`storage_type`] holds what is true of a storage type, [`volume`] what is true of a volume of one
//! format on it; [`capabilities()`] puts both together, and [`ask`] is how the faces ask. The data
//! follow the plugins of Proxmox VE 9.1; `docs/storage.md` tells how, and how they are held against
//! the plugins themselves. Nothing here looks at storage.

mod capabilities;
pub mod content_type;
mod json;
mod question;
pub mod storage_type;
pub mod volume;
mod words;

pub use capabilities::{Capabilities, LiveMigration, Storage, capabilities, storage};
pub use content_type::ContentType;
pub use json::Described;
pub use question::{Answer, ask, content_types, types};
pub use storage_type::{Level, Maturity, Sharing, StorageFacts, StorageType, VolumeChain};
pub use volume::{Snapshots, VolumeFacts, VolumeFormat};
