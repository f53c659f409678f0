//! What a storage may be used for: the content types of storage.cfg.

use crate::codes::codes;

codes! {
    /// A content type, by the word that storage.cfg has for it.
    pub enum ContentType {
        /// Disks of virtual machines.
        Images = "images",
        /// Disks and directory trees of containers.
        RootDir = "rootdir",
        /// Archives from which containers are made.
        Templates = "vztmpl",
        /// Backups of guests.
        Backup = "backup",
        /// Installation media.
        Iso = "iso",
        /// Hook scripts and cloud-init files.
        Snippets = "snippets",
        /// Disks and appliances from which virtual machines are made.
        Import = "import",
        /// Nothing: the storage is there for another one that stands on it.
        None = "none",
    }
}

impl ContentType {
    /// What it is, in a few words for people.
    pub fn description(self) -> &'static str {
        match self {
            ContentType::Images => "disks of virtual machines",
            ContentType::RootDir => "disks and directory trees of containers",
            ContentType::Templates => "archives from which containers are made",
            ContentType::Backup => "backups of guests",
            ContentType::Iso => "installation media",
            ContentType::Snippets => "hook scripts and cloud-init files",
            ContentType::Import => "disks and appliances from which virtual machines are made",
            ContentType::None => "nothing: the storage is there for another one on top of it",
        }
    }
}
