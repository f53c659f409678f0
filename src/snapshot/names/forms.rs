//! The forms of the names, layout by layout, put together and taken apart.

use super::volume::{QCOW2, owner_length};
use super::{Part, Purpose, Scheme, SnapshotName, Standing, VolumeName};
use crate::error::{Error, Result};
use crate::image::ImageFormat;

/// Stands before the name of a logical volume that is being made.
const NEW: &str = "new-";
/// Stands before the name of one that is being removed; Proxmox VE's word.
const REMOVED: &str = "del-";
/// Stands behind the name of a file that is being made. No image ends so: it is not listed.
const NEW_FILE: &str = ".new";
/// Stands behind the name of one that is being removed.
const REMOVED_FILE: &str = ".del";
/// Between volume and snapshot in our names.
const SNAP: &str = "-snap-";
/// Ends the name of an adopted volume's raw image.
const BOTTOM: &str = "-base";

impl Scheme {
    /// The name, which may mean something else as well.
    pub(super) fn form_unchecked(
        self,
        volume: &VolumeName,
        part: &Part,
        standing: Standing,
    ) -> Result<String> {
        let name = self.form_kept(volume, part)?;
        Ok(match (standing, self.is_lvm()) {
            (Standing::Kept, _) => name,
            (Standing::Unfinished, true) => format!("{NEW}{name}"),
            (Standing::Unfinished, false) => format!("{name}{NEW_FILE}"),
            (Standing::Removed(None), true) => format!("{REMOVED}{name}"),
            (Standing::Removed(None), false) => format!("{name}{REMOVED_FILE}"),
            (Standing::Removed(Some(number)), true) => format!("{REMOVED}{number}-{name}"),
            (Standing::Removed(Some(number)), false) => format!("{name}{REMOVED_FILE}-{number}"),
        })
    }

    fn form_kept(self, volume: &VolumeName, part: &Part) -> Result<String> {
        if *part != Part::Current {
            self.check_has_snapshots(volume)?;
        }
        let stem = volume.stem();
        match (self, part) {
            (_, Part::Current) => Ok(volume.as_str().into()),
            (Scheme::LvmQcow2, Part::Snapshot { name, raw: false }) => {
                Ok(format!("{stem}{SNAP}{name}{QCOW2}"))
            }
            (Scheme::LvmQcow2, Part::Snapshot { name, raw: true }) => {
                Ok(format!("{stem}{SNAP}{name}"))
            }
            (Scheme::LvmQcow2, Part::Bottom) => Ok(format!("{stem}{BOTTOM}")),
            (Scheme::PveLvm, Part::Snapshot { name, raw: false }) => {
                Ok(format!("snap_{stem}_{name}{QCOW2}"))
            }
            (Scheme::PveDir, Part::Snapshot { name, raw: false }) => {
                Ok(format!("snap-{name}-{volume}"))
            }
            _ => Err(Error::argument(format!(
                "layout {} has no raw images in a volume's chain",
                self.name()
            ))),
        }
    }

    fn check_has_snapshots(self, volume: &VolumeName) -> Result<()> {
        if self.has_snapshot_images(volume) {
            return Ok(());
        }
        let why = if self == Scheme::Internal {
            "they lie within the image"
        } else if volume.purpose() == Purpose::State {
            "it belongs to a snapshot itself"
        } else {
            "it is no qcow2 volume"
        };
        Err(Error::argument(format!(
            "volume '{volume}' has no images of snapshots: {why}"
        )))
    }

    /// The name that an image has when it is kept, and whether it is.
    pub(super) fn split_standing(self, name: &str) -> Option<(&str, Standing)> {
        if self.is_lvm() {
            if let Some(name) = name.strip_prefix(NEW) {
                return Some((name, Standing::Unfinished));
            }
            let Some(rest) = name.strip_prefix(REMOVED) else {
                return Some((name, Standing::Kept));
            };
            if !rest.starts_with(|c: char| c.is_ascii_digit()) {
                return Some((rest, Standing::Removed(None)));
            }
            let (digits, name) = rest.split_once('-')?;
            return Some((name, Standing::Removed(Some(number(digits)?))));
        }
        if let Some(name) = name.strip_suffix(NEW_FILE) {
            return Some((name, Standing::Unfinished));
        }
        if let Some(name) = name.strip_suffix(REMOVED_FILE) {
            return Some((name, Standing::Removed(None)));
        }
        match name.rsplit_once(".del-") {
            Some((name, digits)) => Some((name, Standing::Removed(Some(number(digits)?)))),
            None => Some((name, Standing::Kept)),
        }
    }

    /// What the name of an image that is kept says.
    pub(super) fn parse_kept(self, name: &str) -> Option<(VolumeName, Part)> {
        match self {
            Scheme::LvmQcow2 => parse_ours(name),
            Scheme::PveLvm => parse_pve_lvm(name),
            Scheme::PveDir => parse_pve_dir(name),
            Scheme::Internal => Some((self.volume(name)?, Part::Current)),
        }
    }

