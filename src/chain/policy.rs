//! What a caller allows an image to be and to name. Absent always means the safe default, so that
//! a policy of zeros says the same in C.

mod text;

pub use text::Setting;

use crate::error::{Error, Result};
use crate::image::{FormatChoice, ImageFormat};
use crate::limits;
use crate::text::printable;

/// Where an image comes from, with the rules that follow from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preset {
    /// Only what the policy says by itself.
    #[default]
    None,
    /// Somebody uploaded it: one file that names no other.
    Upload,
    /// A chain that is brought back from elsewhere: all of it lies inside the roots.
    Restore,
    /// A volume of one of the caller's own storages. What a guest writes into a raw disk is the
    /// guest's business: it is told, but no reason to refuse.
    Storage,
}

impl Preset {
    /// The preset with this name.
    pub fn from_name(name: &[u8]) -> Result<Self> {
        match name {
            b"upload" => Ok(Preset::Upload),
            b"restore" => Ok(Preset::Restore),
            b"storage" => Ok(Preset::Storage),
            _ => Err(Error::argument(format!(
                "unknown preset '{}': there are upload, restore and storage",
                printable(name)
            ))),
        }
    }

    /// From the number in a policy of C's.
    pub fn from_number(number: u64) -> Result<Self> {
        match number {
            0 => Ok(Preset::None),
            1 => Ok(Preset::Upload),
            2 => Ok(Preset::Restore),
            3 => Ok(Preset::Storage),
            _ => Err(Error::argument(format!("preset {number} is above 3"))),
        }
    }
}

/// Which symbolic links may lead to a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Symlinks {
    /// Those that do not leave the roots, and udev's links to block devices.
    #[default]
    Inside,
    /// None.
    None,
    /// Any: the name must lie inside the roots, the file may lie elsewhere.
    Any,
}

impl Symlinks {
    /// From the number in a policy.
    pub fn from_number(number: u64) -> Result<Self> {
        match number {
            0 => Ok(Symlinks::Inside),
            1 => Ok(Symlinks::None),
            2 => Ok(Symlinks::Any),
            _ => Err(Error::argument(format!(
                "symlinks {number} is not 0, 1 or 2"
            ))),
        }
    }

    /// From a word; the number written out is one too.
    pub fn from_name(name: &[u8]) -> Result<Self> {
        match name {
            b"inside" | b"0" => Ok(Symlinks::Inside),
            b"none" | b"1" => Ok(Symlinks::None),
            b"any" | b"2" => Ok(Symlinks::Any),
            _ => Err(Error::argument(format!(
                "symlinks '{}' is none of inside, none and any",
                printable(name)
            ))),
        }
    }
}

/// What is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Where the image comes from.
    pub preset: Preset,
    /// How the top image's format is decided.
    pub format: FormatChoice,
    /// Folders in one of which every file must really lie. Without any it is the folder of the top
    /// image, for all files but the top image itself.
    pub roots: Vec<Vec<u8>>,
    /// Formats that images may have; none given means all whose metadata are read here.
    pub formats: Vec<ImageFormat>,
    /// Protocols that may be named, although nothing is read over them.
    pub protocols: Vec<Vec<u8>>,
    /// Whether an image must stand alone.
    pub deny_backing: bool,
    /// Whether guest data may lie in an external data file.
    pub allow_data_file: bool,
    /// Whether a backing image without a recorded format may be probed.
    pub allow_unnamed_format: bool,
    /// Whether all files must lie on the file system of the top image.
    pub same_device: bool,
    /// Images in the chain at the most; 0 means as many as the limits of the call say.
    pub max_depth: usize,
    /// Bytes of a disk at the most; 0 means [`limits::AUDIT_VIRTUAL_SIZE`].
    pub max_virtual_size: u64,
    /// Which symbolic links may be followed.
    pub symlinks: Symlinks,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            preset: Preset::None,
            format: FormatChoice::Extension,
            roots: Vec::new(),
            formats: Vec::new(),
            protocols: Vec::new(),
            deny_backing: false,
            allow_data_file: false,
            allow_unnamed_format: false,
            same_device: false,
            max_depth: 0,
            max_virtual_size: 0,
            symlinks: Symlinks::Inside,
        }
    }
}

impl Policy {
    /// Allows the format with this name of QEMU's; the first one ends that all are allowed.
    pub fn allow_format(&mut self, name: &[u8]) -> Result<()> {
        match FormatChoice::from_caller(Some(name))? {
            FormatChoice::Named(format) => {
                self.formats.push(format);
                Ok(())
            }
            FormatChoice::Extension | FormatChoice::Probe => Err(Error::argument(format!(
                "'{}' is no format that can be allowed",
                printable(name)
            ))),
        }
    }

