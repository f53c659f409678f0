//! The name of a snapshot, by the rules of Proxmox VE: the characters are those of `pve-configid` and the
//! length that of the option `pve-snapshot-name`, both in pve-common's `PVE::JSONSchema`. Two names are
//! refused by qemu-server's call that takes snapshots: `current`, which the storage plugins understand as
//! the current state, and in any case `pending`, as the parser of a guest's configuration does not tell
//! its section from that of pending changes.
//!
//! `vzdump` is a name like any other: pve-container refuses it to users alone, as its backups take a
//! snapshot of that name. Names that storage uses within (`__base__`, `__replicate_…__`) begin with `_`,
//! and are none.

use std::fmt;

use crate::error::{Error, Result};
use crate::limits;
use crate::text::printable;

/// The name of a snapshot: a letter, then letters, digits, `_` and `-`, 2 to 40 in all, and none of
/// the names that mean something else to Proxmox VE.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SnapshotName(Box<str>);

impl SnapshotName {
    /// The name, or why no snapshot can be called so.
    pub fn new(name: &[u8]) -> Result<Self> {
        let refused = |why: &str| {
            let name = printable(name);
            Error::argument(format!("snapshot cannot be called '{name}': {why}"))
        };
        match std::str::from_utf8(name) {
            Ok(text) => match fault(text) {
                None => Ok(SnapshotName(text.into())),
                Some(why) => Err(refused(why)),
            },
            Err(_) => Err(refused(CHARACTERS)),
        }
    }

    /// The same for a name that was found: None if no snapshot can be called so.
    pub fn found(name: &str) -> Option<Self> {
        fault(name).is_none().then(|| SnapshotName(name.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SnapshotName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const CHARACTERS: &str = "only letters, digits, '_' and '-' are allowed, the first a letter";

/// Why this is no name.
fn fault(name: &str) -> Option<&'static str> {
    let bytes = name.as_bytes();
    if !bytes.first().is_some_and(u8::is_ascii_alphabetic) {
        return Some(CHARACTERS);
    }
    if !bytes
        .iter()
        .all(|&b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
    {
        return Some(CHARACTERS);
    }
    if bytes.len() < 2 {
        return Some("it has one character, and at least two are needed");
    }
    if bytes.len() > limits::SNAPSHOT_NAME {
        return Some("it has more than 40 characters");
    }
    if name == "current" {
        return Some("that is what the current state is called");
    }
    if name.eq_ignore_ascii_case("pending") {
        return Some("that is what pending changes are called");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_proxmox_ve_takes_is_a_name() {
        for name in [
            "ab",
            "before-update",
            "a_b",
            "x1",
            "A-",
            "snap",
            "base",
            "b_",
            "Current",
            "vzdump",
            "pendings",
        ] {
            assert_eq!(SnapshotName::new(name.as_bytes()).unwrap().as_str(), name);
        }
        assert!(SnapshotName::new(&[b'a'; 40]).is_ok());
    }

    #[test]
    fn what_is_refused_says_why() {
        let cases: [(&[u8], &str); 13] = [
            (b"", "the first a letter"),
            (b"a", "at least two"),
            (b"1a", "the first a letter"),
            (b"a b", "only letters"),
            (b"ab\n", "only letters"),
            (b"a\xff", "only letters"),
            (b"a.b", "only letters"),
            (&[b'a'; 41], "more than 40"),
            (b"current", "current state"),
            (b"pending", "pending changes"),
            (b"PENDING", "pending changes"),
            (b"__base__", "the first a letter"),
            (b"special:cloudinit", "only letters"),
        ];
        for (name, why) in cases {
            let error = SnapshotName::new(name).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
            assert!(!error.chars().any(char::is_control), "{error}");
        }
    }
}