    /// Which image of `volume` is kept under this name, other than the current one.
    pub(super) fn parse_part_of(self, volume: &VolumeName, name: &str) -> Option<Part> {
        if !self.has_snapshot_images(volume) {
            return None;
        }
        let stem = volume.stem();
        let (snapshot, raw) = match self {
            Scheme::LvmQcow2 => {
                let rest = name.strip_prefix(stem)?;
                if rest == BOTTOM {
                    return Some(Part::Bottom);
                }
                let rest = rest.strip_prefix(SNAP)?;
                match rest.strip_suffix(QCOW2) {
                    Some(snapshot) => (snapshot, false),
                    None => (rest, true),
                }
            }
            Scheme::PveLvm => {
                let rest = name.strip_prefix("snap_")?.strip_prefix(stem)?;
                (rest.strip_prefix('_')?.strip_suffix(QCOW2)?, false)
            }
            Scheme::PveDir => {
                let rest = name.strip_prefix("snap-")?;
                let rest = rest.strip_suffix(volume.as_str())?;
                (rest.strip_suffix('-')?, false)
            }
            Scheme::Internal => return None,
        };
        let name = SnapshotName::found(snapshot)?;
        Some(Part::Snapshot { name, raw })
    }

    fn volume(self, name: &str) -> Option<VolumeName> {
        VolumeName::new(self, name.as_bytes()).ok()
    }
}

/// A number as it is written here: no sign, no leading zero.
fn number(digits: &str) -> Option<u32> {
    let number = digits.parse().ok()?;
    (u32::to_string(&number) == digits).then_some(number)
}

/// `vm-100-disk-0.qcow2`, `vm-100-disk-0-snap-NAME.qcow2`, `vm-100-disk-0-snap-NAME`,
/// `vm-100-disk-0-base`, `vm-100-disk-0`. The first `-snap-` ends the volume; the name of a state
/// volume, which has the name of a snapshot in it, is never taken apart.
fn parse_ours(name: &str) -> Option<(VolumeName, Part)> {
    let scheme = Scheme::LvmQcow2;
    let whole = || Some((scheme.volume(name)?, Part::Current));
    let owner = owner_length(name);
    let (stem, raw) = match name.strip_suffix(QCOW2) {
        Some(stem) => (stem, false),
        None => (name, true),
    };
    let rest = stem.get(owner..)?;
    if rest.starts_with("state-") {
        return whole();
    }
    let qcow2_volume = |stem: &str| {
        let volume = scheme.volume(&format!("{stem}{QCOW2}"))?;
        (volume.purpose() != Purpose::State).then_some(volume)
    };
    // The volume has at least one character of its own.
    if let Some(at) = rest.get(1..).and_then(|rest| rest.find(SNAP)) {
        let (volume, snapshot) = stem.split_at(owner + 1 + at);
        let name = SnapshotName::found(&snapshot[SNAP.len()..])?;
        return Some((qcow2_volume(volume)?, Part::Snapshot { name, raw }));
    }
    match rest.strip_suffix(BOTTOM) {
        Some(own) if raw && !own.is_empty() => {
            let volume = qcow2_volume(&stem[..stem.len() - BOTTOM.len()])?;
            Some((volume, Part::Bottom))
        }
        _ => whole(),
    }
}

/// `vm-100-disk-0.qcow2`, `snap_vm-100-disk-0_NAME.qcow2`, `vm-100-disk-0`. Snapshots have
/// underscores more often than volumes: the first one ends the volume.
fn parse_pve_lvm(name: &str) -> Option<(VolumeName, Part)> {
    let scheme = Scheme::PveLvm;
    let Some(rest) = name.strip_prefix("snap_") else {
        return Some((scheme.volume(name)?, Part::Current));
    };
    let (stem, snapshot) = rest.strip_suffix(QCOW2)?.split_once('_')?;
    let volume = scheme.volume(&format!("{stem}{QCOW2}"))?;
    let part = Part::snapshot(SnapshotName::found(snapshot)?);
    // `vm-100-x.qcow2` as a stem would make a volume `vm-100-x.qcow2.qcow2`, which is one.
    scheme
        .has_snapshot_images(&volume)
        .then_some((volume, part))
}

/// `vm-100-disk-0.qcow2`, `snap-NAME-vm-100-disk-0.qcow2`. Snapshots have `-vm-100-` in their names
/// more often than volumes: the last one begins the volume.
fn parse_pve_dir(name: &str) -> Option<(VolumeName, Part)> {
    let scheme = Scheme::PveDir;
    let snapshot = name.strip_prefix("snap-").filter(|_| name.ends_with(QCOW2));
    let Some(rest) = snapshot else {
        return Some((scheme.volume(name)?, Part::Current));
    };
    let hyphens = rest.rmatch_indices('-').map(|(at, _)| at);
    let at = hyphens
        .into_iter()
        .find(|at| owner_length(&rest[at + 1..]) > 0)?;
    let volume = scheme.volume(&rest[at + 1..])?;
    let named = volume.owner().is_some() && volume.format() == ImageFormat::Qcow2;
    let part = Part::snapshot(SnapshotName::found(&rest[..at])?);
    (named && scheme.has_snapshot_images(&volume)).then_some((volume, part))
}
