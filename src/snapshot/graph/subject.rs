//! Which volume a graph is about, and what a caller has listed of it.

use crate::error::{Error, Result};
use crate::snapshot::names::{ImageName, Part, Scheme, SnapshotName, VolumeName};
use crate::text::printable;

/// The volume that a graph is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    scheme: Scheme,
    volume: VolumeName,
    /// The owner's folder, which directories have before the name.
    folder: Option<Box<str>>,
    storage: Option<Box<str>>,
}

impl Subject {
    /// The volume that Proxmox VE calls `volname`: on directories with its owner's folder, and with
    /// that of its base before it if it is a linked clone. `storage` is the storage's ID, which is
    /// needed only for the volume IDs of answers.
    pub fn new(scheme: Scheme, volname: &[u8], storage: Option<&[u8]>) -> Result<Self> {
        let mut parts = volname.rsplitn(3, |&b| b == b'/');
        let name = parts.next().unwrap_or_default();
        let folder = parts.next();
        if folder.is_some() && scheme.is_lvm() {
            let name = printable(volname);
            return Err(Error::argument(format!("no volume is called '{name}'")));
        }
        let folder = match folder.map(std::str::from_utf8) {
            None => None,
            Some(Ok(folder)) if is_number(folder) => Some(folder.into()),
            Some(_) => {
                let name = printable(volname);
                return Err(Error::argument(format!(
                    "no volume is called '{name}': its folder is no number"
                )));
            }
        };
        let storage = storage.map(storage_id).transpose()?;
        let volume = VolumeName::new(scheme, name)?;
        Ok(Subject {
            scheme,
            volume,
            folder,
            storage,
        })
    }

    /// The volume that the image at `path` belongs to, as far as names say it.
    pub fn of_image(scheme: Scheme, path: &[u8], storage: Option<&[u8]>) -> Result<Self> {
        let mut parts = path.rsplit(|&b| b == b'/');
        let name = parts.next().unwrap_or_default();
        let Some(ImageName { volume, .. }) = scheme.parse(name) else {
            let name = printable(name);
            let scheme = scheme.name();
            return Err(Error::argument(format!(
                "'{name}' is no image's name in the layout {scheme}"
            )));
        };
        let above = parts.next().and_then(|p| std::str::from_utf8(p).ok());
        let folder = above.filter(|folder| !scheme.is_lvm() && is_number(folder));
        Ok(Subject {
            scheme,
            volume,
            folder: folder.map(Into::into),
            storage: storage.map(storage_id).transpose()?,
        })
    }

    /// How its images are called.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The volume's name, without a folder.
    pub fn volume(&self) -> &VolumeName {
        &self.volume
    }

    /// What Proxmox VE calls the image with this name: on directories with the owner's folder.
    pub fn volname(&self, name: &[u8]) -> Vec<u8> {
        match &self.folder {
            Some(folder) => [folder.as_bytes(), b"/", name].concat(),
            None => name.to_vec(),
        }
    }

    /// The volume ID of the image with this name, if the storage is known.
    pub fn volid(&self, name: &[u8]) -> Option<Vec<u8>> {
        let storage = self.storage.as_ref()?;
        Some([storage.as_bytes(), b":", &self.volname(name)].concat())
    }

    /// Whether names of this volume's images can mean something else. That is the same for all of
    /// its snapshots: in each layout it is the volume's name that is split in two ways.
    pub(super) fn is_ambiguous(&self) -> bool {
        let forms = |part| {
            let image = ImageName::new(self.volume.clone(), part);
            self.scheme.form(&image).is_ok()
        };
        let any =
            SnapshotName::found("any").filter(|_| self.scheme.has_snapshot_images(&self.volume));
        !forms(Part::Current) || any.is_some_and(|any| !forms(Part::snapshot(any)))
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// The ID of a storage by Proxmox VE's rule: a letter first, a letter or digit last.
fn storage_id(id: &[u8]) -> Result<Box<str>> {
    let inner = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let is_id = id.len() > 1
        && id[0].is_ascii_alphabetic()
        && id[id.len() - 1].is_ascii_alphanumeric()
        && id.iter().all(inner);
    match std::str::from_utf8(id) {
        Ok(text) if is_id => Ok(text.into()),
        _ => {
            let id = printable(id);
            Err(Error::argument(format!("no storage is called '{id}'")))
        }
    }
}

/// One entry of a listing: a logical volume of the group, or a file of the owner's folder. Entries
/// that belong to other volumes may be among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// Its name in the group or the folder.
    pub name: Vec<u8>,
    /// The path under which it can be read. It need not be there: a logical volume that is not
    /// active has no device.
    pub path: Vec<u8>,
    /// Bytes of the volume or file, if known.
    pub size: Option<u64>,
    /// LVM's tags.
    pub tags: Vec<Vec<u8>>,
    /// Whether its device is suspended, as a command of LVM leaves it that is killed at the wrong moment:
    /// who reads it then waits until somebody resumes it. It is not opened, and counts as not active.
    pub suspended: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_is_called_as_proxmox_ve_does() {
        let subject = |scheme, name: &str| Subject::new(scheme, name.as_bytes(), Some(b"san"));
        let clone = "9000/base-9000-disk-0.qcow2/100/vm-100-disk-0.qcow2";
        let clone = subject(Scheme::PveDir, clone).unwrap();
        assert_eq!(clone.volid(b"x").unwrap(), b"san:100/x");
        assert_eq!(clone.volume().as_str(), "vm-100-disk-0.qcow2");
        let lvm = subject(Scheme::PveLvm, "vm-100-disk-0.qcow2").unwrap();
        assert_eq!(lvm.volid(b"x").unwrap(), b"san:x");
        for (scheme, name) in [
            (Scheme::PveLvm, "100/vm-100-disk-0.qcow2"),
            (Scheme::PveDir, "x/vm-100-disk-0.qcow2"),
            (Scheme::PveDir, "100/"),
            (Scheme::PveDir, "100/snap-ab-vm-100-disk-0.qcow2"),
        ] {
            assert!(subject(scheme, name).is_err(), "{name}");
        }
        for id in ["", "a", "1a", "a:", "ab-", "a b"] {
            assert!(Subject::new(Scheme::PveLvm, b"vm-100-x", Some(id.as_bytes())).is_err());
        }
    }

    #[test]
    fn an_image_says_which_volume_it_belongs_to() {
        let of = |scheme, path: &str| Subject::of_image(scheme, path.as_bytes(), Some(b"san"));
        let dir = of(Scheme::PveDir, "/p/images/100/snap-ab-vm-100-disk-0.qcow2").unwrap();
        let name = dir.volume().as_str().as_bytes();
        assert_eq!(dir.volid(name).unwrap(), b"san:100/vm-100-disk-0.qcow2");
        let lvm = of(Scheme::LvmQcow2, "/dev/vg/vm-100-disk-0-snap-ab").unwrap();
        assert_eq!(lvm.volume().as_str(), "vm-100-disk-0.qcow2");
        assert!(of(Scheme::LvmQcow2, "/dev/vg/root").is_err());
    }
}
