//! The question: what may a plan, or the placement, assume of one volume of a format on a storage of
//! a type? Answered from the two tables, and from what follows from them.

use super::content_type::ContentType;
use super::storage_type::{Sharing, StorageFacts, StorageType, VolumeChain};
use super::volume::{self, Snapshots, VolumeFacts, VolumeFormat};
use super::words::list;
use crate::codes::codes;
use crate::error::{Error, Result};

codes! {
    /// Whether a running virtual machine can go to another node while its volume stays where it is.
    pub enum LiveMigration {
        /// Yes.
        Always = "always",
        /// If the storage's entry says that it is shared.
        WhenShared = "when-shared",
        /// No: the volume would have to be copied, or no virtual machine can run on it.
        Never = "never",
    }
}

/// What may be assumed of a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The type of its storage.
    pub storage: StorageType,
    /// Its format.
    pub format: VolumeFormat,
    /// What is true with the storage's options as they are by default.
    pub volume: VolumeFacts,
    /// Whether there are such volumes only with `snapshot-as-volume-chain`.
    pub needs_volume_chain: bool,
    /// Its snapshots with `snapshot-as-volume-chain`; none unless that is an option of the storage.
    pub snapshots_with_volume_chain: Option<Snapshots>,
}

impl Capabilities {
    /// What such a volume can be used for. Containers want a disk as it is, or a directory tree; a
    /// storage that machines are imported from has volumes for that alone.
    pub fn content_types(&self) -> Vec<ContentType> {
        let offered = self.storage.facts().content_types;
        let guests = offered.contains(&ContentType::Images);
        let fits = |content: &&ContentType| match content {
            ContentType::Images => self.format != VolumeFormat::Subvol,
            ContentType::RootDir => {
                matches!(self.format, VolumeFormat::Raw | VolumeFormat::Subvol)
            }
            ContentType::Import => !guests,
            _ => false,
        };
        offered.iter().filter(fits).copied().collect()
    }

    /// Whether every node sees it.
    pub fn shared(&self) -> Sharing {
        self.storage.facts().shared
    }

    /// Whether a running virtual machine can change the node without it being copied.
    pub fn live_migration(&self) -> LiveMigration {
        if !self.content_types().contains(&ContentType::Images) {
            return LiveMigration::Never;
        }
        match self.shared() {
            Sharing::Always => LiveMigration::Always,
            Sharing::Option => LiveMigration::WhenShared,
            Sharing::Never => LiveMigration::Never,
        }
    }
}

/// What may be assumed of a storage, and of each kind of volume on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage {
    /// Its type.
    pub storage: StorageType,
    /// What is true of the type.
    pub facts: StorageFacts,
    /// One entry per format, in the order of [`VolumeFormat::ALL`].
    pub volumes: Vec<Capabilities>,
}

/// What may be assumed of a volume of this format on a storage of this type.
///
/// # Errors
///
/// An argument error where such a storage has no such volumes.
pub fn capabilities(storage: StorageType, format: VolumeFormat) -> Result<Capabilities> {
    let facts = storage.facts();
    let Some(volume) = volume::facts(storage, format) else {
        let name = storage.name();
        return Err(Error::argument(match storage.all_formats() {
            [] => format!("a storage of type '{name}' holds no volumes of guests"),
            formats => format!(
                "a storage of type '{name}' has no volumes of format '{}', only {}",
                format.name(),
                list(formats, |f| f.name())
            ),
        }));
    };
    let option = facts.volume_chain == VolumeChain::Option;
    Ok(Capabilities {
        storage,
        format,
        volume,
        needs_volume_chain: !facts.formats.valid.contains(&format),
        snapshots_with_volume_chain: option.then(|| volume::snapshots_as_chain(format)),
    })
}

