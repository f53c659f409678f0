//! How a plan calls images: each by what it is to be, and none as another that is there.

use super::draft::Draft;
use super::step::Reference;
use crate::error::{Error, Result};
use crate::image::ImageFormat;
use crate::snapshot::names::{ImageName, Part, Scheme, SnapshotName, Standing, VolumeName};

impl Draft<'_> {
    /// The layout of the volume's names.
    pub fn scheme(&self) -> Scheme {
        self.subject.scheme()
    }

    /// The name of an image of this volume.
    pub fn name(&self, part: &Part) -> Result<String> {
        self.name_of(self.subject.volume(), part, Standing::Kept)
    }

    /// The name of an image.
    pub fn name_of(&self, volume: &VolumeName, part: &Part, standing: Standing) -> Result<String> {
        let image = ImageName::new(volume.clone(), part.clone()).with_standing(standing);
        self.scheme().form(&image)
    }

    /// The name that a snapshot's new image gets.
    pub fn new_snapshot_name(&self, name: &SnapshotName) -> Result<String> {
        let image = ImageName::new(self.subject.volume().clone(), Part::snapshot(name.clone()));
        self.scheme().check_new(&image, self.site.group())?;
        self.scheme().form(&image)
    }

    /// The name under which the image is made that is to be `part` of the volume.
    pub fn unfinished(&self, part: &Part) -> Result<String> {
        self.name_of(self.subject.volume(), part, Standing::Unfinished)
    }

    /// The next free name under which the image that is `part` of the volume waits for its removal.
    pub fn removed(&self, part: &Part) -> Result<String> {
        let image = ImageName::new(self.subject.volume().clone(), part.clone());
        let taken = |name: &str| self.images.contains_key(name);
        let image = self.scheme().next_removed(&image, taken)?;
        self.scheme().form(&image)
    }

    /// An error if there is an image of that name, or one that storage may take for the same.
    pub fn must_be_free(&self, name: &str) -> Result<()> {
        let same = |other: &&String| match self.scheme().is_lvm() {
            true => *other == name,
            false => other.eq_ignore_ascii_case(name),
        };
        match self.images.keys().find(same) {
            None => Ok(()),
            Some(other) if other == name => Err(Error::argument(format!(
                "there is an image '{name}' already; see what a diagnosis says"
            ))),
            Some(other) => Err(Error::argument(format!(
                "'{name}' and '{other}' are one name where case does not count"
            ))),
        }
    }

    /// The tags of a volume's images.
    pub fn tags(&self, volume: &VolumeName) -> Vec<String> {
        tags(self.scheme(), volume)
    }

    /// The reference to the volume's image with this name, which lies in the same folder.
    pub fn reference(&self, name: &str, format: ImageFormat) -> Option<Reference> {
        Some(Reference {
            name: name.to_owned(),
            format,
        })
    }
}

/// The tags of a volume's images: its guest, and in our own layout itself.
pub fn tags(scheme: Scheme, volume: &VolumeName) -> Vec<String> {
    let mut tags = Vec::new();
    if let Some(owner) = volume.owner() {
        tags.push(format!("pve-vm-{owner}"));
    }
    if scheme == Scheme::LvmQcow2 {
        tags.push(format!("pve-{}", volume.stem()));
    }
    tags
}
