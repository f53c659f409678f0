//! The names of the 2024 proposal for LVM with external snapshots (`lvmqcow2`, never merged).
//!
//! There the volume is the raw `vm-100-disk-0`, and `vm-100-disk-0-snap-NAME.qcow2` holds what was
//! written **after** snapshot NAME was taken: the state at NAME is what it stands on. The names are
//! those of [`Scheme::LvmQcow2`](super::Scheme) for another meaning; which one counts, only the
//! images can tell ([`graph`](crate::snapshot::graph)).

use super::{Purpose, SnapshotName, VolumeName};
use crate::image::ImageFormat;

/// The snapshot after which the overlay called `name` was begun, for the volume `volume` of that
/// layout.
pub fn overlay_of(volume: &VolumeName, name: &[u8]) -> Option<SnapshotName> {
    if !can_have_overlays(volume) {
        return None;
    }
    let rest = std::str::from_utf8(name).ok()?;
    let rest = rest.strip_prefix(volume.as_str())?;
    SnapshotName::found(rest.strip_prefix("-snap-")?.strip_suffix(".qcow2")?)
}

/// Whether a volume of that layout can be called so: it is a raw disk.
pub fn can_have_overlays(volume: &VolumeName) -> bool {
    volume.format() == ImageFormat::Raw && volume.purpose() == Purpose::Disk
}

#[cfg(test)]
mod tests {
    use super::super::Scheme;
    use super::*;

    #[test]
    fn overlays_belong_to_one_disk() {
        let volume = |name: &str| VolumeName::new(Scheme::LvmQcow2, name.as_bytes()).unwrap();
        let of = |v: &str, n: &str| overlay_of(&volume(v), n.as_bytes()).map(|s| s.to_string());
        assert_eq!(
            of("vm-100-disk-1", "vm-100-disk-1-snap-ab.qcow2"),
            Some("ab".into())
        );
        assert_eq!(
            of("base-100-disk-1", "base-100-disk-1-snap-ab.qcow2"),
            Some("ab".into())
        );
        // The proposal took this one, too.
        assert_eq!(of("vm-100-disk-1", "vm-100-disk-10-snap-ab.qcow2"), None);
        assert_eq!(of("vm-100-disk-1", "vm-100-disk-1-snap-ab"), None);
        assert_eq!(
            of("vm-100-disk-1.qcow2", "vm-100-disk-1-snap-ab.qcow2"),
            None
        );
        assert_eq!(
            of("vm-100-cloudinit", "vm-100-cloudinit-snap-ab.qcow2"),
            None
        );
    }
}
