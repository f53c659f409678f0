//! What is true of a volume of one format on a storage of one type: snapshots, clones, thin
//! provisioning. After the plugins' `volume_has_feature`, `volume_qemu_snapshot_method`,
//! `volume_rollback_is_possible`, `storage_can_replicate`, `clone_image` and `alloc_image` in Proxmox
//! VE 9.1; for the type `lvmqcow2` after this library's own plans.

use super::storage_type::{Level, StorageType};
use crate::codes::codes;

codes! {
    /// The format of a volume, by the word that Proxmox VE has for it.
    pub enum VolumeFormat {
        /// The disk as it is.
        Raw = "raw",
        /// QEMU's qcow2.
        Qcow2 = "qcow2",
        /// VMware's VMDK.
        Vmdk = "vmdk",
        /// A directory tree for a container, not a disk.
        Subvol = "subvol",
    }
}

codes! {
    /// A state of a volume from which another one can be made.
    pub enum State {
        /// A volume that became a template.
        Base = "base",
        /// The volume as it is now.
        Current = "current",
        /// The volume as it was at a snapshot.
        Snap = "snap",
    }
}

codes! {
    /// What a snapshot is.
    pub enum SnapshotMethod {
        /// There are none.
        None = "none",
        /// A part of the qcow2 image.
        Internal = "internal",
        /// An image of its own, on which the next one stands.
        VolumeChain = "volume-chain",
        /// What the storage itself has.
        Native = "native",
    }
}

codes! {
    /// Which snapshots a volume can go back to.
    pub enum Rollback {
        /// There are none.
        None = "none",
        /// The newest one; newer ones must be deleted first.
        Newest = "newest",
        /// Any.
        Any = "any",
    }
}

codes! {
    /// Who takes a snapshot while the guest runs.
    pub enum Taker {
        /// QEMU.
        Qemu = "qemu",
        /// QEMU, unless the storage has its volumes mapped by the kernel (`krbd`): then the storage.
        QemuUnlessKrbd = "qemu-unless-krbd",
        /// The storage, while QEMU waits.
        Storage = "storage",
        /// The storage makes the new image, QEMU changes over to it.
        Mixed = "mixed",
    }
}

codes! {
    /// Whether space is taken when it is written to, and not before.
    pub enum Provisioning {
        /// Always.
        Thin = "thin",
        /// Unless the storage's entry asks for preallocation (`preallocation`).
        ThinUnlessPreallocated = "thin-unless-preallocated",
        /// If the storage's entry says so (`sparse`).
        ThinIfSparse = "thin-if-sparse",
        /// Never: all of it is taken at once.
        Thick = "thick",
        /// The storage is given volumes that others made; they know.
        Elsewhere = "elsewhere",
    }
}

/// The snapshots of a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshots {
    /// What they are.
    pub method: SnapshotMethod,
    /// Which of them the volume can go back to.
    pub rollback: Rollback,
    /// Who takes them while the guest runs; none where there are none.
    pub running: Option<Taker>,
}

impl Snapshots {
    const NONE: Snapshots = Snapshots {
        method: SnapshotMethod::None,
        rollback: Rollback::None,
        running: None,
    };
    const INTERNAL: Snapshots = Snapshots {
        method: SnapshotMethod::Internal,
        rollback: Rollback::Any,
        running: Some(Taker::Qemu),
    };
    const CHAIN: Snapshots = Snapshots {
        method: SnapshotMethod::VolumeChain,
        rollback: Rollback::Newest,
        running: Some(Taker::Mixed),
    };

    const fn native(rollback: Rollback, running: Taker) -> Self {
        Snapshots {
            method: SnapshotMethod::Native,
            rollback,
            running: Some(running),
        }
    }
}

/// What is true of a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VolumeFacts {
    /// What the guest is given.
    pub level: Level,
    /// Whether Proxmox VE makes and removes such volumes.
    pub allocation: bool,
    /// How space is taken.
    pub provisioning: Provisioning,
    /// Whether a new volume reads as zeros, so that zeros need not be written to it.
    pub initially_zero: bool,
    /// Its snapshots.
    pub snapshots: Snapshots,
    /// From which states a linked clone can be made.
    pub linked_clone_from: &'static [State],
    /// The format of a linked clone; none where there are none.
    pub linked_clone_format: Option<VolumeFormat>,
    /// From which states a full clone can be made.
    pub full_clone_from: &'static [State],
    /// Whether it can become a template.
    pub template: bool,
    /// Whether it can be given to another guest by renaming it.
    pub rename: bool,
    /// Whether it can be replicated to other nodes.
    pub replication: bool,
}

/// A volume that is there, and no more.
const GIVEN: VolumeFacts = VolumeFacts {
    level: Level::Block,
    allocation: false,
    provisioning: Provisioning::Elsewhere,
    initially_zero: false,
    snapshots: Snapshots::NONE,
    linked_clone_from: &[],
    linked_clone_format: None,
    full_clone_from: &[State::Current],
    template: false,
    rename: false,
    replication: false,
};

