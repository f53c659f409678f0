//! What an image is called, and what a name says: one function forms a name, one understands it, and
//! what one makes the other understands, so that no two images can have one name.
//!
//! The layouts are those of Proxmox VE 9's directory and LVM plugins and our own; see
//! `docs/snapshots.md`. A name that means two things is refused when it is made, and understood as
//! the plugins do where it is found ([`Scheme::parse_for`]).

mod forms;
mod guess;
pub mod legacy;
pub mod lvm;
mod snapshot;
#[cfg(test)]
mod tests;
mod volume;

pub use snapshot::SnapshotName;
pub use volume::{Purpose, VolumeName};

use std::fmt;

use crate::codes::codes;
use crate::error::{Error, Result};
use crate::image::ImageFormat;
use crate::limits;
use crate::text::printable;

codes! {
    /// How the images of a volume are called.
    pub enum Scheme {
        /// Ours, on LVM: `vm-100-disk-0-snap-NAME.qcow2` beside `vm-100-disk-0.qcow2`.
        LvmQcow2 = "lvmqcow2",
        /// Proxmox VE's in directories: `snap-NAME-vm-100-disk-0.qcow2`.
        PveDir = "pve-dir",
        /// Proxmox VE's on LVM: `snap_vm-100-disk-0_NAME.qcow2`.
        PveLvm = "pve-lvm",
        /// Snapshots within one qcow2 image.
        Internal = "internal",
    }
}

impl Scheme {
    /// The scheme that a caller names.
    pub fn from_name(name: &[u8]) -> Result<Self> {
        let found = Self::ALL.iter().find(|s| s.name().as_bytes() == name);
        found
            .copied()
            .ok_or_else(|| Error::argument(format!("unknown scheme '{}'", printable(name))))
    }

    /// Whether images are logical volumes.
    pub fn is_lvm(self) -> bool {
        matches!(self, Scheme::LvmQcow2 | Scheme::PveLvm)
    }
}

/// Which of a volume's images it is. Ordered as they stand on each other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The one that the guest writes to.
    Current,
    /// The one that holds the state of a snapshot.
    Snapshot {
        /// The snapshot.
        name: SnapshotName,
        /// Its format; raw only in [`Scheme::LvmQcow2`], under an adopted volume.
        raw: bool,
    },
    /// The raw image of an adopted volume ([`Scheme::LvmQcow2`]), on which all others stand.
    Bottom,
}

impl Part {
    /// A snapshot's image in qcow2.
    pub fn snapshot(name: SnapshotName) -> Self {
        Part::Snapshot { name, raw: false }
    }

    /// The name of the snapshot.
    pub fn snapshot_name(&self) -> Option<&SnapshotName> {
        match self {
            Part::Snapshot { name, .. } => Some(name),
            Part::Current | Part::Bottom => None,
        }
    }
}

/// How an image counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// It belongs to the volume.
    Kept,
    /// It is being made: not complete, and nothing stands on it.
    Unfinished,
    /// It is about to be removed: not part of the volume any more. The number keeps apart what was
    /// removed under one name; Proxmox VE gives none.
    Removed(Option<u32>),
}

/// What the name of an image says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ImageName {
    /// The volume that it belongs to.
    pub volume: VolumeName,
    /// Which of its images it is.
    pub part: Part,
    /// Whether it counts.
    pub standing: Standing,
}

impl ImageName {
    /// An image that belongs to the volume.
    pub fn new(volume: VolumeName, part: Part) -> Self {
        let standing = Standing::Kept;
        ImageName {
            volume,
            part,
            standing,
        }
    }

    /// The same while it is being made, or removed.
    #[must_use]
    pub fn with_standing(mut self, standing: Standing) -> Self {
        self.standing = standing;
        self
    }

    /// The format, which the name alone says.
    pub fn format(&self) -> ImageFormat {
        format_of(&self.volume, &self.part)
    }
}

/// The format of an image by its name.
fn format_of(volume: &VolumeName, part: &Part) -> ImageFormat {
    match part {
        Part::Current => volume.format(),
        Part::Snapshot { raw: false, .. } => ImageFormat::Qcow2,
        Part::Snapshot { raw: true, .. } | Part::Bottom => ImageFormat::Raw,
    }
}

/// In words: `snapshot 'a' of 'vm-100-disk-0.qcow2'`.
impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.standing {
            Standing::Kept => {}
            Standing::Unfinished => f.write_str("unfinished ")?,
            Standing::Removed(_) => f.write_str("removed ")?,
        }
        match &self.part {
            Part::Current => write!(f, "volume '{}'", self.volume),
            Part::Snapshot { name, raw } => {
                let raw = if *raw { "raw " } else { "" };
                write!(f, "{raw}snapshot '{name}' of '{}'", self.volume)
            }
            Part::Bottom => write!(f, "raw bottom of '{}'", self.volume),
        }
    }
}

