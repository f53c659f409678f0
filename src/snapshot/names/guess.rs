//! Which layout a volume has, for callers who do not say: as far as the path of one of its images and
//! the names beside it tell. A storage's configuration knows better.

use super::{Part, Scheme};
use crate::text::last_component;

impl Scheme {
    /// The layout in which the image at `path` has the most snapshots among the images with these
    /// `names`, which lie beside it. Where that does not decide, it is [`Scheme::LvmQcow2`] for a path
    /// under `/dev` and [`Scheme::PveDir`] for any other. Never [`Scheme::Internal`]: no name tells of
    /// snapshots within an image.
    pub fn guess<'a>(path: &[u8], names: impl Iterator<Item = &'a [u8]> + Clone) -> Scheme {
        let image = last_component(path);
        let schemes: &[Scheme] = match path.starts_with(b"/dev/") {
            true => &[Scheme::LvmQcow2, Scheme::PveLvm],
            false => &[Scheme::PveDir, Scheme::LvmQcow2, Scheme::PveLvm],
        };
        let snapshots = |scheme: Scheme| {
            let Some(image) = scheme.parse(image) else {
                return 0;
            };
            let is_snapshot = |name: &&[u8]| {
                let member = scheme.parse_for(&image.volume, name);
                member.is_some_and(|member| matches!(member.part, Part::Snapshot { .. }))
            };
            names.clone().filter(is_snapshot).count()
        };
        // Of equals the first.
        let by_snapshots = schemes
            .iter()
            .rev()
            .max_by_key(|&&scheme| snapshots(scheme));
        by_snapshots.copied().unwrap_or(Scheme::PveDir)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess(path: &str, names: &[&str]) -> Scheme {
        Scheme::guess(path.as_bytes(), names.iter().map(|name| name.as_bytes()))
    }

    #[test]
    fn the_snapshots_beside_an_image_tell_its_layout() {
        let volume = "vm-100-disk-0.qcow2";
        let ours = "vm-100-disk-0-snap-ab.qcow2";
        let lvm = "snap_vm-100-disk-0_ab.qcow2";
        let dir = "snap-ab-vm-100-disk-0.qcow2";
        for (folder, name, beside, scheme) in [
            ("/dev/vg", volume, &[][..], Scheme::LvmQcow2),
            ("/dev/vg", volume, &[volume, ours], Scheme::LvmQcow2),
            ("/dev/vg", volume, &[volume, lvm], Scheme::PveLvm),
            ("/dev/vg", lvm, &[lvm, volume], Scheme::PveLvm),
            ("/dev/vg", "vm-100-disk-0", &[], Scheme::LvmQcow2),
            ("/images/100", volume, &[], Scheme::PveDir),
            ("/images/100", volume, &[dir, volume], Scheme::PveDir),
            ("/images/100", dir, &[dir, volume], Scheme::PveDir),
            ("/images/100", ours, &[ours, volume], Scheme::LvmQcow2),
            ("/images/100", volume, &[ours, volume], Scheme::LvmQcow2),
            ("/images/100", volume, &[lvm, volume], Scheme::PveLvm),
            // Of another volume.
            (
                "/images/100",
                volume,
                &["vm-100-disk-1-snap-ab.qcow2"],
                Scheme::PveDir,
            ),
        ] {
            let path = format!("{folder}/{name}");
            assert_eq!(guess(&path, beside), scheme, "{path} beside {beside:?}");
        }
    }
}
