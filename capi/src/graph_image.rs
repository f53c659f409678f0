//! One image of a snapshot graph as a struct of C.

use std::ffi::{CStr, CString, c_char};
use std::ptr;

use pve_native_core::snapshot::Standing;
use pve_native_core::snapshot::graph::{Content, Image, Place, Role};

use crate::error::PVEN_OK;
use crate::ffi::Plain;
use crate::format::{PVEN_FORMAT_UNKNOWN, name_of};
use crate::graph::PVEN_NO_INDEX;
use crate::string::{self, held, held_text};

/// It belongs to the volume.
pub const PVEN_STANDING_KEPT: u32 = 0;
/// It is being made, and nothing stands on it.
pub const PVEN_STANDING_UNFINISHED: u32 = 1;
/// It is about to be removed: not part of the volume any more.
pub const PVEN_STANDING_REMOVED: u32 = 2;

/// An image of a snapshot graph. Strings live as long as the graph.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct GraphImageC {
    /// Its name in the volume group or folder, as bytes.
    pub name: *const c_char,
    /// The path it was read from, or could not be, as bytes.
    pub path: *const c_char,
    /// What it is to the volume: "current", "snapshot", "bottom" (the raw image of an adopted volume),
    /// "overlay" (what was written after a snapshot, in the layout of 2024), "foreign" (no image of
    /// this volume). Static: never freed.
    pub role: *const c_char,
    /// Name of the snapshot; NULL if it is of none.
    pub snapshot: *const c_char,
    /// Where it stands: "line" (from the current image down), "branch" (leads to the line), "unlinked"
    /// (does not), "cycle" (stands on itself). Static: never freed.
    pub place: *const c_char,
    /// What could be read of it: "read", "inactive" (listed, but cannot be found), "missing" (only
    /// another image names it), "unread" (error_code says why not). Static: never freed.
    pub content: *const c_char,
    /// QEMU's name of its format. NULL if it could not be read. Static: never freed.
    pub format: *const c_char,
    /// Why it could not be read; NULL if that is not what content says.
    pub error_message: *const c_char,
    /// Bytes of the disk that the guest sees. 0 if it could not be read.
    pub virtual_size: u64,
    /// Bytes of storage that it takes. 0 for block devices.
    pub actual_size: u64,
    /// Bytes of the volume or file as the listing says. 0: not known.
    pub size: u64,
    /// Index of the image that it stands on. PVEN_NO_INDEX: on none.
    pub parent: i64,
    /// PVEN_STANDING_*.
    pub standing: u32,
    /// PVEN_FORMAT_*.
    pub format_number: u32,
    /// PVEN_ERR_*, or PVEN_OK.
    pub error_code: i32,
    /// 1 if the listing has it.
    pub listed: u8,
    /// Zero.
    pub reserved: [u8; 3],
}

// SAFETY: repr(C), without padding, all fields plain.
unsafe impl Plain for GraphImageC {}

/// The strings of one image.
pub struct Texts {
    name: CString,
    path: CString,
    snapshot: Option<CString>,
    error_message: Option<CString>,
}

impl Texts {
    /// Those of this image.
    pub fn new(image: &Image) -> Self {
        let snapshot = match &image.role {
            Role::Overlay(name) => Some(name),
            Role::Member(member) => member.part.snapshot_name(),
            Role::Foreign(_) => None,
        };
        Texts {
            name: held(&image.name),
            path: held(&image.path),
            snapshot: snapshot.map(|name| held_text(name.as_str())),
            error_message: match &image.content {
                Content::Unread(error) => Some(held_text(&error.to_string())),
                _ => None,
            },
        }
    }
}

impl GraphImageC {
    /// The same for C.
    pub fn new(image: &Image, texts: &Texts) -> Self {
        let info = image.info();
        let standing = match &image.role {
            Role::Member(member) => member.standing,
            Role::Overlay(_) | Role::Foreign(_) => Standing::Kept,
        };
        GraphImageC {
            name: texts.name.as_ptr(),
            path: texts.path.as_ptr(),
            role: role(&image.role).as_ptr(),
            snapshot: string::lent(texts.snapshot.as_ref()),
            place: place(image.place).as_ptr(),
            content: content(&image.content).as_ptr(),
            format: info.map_or(ptr::null(), |info| name_of(info.format)),
            error_message: string::lent(texts.error_message.as_ref()),
            virtual_size: image.virtual_size().unwrap_or(0),
            actual_size: info.map_or(0, |info| info.actual_size()),
            size: image.size.unwrap_or(0),
            parent: image.parent.map_or(PVEN_NO_INDEX, |index| index as i64),
            standing: match standing {
                Standing::Kept => PVEN_STANDING_KEPT,
                Standing::Unfinished => PVEN_STANDING_UNFINISHED,
                Standing::Removed(_) => PVEN_STANDING_REMOVED,
            },
            format_number: info.map_or(PVEN_FORMAT_UNKNOWN, |info| info.format as u32),
            error_code: match &image.content {
                Content::Unread(error) => error.code() as i32,
                _ => PVEN_OK,
            },
            listed: image.listed.into(),
            reserved: [0; 3],
        }
    }
}

fn role(role: &Role) -> &'static CStr {
    static_word(
        role.name(),
        &[c"current", c"snapshot", c"bottom", c"overlay", c"foreign"],
    )
}

fn place(place: Place) -> &'static CStr {
    static_word(place.name(), &[c"line", c"branch", c"unlinked", c"cycle"])
}

fn content(content: &Content) -> &'static CStr {
    static_word(
        content.name(),
        &[c"read", c"inactive", c"missing", c"unread"],
    )
}

/// The core's word with a NUL behind it.
fn static_word(word: &str, words: &[&'static CStr]) -> &'static CStr {
    let same = |with_nul: &&&CStr| with_nul.to_bytes() == word.as_bytes();
    words.iter().find(same).copied().unwrap_or(c"unknown")
}

#[cfg(test)]
mod tests {
    use super::*;
    use pve_native_core::Error;
    use pve_native_core::snapshot::names::Member;
    use pve_native_core::snapshot::{Part, SnapshotName};

    #[test]
    fn words_are_the_cores() {
        let name = SnapshotName::found("ab").unwrap();
        let member = |part| {
            let standing = Standing::Kept;
            Role::Member(Member { part, standing })
        };
        let roles = [
            member(Part::Current),
            member(Part::snapshot(name.clone())),
            member(Part::Bottom),
            Role::Overlay(name),
            Role::Foreign(None),
        ];
        for it in &roles {
            assert_eq!(role(it).to_str(), Ok(it.name()));
        }
        for it in [
            Place::Line(0),
            Place::Branch(0),
            Place::Unlinked,
            Place::Cycle,
        ] {
            assert_eq!(place(it).to_str(), Ok(it.name()));
        }
        let unread = Content::Unread(Error::argument("x"));
        for it in [Content::Inactive, Content::Missing, unread] {
            assert_eq!(content(&it).to_str(), Ok(it.name()));
        }
    }
}
