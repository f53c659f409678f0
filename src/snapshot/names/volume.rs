//! The name of a volume, without the folder of its owner: `vm-100-disk-0.qcow2`.
//!
//! What is taken is what Proxmox VE's plugins take (`parse_volname` of the directory and the LVM
//! plugin), and nothing that their storage could not hold.

use std::fmt;

use super::Scheme;
use super::lvm;
use crate::error::{Error, Result};
use crate::image::ImageFormat;
use crate::limits;
use crate::text::printable;

/// What a volume is for, as far as its name says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// `disk-N`: a guest's disk, its EFI variables or TPM state.
    Disk,
    /// `cloudinit`: a generated drive.
    CloudInit,
    /// `state-SNAPSHOT`: a guest's memory. It belongs to a snapshot, and has none itself.
    State,
    /// `fleece-N`: lives as long as a backup runs.
    Fleece,
    /// Anything else.
    Other,
}

/// The name of a volume.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct VolumeName {
    name: Box<str>,
    /// Bytes of the name before the extension that says the format.
    stem: usize,
    /// Bytes of `vm-100-` or `base-100-`; 0 where the name does not begin so.
    owner: usize,
}

impl VolumeName {
    /// The volume called `name`, or why there cannot be one. Whether it can have snapshots, and
    /// whether the name means something else as well, [`Scheme::check_volume`] says.
    pub fn new(scheme: Scheme, name: &[u8]) -> Result<Self> {
        let refused = |why: &str| {
            let name = printable(name);
            Error::argument(format!("no volume is called '{name}': {why}"))
        };
        let text = std::str::from_utf8(name).map_err(|_| refused("it is not UTF-8"))?;
        match scheme.is_lvm() {
            true => Self::on_lvm(text),
            false => Self::in_directory(text),
        }
        .map_err(|why| refused(&why))
    }

    fn on_lvm(name: &str) -> std::result::Result<Self, String> {
        let owner = owner_length(name);
        if owner == 0 {
            return Err("it does not begin with 'vm-' or 'base-' and a number".into());
        }
        // Stricter than LVM, which takes '+', and any end.
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
        if !name.bytes().all(allowed) {
            return Err("only letters, digits, '_', '.' and '-' are allowed".into());
        }
        if !name.ends_with(|c: char| c.is_ascii_alphanumeric()) {
            return Err("it ends with neither a letter nor a digit".into());
        }
        lvm::check_name(name).map_err(|error| error.to_string())?;
        let stem = name.strip_suffix(QCOW2).unwrap_or(name).len();
        if stem <= owner {
            return Err("nothing stands between the owner and the extension".into());
        }
        let name = name.into();
        Ok(VolumeName { name, stem, owner })
    }

    fn in_directory(name: &str) -> std::result::Result<Self, String> {
        if name.len() > limits::FILE_NAME {
            return Err(format!("it has more than {} bytes", limits::FILE_NAME));
        }
        if name.contains(|c: char| c == '/' || c.is_whitespace()) {
            return Err("it has a slash or white space".into());
        }
        if printable(name.as_bytes()) != name {
            return Err("it has characters that cannot be shown".into());
        }
        let stem = FILE_EXTENSIONS.iter().find_map(|e| name.strip_suffix(e));
        let Some(stem) = stem.map(str::len).filter(|&stem| stem > 0) else {
            return Err("it does not end in .qcow2, .raw or .vmdk".into());
        };
        if name.starts_with("snap-") && name.ends_with(QCOW2) {
            return Err("files that begin with 'snap-' are snapshots".into());
        }
        // `vm-100-.qcow2` is a file like any other.
        let owner = owner_length(name);
        let owner = if stem > owner { owner } else { 0 };
        let name = name.into();
        Ok(VolumeName { name, stem, owner })
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// The name without the extension that says the format.
    pub fn stem(&self) -> &str {
        &self.name[..self.stem]
    }

    /// The format, which the name alone says.
    pub fn format(&self) -> ImageFormat {
        match &self.name[self.stem..] {
            QCOW2 => ImageFormat::Qcow2,
            ".vmdk" => ImageFormat::Vmdk,
            _ => ImageFormat::Raw,
        }
    }

    /// The guest's number as it is written, if the name has one.
    pub fn owner(&self) -> Option<&str> {
        let start = self.name[..self.owner].strip_suffix('-')?;
        start.rsplit_once('-').map(|(_, digits)| digits)
    }

    /// Whether it is a template's: `base-100-…`.
    pub fn is_base(&self) -> bool {
        self.name[..self.owner].starts_with("base-")
    }

    /// What it is for.
    pub fn purpose(&self) -> Purpose {
        let rest = &self.stem()[self.owner..];
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if self.owner == 0 {
            Purpose::Other
        } else if rest == "cloudinit" {
            Purpose::CloudInit
        } else if rest.starts_with("state-") {
            Purpose::State
        } else if rest.strip_prefix("disk-").is_some_and(is_number) {
            Purpose::Disk
        } else if rest.strip_prefix("fleece-").is_some_and(is_number) {
            Purpose::Fleece
        } else {
            Purpose::Other
        }
    }
}

impl fmt::Display for VolumeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Debug for VolumeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.name, f)
    }
}