/// What may be assumed of a storage of this type, and of all volumes on it.
pub fn storage(storage: StorageType) -> Storage {
    let formats = storage.all_formats().iter();
    Storage {
        storage,
        facts: storage.facts(),
        volumes: formats
            .filter_map(|&format| capabilities(storage, format).ok())
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::volume::{Provisioning, SnapshotMethod, State};
    use super::*;

    fn every_pair() -> impl Iterator<Item = (StorageType, VolumeFormat)> {
        let formats = |&storage| {
            VolumeFormat::ALL
                .iter()
                .map(move |&format| (storage, format))
        };
        StorageType::ALL.iter().flat_map(formats)
    }

    fn every_volume() -> impl Iterator<Item = Capabilities> {
        every_pair().filter_map(|(storage, format)| capabilities(storage, format).ok())
    }

    #[test]
    fn the_formats_of_a_type_are_those_of_its_volumes() {
        for (storage, format) in every_pair() {
            let offered = storage.all_formats().contains(&format);
            let found = capabilities(storage, format).is_ok();
            assert_eq!(offered, found, "{storage:?} {format:?}");
        }
    }

    #[test]
    fn the_tables_are_in_the_order_that_they_promise() {
        for &storage in StorageType::ALL {
            let facts = storage.facts();
            assert!(facts.content_types.is_sorted() && !facts.title.is_empty());
            let defaults = facts.default_content_types;
            assert!(defaults.iter().all(|c| facts.content_types.contains(c)));
            assert!(facts.formats.valid.is_sorted());
            let option = facts.volume_chain == VolumeChain::Option;
            assert_eq!(facts.formats_with_volume_chain.is_some(), option);
            for formats in [Some(facts.formats), facts.formats_with_volume_chain] {
                let formats = formats.unwrap_or(facts.formats);
                assert_eq!(formats.default.is_none(), formats.valid.is_empty());
                assert!(formats.default.is_none_or(|f| formats.valid.contains(&f)));
                let all = storage.all_formats();
                assert!(formats.valid.iter().all(|f| all.contains(f)));
            }
        }
    }

    #[test]
    fn what_a_volume_can_do_does_not_contradict_itself() {
        for volume in every_volume() {
            let facts = volume.volume;
            let chained = volume.snapshots_with_volume_chain;
            for snapshots in [facts.snapshots].into_iter().chain(chained) {
                let none = snapshots.method == SnapshotMethod::None;
                assert_eq!(snapshots.running.is_none(), none, "{volume:?}");
            }
            assert_eq!(
                facts.linked_clone_from.is_empty(),
                facts.linked_clone_format.is_none()
            );
            let snapshots = facts.snapshots.method != SnapshotMethod::None;
            for from in [facts.linked_clone_from, facts.full_clone_from] {
                assert!(from.is_sorted());
                assert!(facts.template || !from.contains(&State::Base), "{volume:?}");
                assert!(snapshots || !from.contains(&State::Snap), "{volume:?}");
            }
            let elsewhere = facts.provisioning == Provisioning::Elsewhere;
            assert_eq!(facts.allocation, !elsewhere, "{volume:?}");
            assert!(!volume.content_types().is_empty());
        }
    }

    #[test]
    fn guests_migrate_without_copying_where_the_storage_is_shared() {
        let ask = |storage, format| capabilities(storage, format).unwrap().live_migration();
        use StorageType as T;
        assert_eq!(ask(T::Rbd, VolumeFormat::Raw), LiveMigration::Always);
        assert_eq!(ask(T::Lvm, VolumeFormat::Qcow2), LiveMigration::WhenShared);
        assert_eq!(ask(T::LvmThin, VolumeFormat::Raw), LiveMigration::Never);
        // Containers are not migrated while they run, and nothing runs on what is imported from.
        assert_eq!(ask(T::Dir, VolumeFormat::Subvol), LiveMigration::Never);
        assert_eq!(ask(T::Esxi, VolumeFormat::Vmdk), LiveMigration::Never);
    }

    #[test]
    fn the_option_decides_what_snapshots_are() {
        let method = |snapshots: Option<Snapshots>| snapshots.map(|s| s.method.name());
        let ask = |storage, format| {
            let found = capabilities(storage, format).unwrap();
            let with = found.snapshots_with_volume_chain;
            (method(Some(found.volume.snapshots)), method(with))
        };
        use StorageType as T;
        use VolumeFormat::{Qcow2, Raw};
        assert_eq!(ask(T::Nfs, Qcow2), (Some("internal"), Some("volume-chain")));
        assert_eq!(ask(T::Nfs, Raw), (Some("none"), Some("none")));
        assert_eq!(ask(T::LvmThin, Raw), (Some("native"), None));
        assert_eq!(ask(T::LvmQcow2, Qcow2), (Some("volume-chain"), None));
        let needs = |storage| capabilities(storage, Qcow2).unwrap().needs_volume_chain;
        assert!(needs(T::Lvm) && !needs(T::LvmQcow2) && !needs(T::Dir));
    }

    #[test]
    fn unknown_words_are_refused_and_say_what_is_known() {
        let refused = |name: &[u8]| StorageType::from_name(name).unwrap_err().to_string();
        assert!(refused(b"LVM").starts_with("unknown storage type 'LVM', known are zfspool, dir,"));
        assert_eq!(
            refused(b"glusterfs"),
            "storage type 'glusterfs' is no part of Proxmox VE since version 9"
        );
        assert!(refused(b"x\n\xff").starts_with("unknown storage type 'x\\n\\xff'"));
        let format = VolumeFormat::from_name(b"vdi").unwrap_err();
        assert_eq!(
            format.to_string(),
            "unknown volume format 'vdi', known are raw, qcow2, vmdk, subvol"
        );
        let none = |storage, format| capabilities(storage, format).unwrap_err().to_string();
        assert_eq!(
            none(StorageType::Nfs, VolumeFormat::Subvol),
            "a storage of type 'nfs' has no volumes of format 'subvol', only raw, qcow2, vmdk"
        );
        assert_eq!(
            none(StorageType::Pbs, VolumeFormat::Raw),
            "a storage of type 'pbs' holds no volumes of guests"
        );
        for &storage in StorageType::ALL {
            assert_eq!(
                StorageType::from_name(storage.name().as_bytes()),
                Ok(storage)
            );
        }
    }
}
