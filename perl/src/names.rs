//! The raw functions behind `PVE::Native::ImageName`.

use perlmod::Value;
use pve_native_core::snapshot::names::{ImageName, Part, Scheme, SnapshotName, Standing};
use pve_native_core::snapshot::names::{Purpose, VolumeName};
use pve_native_core::text::printable;
use pve_native_core::{Error, Result};
use serde::Serialize;

use crate::args::{flag, optional, required};

/// What a name says, with Perl's keys.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Meaning {
    volume: String,
    owner: Option<String>,
    base: bool,
    purpose: &'static str,
    part: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot: Option<String>,
    format: &'static str,
    standing: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<u32>,
    snapshots: bool,
}

impl Meaning {
    fn new(scheme: Scheme, image: &ImageName) -> Self {
        let (standing, number) = match image.standing {
            Standing::Kept => ("kept", None),
            Standing::Unfinished => ("unfinished", None),
            Standing::Removed(number) => ("removed", number),
        };
        let volume = &image.volume;
        Meaning {
            volume: volume.to_string(),
            owner: volume.owner().map(Into::into),
            base: volume.is_base(),
            purpose: match volume.purpose() {
                Purpose::Disk => "disk",
                Purpose::CloudInit => "cloudinit",
                Purpose::State => "state",
                Purpose::Fleece => "fleece",
                Purpose::Other => "other",
            },
            part: match image.part {
                Part::Current => "current",
                Part::Snapshot { .. } => "snapshot",
                Part::Bottom => "bottom",
            },
            snapshot: image.part.snapshot_name().map(ToString::to_string),
            format: image.format().name(),
            standing,
            number,
            snapshots: scheme.has_snapshot_images(volume),
        }
    }
}

/// The scheme that a value names.
fn scheme(value: &Value) -> Result<Scheme> {
    Scheme::from_name(required("scheme", value)?)
}

/// The volume that a value names.
fn volume(scheme: Scheme, value: &Value) -> Result<VolumeName> {
    VolumeName::new(scheme, required("volume", value)?)
}

/// Which image of the volume: the current one without a snapshot.
fn part(snapshot: &Value, raw: &Value) -> Result<Part> {
    let raw = flag("raw", raw)?;
    match optional("snapshot", snapshot)? {
        None | Some(b"current") => Ok(Part::Current),
        Some(name) => Ok(Part::Snapshot {
            name: SnapshotName::new(name)?,
            raw,
        }),
    }
}

/// The standing that a word says.
fn standing(value: &Value) -> Result<Standing> {
    match optional("standing", value)? {
        None | Some(b"kept") => Ok(Standing::Kept),
        Some(b"unfinished") => Ok(Standing::Unfinished),
        Some(other) => Err(Error::argument(format!(
            "unknown standing '{}'",
            printable(other)
        ))),
    }
}

/// The meaning of a name that must have one.
fn understood(scheme: Scheme, name: &[u8]) -> Result<ImageName> {
    scheme.parse(name).ok_or_else(|| {
        Error::argument(format!(
            "'{}' is no image's name in the layout {}",
            printable(name),
            scheme.name()
        ))
    })
}

#[perlmod::package(name = "PVE::Native::RS::Names", lib = "Native")]
mod export {
    use perlmod::Value;
    use pve_native_core::snapshot::names::{ImageName, legacy};

    use super::{Meaning, part, scheme, standing, understood, volume};
    use crate::args::{elements, optional, required};
    use crate::failure::Failure;

    /// Function: what a name says, or undef.
    #[export(serialize_error)]
    fn parse(#[raw] layout: Value, #[raw] name: Value) -> Result<Option<Meaning>, Failure> {
        let scheme = scheme(&layout)?;
        let image = scheme.parse(required("name", &name)?);
        Ok(image.map(|image| Meaning::new(scheme, &image)))
    }

    /// Function: the name of an image.
    #[export(serialize_error)]
    fn form(
        #[raw] layout: Value,
        #[raw] name: Value,
        #[raw] snapshot: Value,
        #[raw] raw: Value,
        #[raw] word: Value,
    ) -> Result<String, Failure> {
        let scheme = scheme(&layout)?;
        let image = ImageName::new(volume(scheme, &name)?, part(&snapshot, &raw)?);
        Ok(scheme.form(&image.with_standing(standing(&word)?))?)
    }

    /// Function: the name that the image of this name gets when it is removed; `taken` is a
    /// reference to an array of the names that there are.
    #[export(serialize_error)]
    fn removed(
        #[raw] layout: Value,
        #[raw] name: Value,
        #[raw] taken: Value,
    ) -> Result<String, Failure> {
        let scheme = scheme(&layout)?;
        let image = understood(scheme, required("name", &name)?)?;
        let taken = elements(&taken).unwrap_or_default();
        let taken = taken.iter().map(|value| required("name", value));
        let taken = taken.collect::<Result<Vec<_>, _>>()?;
        let removed = scheme.next_removed(&image, |name| taken.contains(&name.as_bytes()))?;
        Ok(scheme.form(&removed)?)
    }

    /// Function: dies if no volume, or none that can have snapshots, can be made under this name.
    #[export(serialize_error)]
    fn check_volume(
        #[raw] layout: Value,
        #[raw] name: Value,
        #[raw] group: Value,
    ) -> Result<(), Failure> {
        let scheme = scheme(&layout)?;
        let group = optional("group", &group)?.map(String::from_utf8_lossy);
        Ok(scheme.check_volume(&volume(scheme, &name)?, group.as_deref())?)
    }

    /// Function: dies if no snapshot of the volume can be called so.
    #[export(serialize_error)]
    fn check_snapshot(
        #[raw] layout: Value,
        #[raw] name: Value,
        #[raw] snapshot: Value,
        #[raw] group: Value,
    ) -> Result<(), Failure> {
        let scheme = scheme(&layout)?;
        let group = optional("group", &group)?.map(String::from_utf8_lossy);
        let part = part(&snapshot, &Value::new_undef())?;
        let image = ImageName::new(volume(scheme, &name)?, part);
        Ok(scheme.check_new(&image, group.as_deref())?)
    }

    /// Function: in the layout of 2024, the snapshot after which the overlay called `name` was
    /// begun for the volume, or undef.
    #[export(serialize_error)]
    fn overlay_of(
        #[raw] layout: Value,
        #[raw] volume_name: Value,
        #[raw] name: Value,
    ) -> Result<Option<String>, Failure> {
        let volume = volume(scheme(&layout)?, &volume_name)?;
        let snapshot = legacy::overlay_of(&volume, required("name", &name)?);
        Ok(snapshot.map(|snapshot| snapshot.to_string()))
    }
}