/// The extension of qcow2 images.
pub(super) const QCOW2: &str = ".qcow2";
/// The extensions of images in directories.
pub(super) const FILE_EXTENSIONS: [&str; 3] = [QCOW2, ".raw", ".vmdk"];

/// Bytes of `vm-NUMBER-` or `base-NUMBER-` at the start of `name`.
pub(super) fn owner_length(name: &str) -> usize {
    let Some(rest) = ["vm-", "base-"].iter().find_map(|s| name.strip_prefix(s)) else {
        return 0;
    };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    match rest.as_bytes().get(digits) {
        Some(b'-') if digits > 0 => name.len() - rest.len() + digits + 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_owner_purpose_and_format() {
        let cases = [
            (
                "vm-100-disk-0.qcow2",
                "100",
                Purpose::Disk,
                ImageFormat::Qcow2,
            ),
            ("vm-100-disk-0", "100", Purpose::Disk, ImageFormat::Raw),
            (
                "base-9000-disk-12.qcow2",
                "9000",
                Purpose::Disk,
                ImageFormat::Qcow2,
            ),
            (
                "vm-100-cloudinit",
                "100",
                Purpose::CloudInit,
                ImageFormat::Raw,
            ),
            (
                "vm-100-state-a-snap-b",
                "100",
                Purpose::State,
                ImageFormat::Raw,
            ),
            (
                "vm-100-fleece-0.qcow2",
                "100",
                Purpose::Fleece,
                ImageFormat::Qcow2,
            ),
            ("vm-100-disk-0x", "100", Purpose::Other, ImageFormat::Raw),
            ("vm-100-disk-0.raw", "100", Purpose::Other, ImageFormat::Raw),
        ];
        for (name, owner, purpose, format) in cases {
            let volume = VolumeName::new(Scheme::LvmQcow2, name.as_bytes()).unwrap();
            let found = (volume.owner(), volume.purpose(), volume.format());
            assert_eq!(found, (Some(owner), purpose, format), "{name}");
            assert_eq!(volume.is_base(), name.starts_with("base-"));
        }
    }

    #[test]
    fn directories_hold_other_names_too() {
        let volume = |name: &str| VolumeName::new(Scheme::PveDir, name.as_bytes());
        let disk = volume("vm-100-disk-0.vmdk").unwrap();
        assert_eq!(
            (disk.purpose(), disk.format()),
            (Purpose::Disk, ImageFormat::Vmdk)
        );
        let other = volume("import.raw").unwrap();
        assert_eq!((other.owner(), other.purpose()), (None, Purpose::Other));
        assert_eq!(volume("vm-100-.qcow2").unwrap().owner(), None);
        let refused = [
            "vm-100-disk-0",
            ".qcow2",
            "a b.raw",
            "a/b.raw",
            "snap-a-vm-100-disk-0.qcow2",
            "snap-.qcow2",
            "a\u{202e}.raw",
            "x.qcow2.new",
        ];
        for name in refused {
            assert!(volume(name).is_err(), "{name}");
        }
        assert!(volume(&("x".repeat(250) + ".raw")).is_ok());
        assert!(volume(&("x".repeat(252) + ".raw")).is_err());
    }

    #[test]
    fn lvm_refuses_more() {
        let refused = [
            "disk",
            "vm-100-",
            "vm-100-.qcow2",
            "vm--x",
            "vm-1x-y",
            "vm-100-x_mlog",
            "vm-100-x-",
            "vm-100-a+b",
            "vm-100-a b",
            "snap_vm-100-disk-0_ab.qcow2",
            "",
        ];
        for name in refused {
            assert!(
                VolumeName::new(Scheme::PveLvm, name.as_bytes()).is_err(),
                "{name}"
            );
        }
    }
}
