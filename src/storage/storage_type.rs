//! What is true of every storage of a type, whatever volumes are on it. One entry per type, after
//! the plugin's `plugindata`, `options` and `get_formats` in Proxmox VE 9.1; the title, the level and
//! the maturity after Proxmox' own overview of its storage types.

use super::content_type::ContentType::{
    self, Backup, Images, Import, Iso, None as Nothing, RootDir, Snippets, Templates,
};
use super::volume::VolumeFormat::{self, Qcow2, Raw, Subvol, Vmdk};
use crate::codes::codes;

codes! {
    /// A storage type, by the word that storage.cfg has for it. In the order of Proxmox' overview;
    /// then what is in none, and the types that come with this library.
    pub enum StorageType {
        /// A local ZFS pool: volumes for virtual machines, file systems for containers.
        ZfsPool = "zfspool",
        /// A directory.
        Dir = "dir",
        /// A directory on Btrfs.
        Btrfs = "btrfs",
        /// An NFS share.
        Nfs = "nfs",
        /// A CIFS share.
        Cifs = "cifs",
        /// A datastore of a Proxmox Backup Server.
        Pbs = "pbs",
        /// A CephFS.
        CephFs = "cephfs",
        /// A volume group, each volume a thick logical volume.
        Lvm = "lvm",
        /// A thin pool of a volume group.
        LvmThin = "lvmthin",
        /// The LUNs of an iSCSI target, through the kernel.
        Iscsi = "iscsi",
        /// The LUNs of an iSCSI target, through QEMU.
        IscsiDirect = "iscsidirect",
        /// A pool of a Ceph cluster.
        Rbd = "rbd",
        /// A ZFS pool of another machine, which exports each volume over iSCSI.
        Zfs = "zfs",
        /// The datastores of a VMware ESXi, to import machines from.
        Esxi = "esxi",
        /// A volume group whose volumes have their snapshots as qcow2 images: this library's.
        LvmQcow2 = "lvmqcow2",
        /// A directory of incremental backups: this library's.
        BackupDirectory = "backup-directory",
    }
}

codes! {
    /// What the storage hands out.
    pub enum Level {
        /// Files and directories.
        File = "file",
        /// Block devices.
        Block = "block",
        /// Both, depending on what it is asked for.
        Both = "both",
    }
}

codes! {
    /// Whether every node sees the same content.
    pub enum Sharing {
        /// By its nature.
        Always = "always",
        /// If its entry in storage.cfg says so (`shared`): the administrator knows what lies below.
        Option = "option",
        /// Each node has its own.
        Never = "never",
    }
}

codes! {
    /// How far Proxmox, or for its own types this library, stands behind a type.
    pub enum Maturity {
        /// For production.
        Stable = "stable",
        /// To be tried.
        TechnologyPreview = "technology-preview",
    }
}

codes! {
    /// Whether a snapshot can be an image under its successor.
    pub enum VolumeChain {
        /// The type knows nothing of it.
        Never = "never",
        /// If its entry in storage.cfg says so (`snapshot-as-volume-chain`).
        Option = "option",
        /// There is no other way.
        Always = "always",
    }
}

/// The formats of the volumes on a storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Formats {
    /// The one of a volume for which none is named; none where there are no volumes.
    pub default: Option<VolumeFormat>,
    /// All, in the order of [`VolumeFormat::ALL`].
    pub valid: &'static [VolumeFormat],
}

/// What is true of a storage type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorageFacts {
    /// Its name for people.
    pub title: &'static str,
    /// What it hands out.
    pub level: Level,
    /// Whether all nodes see the same.
    pub shared: Sharing,
    /// How far it is stood behind.
    pub maturity: Maturity,
    /// What it may hold, in the order of [`ContentType::ALL`].
    pub content_types: &'static [ContentType],
    /// What it holds unless its entry in storage.cfg says otherwise.
    pub default_content_types: &'static [ContentType],
    /// The formats of its volumes.
    pub formats: Formats,
    /// The same with `snapshot-as-volume-chain`; none unless that is an option.
    pub formats_with_volume_chain: Option<Formats>,
    /// Whether snapshots can be images of their own.
    pub volume_chain: VolumeChain,
}

const NO_VOLUMES: Formats = formats(None, &[]);
const RAW: Formats = formats(Some(Raw), &[Raw]);
const RAW_SUBVOL: Formats = formats(Some(Raw), &[Raw, Subvol]);
const IMAGES: Formats = formats(Some(Raw), &[Raw, Qcow2, Vmdk]);
const IMAGES_SUBVOL: Formats = formats(Some(Raw), &[Raw, Qcow2, Vmdk, Subvol]);
const QCOW2_RAW: Formats = formats(Some(Qcow2), &[Raw, Qcow2]);