const FILE_VMDK: VolumeFacts = VolumeFacts {
    level: Level::File,
    allocation: true,
    provisioning: Provisioning::Thin,
    initially_zero: true,
    linked_clone_from: &[State::Base],
    linked_clone_format: Some(VolumeFormat::Qcow2),
    full_clone_from: &[State::Base, State::Current],
    template: true,
    rename: true,
    ..GIVEN
};
const FILE_RAW: VolumeFacts = VolumeFacts {
    provisioning: Provisioning::ThinUnlessPreallocated,
    ..FILE_VMDK
};
const FILE_QCOW2: VolumeFacts = VolumeFacts {
    snapshots: Snapshots::INTERNAL,
    full_clone_from: State::ALL,
    ..FILE_RAW
};
const FILE_SUBVOL: VolumeFacts = VolumeFacts {
    level: Level::File,
    allocation: true,
    provisioning: Provisioning::Thin,
    full_clone_from: &[],
    template: true,
    ..GIVEN
};
const BTRFS_RAW: VolumeFacts = VolumeFacts {
    provisioning: Provisioning::Thin,
    snapshots: Snapshots::native(Rollback::Any, Taker::Storage),
    linked_clone_from: State::ALL,
    linked_clone_format: Some(VolumeFormat::Raw),
    full_clone_from: State::ALL,
    ..FILE_VMDK
};
const BTRFS_SUBVOL: VolumeFacts = VolumeFacts {
    initially_zero: false,
    linked_clone_from: &[State::Base],
    linked_clone_format: Some(VolumeFormat::Subvol),
    rename: false,
    ..BTRFS_RAW
};
const ZFS_ISCSI_RAW: VolumeFacts = VolumeFacts {
    allocation: true,
    provisioning: Provisioning::ThinIfSparse,
    snapshots: Snapshots::native(Rollback::Newest, Taker::Storage),
    linked_clone_from: &[State::Base],
    linked_clone_format: Some(VolumeFormat::Raw),
    full_clone_from: &[State::Base, State::Current],
    template: true,
    ..GIVEN
};
const ZFS_RAW: VolumeFacts = VolumeFacts {
    initially_zero: true,
    rename: true,
    replication: true,
    ..ZFS_ISCSI_RAW
};
const ZFS_SUBVOL: VolumeFacts = VolumeFacts {
    level: Level::File,
    provisioning: Provisioning::Thin,
    linked_clone_format: Some(VolumeFormat::Subvol),
    ..ZFS_RAW
};
const LVM_RAW: VolumeFacts = VolumeFacts {
    allocation: true,
    provisioning: Provisioning::Thick,
    rename: true,
    ..GIVEN
};
const LVM_QCOW2: VolumeFacts = VolumeFacts {
    snapshots: Snapshots::CHAIN,
    full_clone_from: &[State::Current, State::Snap],
    ..LVM_RAW
};
const LVM_THIN_RAW: VolumeFacts = VolumeFacts {
    allocation: true,
    provisioning: Provisioning::Thin,
    initially_zero: true,
    snapshots: Snapshots::native(Rollback::Any, Taker::Storage),
    linked_clone_from: &[State::Base, State::Snap],
    linked_clone_format: Some(VolumeFormat::Raw),
    full_clone_from: State::ALL,
    template: true,
    rename: true,
    ..GIVEN
};
const RBD_RAW: VolumeFacts = VolumeFacts {
    snapshots: Snapshots::native(Rollback::Any, Taker::QemuUnlessKrbd),
    ..LVM_THIN_RAW
};
const ESXI: VolumeFacts = VolumeFacts {
    level: Level::File,
    ..GIVEN
};
const OURS_RAW: VolumeFacts = VolumeFacts {
    full_clone_from: &[State::Base, State::Current],
    template: true,
    ..LVM_RAW
};
const OURS_QCOW2: VolumeFacts = VolumeFacts {
    initially_zero: true,
    snapshots: Snapshots::CHAIN,
    full_clone_from: State::ALL,
    ..OURS_RAW
};

/// What is true of a volume of this format on a storage of this type, with the storage's options as
/// they are by default; none where there are no such volumes.
pub fn facts(storage: StorageType, format: VolumeFormat) -> Option<VolumeFacts> {
    use StorageType::*;
    use VolumeFormat::*;
    Some(match (storage, format) {
        (Dir | Nfs | Cifs, Raw) => FILE_RAW,
        (Dir | Nfs | Cifs, Qcow2) => FILE_QCOW2,
        (Dir | Nfs | Cifs, Vmdk) => FILE_VMDK,
        (Dir, Subvol) => FILE_SUBVOL,
        (Btrfs, Raw) => BTRFS_RAW,
        (Btrfs, Subvol) => BTRFS_SUBVOL,
        (ZfsPool, Raw) => ZFS_RAW,
        (ZfsPool, Subvol) => ZFS_SUBVOL,
        (Zfs, Raw) => ZFS_ISCSI_RAW,
        (Lvm, Raw) => LVM_RAW,
        (Lvm, Qcow2) => LVM_QCOW2,
        (LvmThin, Raw) => LVM_THIN_RAW,
        (Rbd, Raw) => RBD_RAW,
        (Iscsi | IscsiDirect, Raw) => GIVEN,
        (Esxi, Raw | Qcow2 | Vmdk) => ESXI,
        (LvmQcow2, Raw) => OURS_RAW,
        (LvmQcow2, Qcow2) => OURS_QCOW2,
        _ => return None,
    })
}

/// The snapshots of a volume of this format if they are images of their own.
pub fn snapshots_as_chain(format: VolumeFormat) -> Snapshots {
    match format {
        VolumeFormat::Qcow2 => Snapshots::CHAIN,
        _ => Snapshots::NONE,
    }
}