/// An image seen from a volume that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Which of the volume's images it is.
    pub part: Part,
    /// Whether it counts.
    pub standing: Standing,
}

impl Member {
    /// The format of this image of `volume`, which its name alone says.
    pub fn format(&self, volume: &VolumeName) -> ImageFormat {
        format_of(volume, &self.part)
    }
}

impl Scheme {
    /// The name of this image. An error if there is no such image in this layout, if storage takes
    /// no such name, or if the name means something else.
    pub fn form(self, image: &ImageName) -> Result<String> {
        let name = self.form_unchecked(&image.volume, &image.part, image.standing)?;
        if self.is_lvm() {
            lvm::check_name(&name)?;
        } else if name.len() > limits::FILE_NAME {
            let (length, most) = (name.len(), limits::FILE_NAME);
            return Err(Error::argument(format!(
                "no file can be called '{name}': it has {length} bytes, and {most} are allowed"
            )));
        }
        match self.parse(name.as_bytes()) {
            Some(found) if found == *image => Ok(name),
            Some(found) => Err(Error::argument(format!(
                "the {image} would be called '{name}', which is the name of the {found}"
            ))),
            None => Err(Error::argument(format!(
                "the {image} would be called '{name}', which is no image's name"
            ))),
        }
    }

    /// What this name says, if it is one that [`form`](Self::form) makes, or that of an image that
    /// Proxmox VE has renamed to remove it.
    pub fn parse(self, name: &[u8]) -> Option<ImageName> {
        let (name, standing) = self.split_standing(std::str::from_utf8(name).ok()?)?;
        let (volume, part) = self.parse_kept(name)?;
        Some(ImageName::new(volume, part).with_standing(standing))
    }

    /// What this name says to somebody who looks for the images of `volume`. Unlike
    /// [`parse`](Self::parse) this follows Proxmox VE where a name means two things, and takes such
    /// a name for an image of each of the two volumes.
    pub fn parse_for(self, volume: &VolumeName, name: &[u8]) -> Option<Member> {
        let (name, standing) = self.split_standing(std::str::from_utf8(name).ok()?)?;
        let part = match name == volume.as_str() {
            true => Part::Current,
            false => self.parse_part_of(volume, name)?,
        };
        Some(Member { part, standing })
    }

    /// Whether an image can be made under this name: it can be formed, so can its names while it is
    /// made and when it is removed, and LVM can activate it in the volume group, if one is given.
    pub fn check_new(self, image: &ImageName, group: Option<&str>) -> Result<()> {
        let standings = [
            image.standing,
            Standing::Unfinished,
            Standing::Removed(Some(u32::MAX)),
        ];
        for standing in standings {
            let name = self.form(&image.clone().with_standing(standing))?;
            if let (Some(group), true) = (group, self.is_lvm()) {
                lvm::check_in_group(group, &name)?;
            }
        }
        Ok(())
    }

    /// Whether a volume can be made under this name. One that can have snapshots is refused if
    /// their names would mean something else, or be too long.
    pub fn check_volume(self, volume: &VolumeName, group: Option<&str>) -> Result<()> {
        self.check_new(&ImageName::new(volume.clone(), Part::Current), group)?;
        if self.has_snapshot_images(volume) {
            if let Some(longest) = SnapshotName::found(&"x".repeat(limits::SNAPSHOT_NAME)) {
                let image = ImageName::new(volume.clone(), Part::snapshot(longest));
                self.check_new(&image, group)?;
            }
        }
        Ok(())
    }

    /// Whether the volume's snapshots, if it has any, are images of their own.
    pub fn has_snapshot_images(self, volume: &VolumeName) -> bool {
        self != Scheme::Internal
            && volume.format() == ImageFormat::Qcow2
            && volume.purpose() != Purpose::State
    }

    /// The standing of an image that is about to be removed: with the first number under which no
    /// name is `taken` yet. An error if the name cannot be formed.
    pub fn next_removed(
        self,
        image: &ImageName,
        mut taken: impl FnMut(&str) -> bool,
    ) -> Result<ImageName> {
        let mut number = 0u32;
        loop {
            let removed = Standing::Removed(Some(number));
            let image = image.clone().with_standing(removed);
            if !taken(&self.form(&image)?) {
                return Ok(image);
            }
            number = number
                .checked_add(1)
                .ok_or_else(|| Error::limit("all numbers for removed images are taken"))?;
        }
    }
}