const FILES: &[ContentType] = &[Images, RootDir, Templates, Backup, Iso, Snippets, Import];
const FILES_NONE: &[ContentType] = &[
    Images, RootDir, Templates, Backup, Iso, Snippets, Import, Nothing,
];

const fn formats(default: Option<VolumeFormat>, valid: &'static [VolumeFormat]) -> Formats {
    Formats { default, valid }
}

/// What most types have in common.
const BASE: StorageFacts = StorageFacts {
    title: "",
    level: Level::Block,
    shared: Sharing::Always,
    maturity: Maturity::Stable,
    content_types: &[Images, RootDir],
    default_content_types: &[Images],
    formats: RAW,
    formats_with_volume_chain: None,
    volume_chain: VolumeChain::Never,
};

/// The same for a file system that another machine exports.
const SHARE: StorageFacts = StorageFacts {
    level: Level::File,
    content_types: FILES,
    formats: IMAGES,
    formats_with_volume_chain: Some(IMAGES),
    volume_chain: VolumeChain::Option,
    ..BASE
};

impl StorageType {
    /// What is true of it.
    pub fn facts(self) -> StorageFacts {
        match self {
            StorageType::ZfsPool => StorageFacts {
                title: "ZFS (local)",
                level: Level::Both,
                shared: Sharing::Never,
                default_content_types: &[Images, RootDir],
                formats: RAW_SUBVOL,
                ..BASE
            },
            StorageType::Dir => StorageFacts {
                title: "Directory",
                shared: Sharing::Option,
                content_types: FILES_NONE,
                default_content_types: &[Images, RootDir],
                formats: IMAGES_SUBVOL,
                formats_with_volume_chain: Some(IMAGES_SUBVOL),
                ..SHARE
            },
            StorageType::Btrfs => StorageFacts {
                title: "Btrfs",
                level: Level::File,
                shared: Sharing::Option,
                maturity: Maturity::TechnologyPreview,
                content_types: FILES_NONE,
                default_content_types: &[Images, RootDir],
                formats: RAW_SUBVOL,
                ..BASE
            },
            StorageType::Nfs => StorageFacts {
                title: "NFS",
                ..SHARE
            },
            StorageType::Cifs => StorageFacts {
                title: "CIFS",
                ..SHARE
            },
            StorageType::Pbs => StorageFacts {
                title: "Proxmox Backup Server",
                level: Level::Both,
                content_types: &[Backup, Nothing],
                default_content_types: &[Backup],
                formats: NO_VOLUMES,
                ..BASE
            },
            StorageType::CephFs => StorageFacts {
                title: "CephFS",
                level: Level::File,
                content_types: &[Templates, Backup, Iso, Snippets, Import],
                default_content_types: &[Backup],
                formats: NO_VOLUMES,
                ..BASE
            },
            StorageType::Lvm => StorageFacts {
                title: "LVM",
                shared: Sharing::Option,
                formats_with_volume_chain: Some(QCOW2_RAW),
                volume_chain: VolumeChain::Option,
                ..BASE
            },
            StorageType::LvmThin => StorageFacts {
                title: "LVM-thin",
                shared: Sharing::Never,
                default_content_types: &[Images, RootDir],
                ..BASE
            },
            StorageType::Iscsi => StorageFacts {
                title: "iSCSI (kernel)",
                content_types: &[Images, Nothing],
                ..BASE
            },
            StorageType::IscsiDirect => StorageFacts {
                title: "iSCSI (QEMU)",
                content_types: &[Images, Nothing],
                ..BASE
            },
            StorageType::Rbd => StorageFacts {
                title: "Ceph RBD",
                ..BASE
            },
            StorageType::Zfs => StorageFacts {
                title: "ZFS over iSCSI",
                content_types: &[Images],
                ..BASE
            },
            StorageType::Esxi => StorageFacts {
                title: "VMware ESXi",
                level: Level::File,
                shared: Sharing::Option,
                content_types: &[Import],
                default_content_types: &[Import],
                formats: IMAGES,
                ..BASE
            },
            StorageType::LvmQcow2 => StorageFacts {
                title: "LVM with qcow2 snapshots",
                shared: Sharing::Option,
                formats: QCOW2_RAW,
                volume_chain: VolumeChain::Always,
                ..BASE
            },
            StorageType::BackupDirectory => StorageFacts {
                title: "Directory of incremental backups",
                level: Level::File,
                shared: Sharing::Option,
                content_types: &[Backup],
                default_content_types: &[Backup],
                formats: NO_VOLUMES,
                ..BASE
            },
        }
    }

    /// All formats that a volume on it can have, whatever its options.
    pub fn all_formats(self) -> &'static [VolumeFormat] {
        let facts = self.facts();
        facts
            .formats_with_volume_chain
            .unwrap_or(facts.formats)
            .valid
    }
}