    /// The policy with what its preset adds; an error if the two contradict each other.
    pub(super) fn settled(&self) -> Result<Policy> {
        let mut policy = self.clone();
        match policy.preset {
            Preset::Upload => {
                if policy.allow_data_file {
                    return Err(contradiction("upload", "allow-data-file"));
                }
                if policy.allow_unnamed_format {
                    return Err(contradiction("upload", "allow-unnamed-format"));
                }
                if !policy.protocols.is_empty() {
                    return Err(contradiction("upload", "protocols"));
                }
                policy.deny_backing = true;
            }
            Preset::Restore => {
                if policy.roots.is_empty() {
                    return Err(Error::argument("preset 'restore' needs roots"));
                }
                if !policy.protocols.is_empty() {
                    return Err(contradiction("restore", "protocols"));
                }
                if policy.symlinks == Symlinks::Any {
                    return Err(contradiction("restore", "symlinks 2"));
                }
            }
            Preset::None | Preset::Storage => {}
        }
        if let Some(name) = policy.protocols.iter().find(|name| !can_be_allowed(name)) {
            return Err(Error::argument(format!(
                "'{}' is no protocol that can be allowed",
                printable(name)
            )));
        }
        if let Some(name) = policy.protocols.iter().find(|name| !can_be_allowed(name)) {
            return Err(Error::argument(format!(
                "'{}' is no protocol that can be allowed",
                printable(name)
            )));
        }
        if policy.max_depth == 0 {
            policy.max_depth = limits::CHAIN_DEPTH;
        }
        if policy.max_depth > limits::CHAIN_DEPTH_MAX {
            return Err(Error::argument(format!(
                "max-depth {} is above {}",
                policy.max_depth,
                limits::CHAIN_DEPTH_MAX
            )));
        }
        if policy.max_virtual_size == 0 {
            policy.max_virtual_size = limits::AUDIT_VIRTUAL_SIZE;
        }
        Ok(policy)
    }

    /// Whether an image's data may lie in further files of its format (vmdk).
    pub(super) fn allows_extents(&self) -> bool {
        self.preset != Preset::Upload
    }

    pub(super) fn allows_format(&self, format: ImageFormat) -> bool {
        if self.formats.is_empty() {
            format.is_read()
        } else {
            self.formats.contains(&format)
        }
    }

    pub(super) fn allows_protocol(&self, protocol: &[u8]) -> bool {
        self.protocols.iter().any(|allowed| allowed == protocol)
    }
}

/// Whether a name could begin with this protocol, and is none of those that can name any driver.
/// What never matches would look like a permission and be none.
fn can_be_allowed(protocol: &[u8]) -> bool {
    !protocol.is_empty() && protocol != b"json" && !protocol.iter().any(|b| b":/".contains(b))
}

fn contradiction(preset: &str, key: &str) -> Error {
    Error::argument(format!("preset '{preset}' does not go with {key}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_do_not_give_way() {
        let upload = Policy {
            preset: Preset::Upload,
            ..Policy::default()
        };
        assert!(upload.settled().unwrap().deny_backing);
        let policy = Policy {
            allow_data_file: true,
            ..upload.clone()
        };
        assert!(policy.settled().is_err());
        let restore = Policy {
            preset: Preset::Restore,
            ..Policy::default()
        };
        assert!(restore.settled().is_err());
        let restore = Policy {
            roots: vec![b"/srv".to_vec()],
            ..restore
        };
        assert!(restore.settled().is_ok());
        let policy = Policy {
            symlinks: Symlinks::Any,
            ..restore.clone()
        };
        assert!(policy.settled().is_err());
        for preset in [restore, upload] {
            let policy = Policy {
                protocols: vec![b"nbd".to_vec()],
                ..preset
            };
            assert!(policy.settled().is_err());
        }
    }

    #[test]
    fn names_and_numbers_are_the_same_rules() {
        let names = [&b"upload"[..], b"restore", b"storage"];
        for (name, number) in names.into_iter().zip(1..) {
            let preset = Preset::from_name(name).unwrap();
            assert_eq!(Preset::from_number(number).unwrap(), preset);
        }
        assert_eq!(Preset::from_number(0).unwrap(), Preset::default());
        assert!(Preset::from_number(4).is_err() && Preset::from_name(b"").is_err());
        for (name, number) in [&b"inside"[..], b"none", b"any"].into_iter().zip(0..) {
            let symlinks = Symlinks::from_name(name).unwrap();
            assert_eq!(Symlinks::from_number(number).unwrap(), symlinks);
            let digits = number.to_string();
            assert_eq!(Symlinks::from_name(digits.as_bytes()).unwrap(), symlinks);
        }
        assert!(Symlinks::from_number(3).is_err() && Symlinks::from_name(b"3").is_err());
    }

    #[test]
    fn what_could_never_be_allowed_is_refused() {
        for protocol in [&b""[..], b"json", b"nbd:", b"nbd://host"] {
            let policy = Policy {
                protocols: vec![protocol.to_vec()],
                ..Policy::default()
            };
            assert!(policy.settled().is_err(), "{protocol:?}");
        }
        let mut policy = Policy::default();
        policy.allow_format(b"qcow2").unwrap();
        assert_eq!(policy.formats, [ImageFormat::Qcow2]);
        assert!(policy.allow_format(b"auto-detect").is_err());
        assert!(policy.allow_format(b"QCOW2").is_err());
    }

    #[test]
    fn formats_that_are_only_recognised_are_not_allowed_by_themselves() {
        let mut policy = Policy::default();
        assert!(policy.allows_format(ImageFormat::Vhdx));
        assert!(!policy.allows_format(ImageFormat::Dmg));
        policy.formats = vec![ImageFormat::Raw];
        assert!(!policy.allows_format(ImageFormat::Qcow2));
    }
}
