//! What LVM takes as the name of a logical volume (lvm(8), "VALID NAMES"), and as one that
//! device-mapper can also make a device for.

use crate::error::{Error, Result};
use crate::limits;
use crate::text::printable;

/// How no name may begin: LVM makes such names itself. Sorted.
const RESERVED_STARTS: [&str; 2] = ["pvmove", "snapshot"];

/// What no name may contain: LVM knows its own parts by these.
const RESERVED_PARTS: [&str; 17] = [
    "_cdata", "_cmeta", "_corig", "_cpool", "_cvol", "_imeta", "_iorig", "_mimage", "_mlog",
    "_pmspare", "_rimage", "_rmeta", "_tdata", "_tmeta", "_vdata", "_vorigin", "_wcorig",
];

/// Whether LVM takes `name`; the error says why not.
pub fn check_name(name: &str) -> Result<()> {
    let refused = |why: String| {
        let name = printable(name.as_bytes());
        Err(Error::argument(format!(
            "LVM takes no volume called '{name}': {why}"
        )))
    };
    if matches!(name, "" | "." | "..") {
        return refused("that is no name".into());
    }
    if name.len() > limits::LVM_NAME {
        let (length, most) = (name.len(), limits::LVM_NAME);
        return refused(format!(
            "it has {length} characters, and {most} are allowed"
        ));
    }
    if !name.bytes().all(is_allowed) {
        return refused("only letters, digits, '+', '_', '.' and '-' are allowed".into());
    }
    if name.starts_with('-') {
        return refused("it begins with a hyphen".into());
    }
    if let Some(start) = RESERVED_STARTS.iter().find(|&&s| name.starts_with(s)) {
        return refused(format!("names that begin with '{start}' are reserved"));
    }
    if let Some(part) = reserved_part(name) {
        return refused(format!("names that contain '{part}' are reserved"));
    }
    Ok(())
}

/// Whether a logical volume called `name` can also be activated in the volume group `group`. The
/// device is named after both, every hyphen in them doubled, and device-mapper bounds the length.
pub fn check_in_group(group: &str, name: &str) -> Result<()> {
    if group.starts_with('-') || matches!(group, "" | "." | "..") || !group.bytes().all(is_allowed)
    {
        let group = printable(group.as_bytes());
        return Err(Error::argument(format!(
            "no volume group can be called '{group}'"
        )));
    }
    check_name(name)?;
    let length = device_length(group) + 1 + device_length(name);
    if length > limits::DM_NAME {
        let most = limits::DM_NAME;
        return Err(Error::argument(format!(
            "volume '{name}' could not be activated in group '{group}': its device's name would \
             have {length} characters, and {most} are allowed"
        )));
    }
    Ok(())
}

/// All of them begin with an underscore, which few names have.
fn reserved_part(name: &str) -> Option<&'static str> {
    let mut starts = name.match_indices('_').map(|(at, _)| &name[at..]);
    starts.find_map(|rest| {
        let mut parts = RESERVED_PARTS.into_iter();
        parts.find(|part| rest.starts_with(part))
    })
}

fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'_' | b'.' | b'-')
}

/// The length of a name within a device's name.
fn device_length(name: &str) -> usize {
    name.len() + name.bytes().filter(|&b| b == b'-').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_of_lvm() {
        for name in [
            "vm-100-disk-0",
            "a",
            "snap_x",
            "x_data",
            "a+b",
            &"x".repeat(127),
        ] {
            check_name(name).unwrap();
        }
        let refused = [
            "",
            ".",
            "..",
            "-a",
            "a b",
            "a/b",
            "\u{fc}",
            "snapshot",
            "snapshot-x",
            "pvmove0",
            "a_tdata",
            "x_mlog.qcow2",
            "vm_mimage_0",
            "a\n",
        ];
        for name in refused {
            assert!(check_name(name).is_err(), "{name}");
        }
        assert!(check_name(&"x".repeat(128)).is_err());
    }

    #[test]
    fn the_device_counts_hyphens_twice() {
        check_in_group("vg", &"x".repeat(124)).unwrap();
        assert!(check_in_group("vg", &"x".repeat(125)).is_err());
        check_in_group("v-g", &"x".repeat(122)).unwrap();
        assert!(check_in_group("v-g", &"x".repeat(123)).is_err());
        assert!(check_in_group("v-g", "-x").is_err());
        for group in ["", "-v", "..", "a b"] {
            assert!(check_in_group(group, "x").is_err());
        }
    }
}
