//! Formats that hide behind another one: what a program that guesses could take a file for.

use crate::error::Result;
use crate::image::{ImageFormat, probe, vpc};
use crate::io::Source;

/// Where an ISO 9660 or UDF file system has its first descriptor: a byte, then the magic.
const ISO_AT: u64 = 16 * 2048;
const ISO_MAGICS: [&[u8; 5]; 3] = [b"CD001", b"BEA01", b"NSR02"];
/// Bytes of a VHD's footer, which is the last thing in the file.
const VHD_FOOTER: u64 = 512;

/// What can follow from it that a file seems to have another format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Risk {
    /// Nothing, or a failure: read either way it is the same disk, or none.
    None,
    /// The bytes are those of the disk: a guest can have written them at any time.
    GuestData,
    /// The bytes are metadata: whoever made the file meant them so.
    Crafted,
}

/// Another format that a file seems to have.
pub(super) struct Hidden {
    pub message: String,
    pub offset: u64,
    pub risk: Risk,
}

/// What the file could be besides `format`.
pub(super) fn look(format: ImageFormat, source: &Source<'_>) -> Result<Vec<Hidden>> {
    let mut found = Vec::new();
    let name = format.name();
    let signs = probe::signs(source)?;
    // A VHD of fixed size is the disk with a footer behind it.
    let fixed_vhd = format == ImageFormat::Vpc && !signs.contains(&ImageFormat::Vpc);
    let begins_with_the_disk = format == ImageFormat::Raw || fixed_vhd;
    for other in signs.into_iter().filter(|&other| other != format) {
        found.push(Hidden {
            message: format!(
                "the content said to be {name} looks like {}: a program that guesses formats \
                 would follow what is written in it",
                other.name()
            ),
            offset: 0,
            risk: match (begins_with_the_disk, other) {
                // A guest that encrypts its whole disk; it takes a key to open it as LUKS.
                (true, ImageFormat::Luks) => Risk::None,
                (true, _) => Risk::GuestData,
                (false, _) => Risk::Crafted,
            },
        });
    }
    if format != ImageFormat::Raw {
        let magic: [u8; 6] = source.array(ISO_AT)?;
        if ISO_MAGICS.iter().any(|iso| magic[1..] == iso[..]) {
            found.push(Hidden {
                message: format!("the {name} image is an ISO 9660 or UDF file system as well"),
                offset: ISO_AT,
                risk: match fixed_vhd {
                    true => Risk::None,
                    false => Risk::GuestData,
                },
            });
        }
    }
    let footer_at = source.size().saturating_sub(VHD_FOOTER);
    if format != ImageFormat::Vpc && footer_at > 0 {
        let magic: [u8; vpc::COOKIE.len()] = source.array(footer_at)?;
        if magic == vpc::COOKIE {
            found.push(Hidden {
                message: format!("the file said to be {name} ends like a VHD of fixed size"),
                offset: footer_at,
                risk: Risk::None,
            });
        }
    }
    Ok(found)
}
