//! A policy as callers write it down: keys and their values as text, as Perl's hashes and
//! configuration files have them. What a value means is decided here, for all of them alike.

use super::{Policy, Preset, Symlinks};
use crate::error::{Error, Result};
use crate::image::FormatChoice;
use crate::inspect::options::count_from_text;
use crate::text::printable;

/// What stands behind a key.
#[derive(Clone, Copy, Debug)]
pub enum Setting<'a> {
    /// One value.
    One(&'a [u8]),
    /// A list of values.
    List(&'a [&'a [u8]]),
}

impl<'a> Setting<'a> {
    fn one(self, key: &str) -> Result<&'a [u8]> {
        match self {
            Setting::One(value) => Ok(value),
            Setting::List(_) => Err(Error::argument(format!("{key} is one value, not a list"))),
        }
    }

    fn list(self, key: &str) -> Result<&'a [&'a [u8]]> {
        match self {
            Setting::List(values) => Ok(values),
            Setting::One(_) => Err(Error::argument(format!("{key} is not a list"))),
        }
    }

    /// Yes or no. Anything but these words is refused: what `no` means depends on whom one asks.
    fn flag(self, key: &str) -> Result<bool> {
        match self.one(key)? {
            b"" | b"0" => Ok(false),
            b"1" => Ok(true),
            other => Err(Error::argument(format!(
                "{key} '{}' is neither 0 nor 1",
                printable(other)
            ))),
        }
    }

    fn count(self, key: &str) -> Result<usize> {
        count_from_text(key, self.one(key)?)
    }
}

impl Policy {
    /// Sets what `key` names; an error that names the key if there is no such key, or if it cannot
    /// have this value. Keys are those of the policy's fields, written with hyphens.
    pub fn set(&mut self, key: &[u8], value: Setting<'_>) -> Result<()> {
        match key {
            b"preset" => self.preset = Preset::from_name(value.one("preset")?)?,
            b"format" => self.format = FormatChoice::from_caller(Some(value.one("format")?))?,
            b"roots" => {
                let paths = value.list("roots")?;
                self.roots = paths.iter().map(|path| path.to_vec()).collect();
            }
            b"formats" => {
                self.formats.clear();
                let names = value.list("formats")?;
                names.iter().try_for_each(|name| self.allow_format(name))?;
            }
            b"protocols" => {
                let names = value.list("protocols")?;
                self.protocols = names.iter().map(|name| name.to_vec()).collect();
            }
            b"deny-backing" => self.deny_backing = value.flag("deny-backing")?,
            b"allow-data-file" => self.allow_data_file = value.flag("allow-data-file")?,
            b"allow-unnamed-format" => {
                self.allow_unnamed_format = value.flag("allow-unnamed-format")?;
            }
            b"same-device" => self.same_device = value.flag("same-device")?,
            b"max-depth" => self.max_depth = value.count("max-depth")?,
            b"max-virtual-size" => self.max_virtual_size = value.count("max-virtual-size")? as u64,
            b"symlinks" => self.symlinks = Symlinks::from_name(value.one("symlinks")?)?,
            _ => {
                return Err(Error::argument(format!(
                    "unknown policy key '{}'",
                    printable(key)
                )));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::ImageFormat;

    fn set(key: &str, value: &str) -> Result<Policy> {
        let mut policy = Policy::default();
        policy.set(key.as_bytes(), Setting::One(value.as_bytes()))?;
        Ok(policy)
    }

    fn set_list(key: &str, values: &[&[u8]]) -> Result<Policy> {
        let mut policy = Policy::default();
        policy.set(key.as_bytes(), Setting::List(values))?;
        Ok(policy)
    }

    #[test]
    fn every_key_sets_its_field() {
        assert_eq!(set("preset", "upload").unwrap().preset, Preset::Upload);
        assert_eq!(
            set("format", "auto-detect").unwrap().format,
            FormatChoice::Probe
        );
        assert!(set("deny-backing", "1").unwrap().deny_backing);
        assert!(set("allow-data-file", "1").unwrap().allow_data_file);
        assert!(
            set("allow-unnamed-format", "1")
                .unwrap()
                .allow_unnamed_format
        );
        assert!(set("same-device", "1").unwrap().same_device);
        assert!(!set("same-device", "").unwrap().same_device);
        assert_eq!(set("max-depth", "7").unwrap().max_depth, 7);
        assert_eq!(
            set("max-virtual-size", "18446744073709551615")
                .unwrap()
                .max_virtual_size,
            u64::MAX
        );
        for any in ["2", "any"] {
            assert_eq!(set("symlinks", any).unwrap().symlinks, Symlinks::Any);
        }
        assert_eq!(set_list("roots", &[b"/a", b"/b"]).unwrap().roots.len(), 2);
        assert_eq!(
            set_list("formats", &[b"raw"]).unwrap().formats,
            [ImageFormat::Raw]
        );
        assert_eq!(
            set_list("protocols", &[b"nbd"]).unwrap().protocols,
            [b"nbd".to_vec()]
        );
    }

    #[test]
    fn junk_is_refused_by_its_key() {
        for (key, value) in [
            ("preset", "none"),
            ("format", "QCOW2"),
            ("deny-backing", "no"),
            ("allow-data-file", "2"),
            ("max-depth", "-1"),
            ("max-virtual-size", "10G"),
            ("symlinks", "3"),
            ("roots", "/srv"),
            ("formats", "raw"),
            ("protocols", "nbd"),
            ("max_depth", "1"),
        ] {
            let error = set(key, value).unwrap_err().to_string();
            assert!(error.contains(key), "{error}");
        }
        assert!(set_list("preset", &[b"upload"]).is_err());
        assert!(set_list("formats", &[b"raw", b"zip"]).is_err());
    }
}
