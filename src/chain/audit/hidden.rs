//! Formats that hide behind another one: what a program that guesses could take a file for.

use crate::error::Result;
use crate::image::{ImageFormat, probe, vpc};
use crate::io::Source;

/// Where an ISO 9660 file system has its first descriptor, and what stands there.
const ISO_AT: u64 = 16 * 2048;
const ISO_MAGICS: [&[u8; 5]; 3] = [b"CD001", b"BEA01", b"NSR02"];
/// Bytes of a VHD's footer, which is the last thing in the file.
const VHD_FOOTER: u64 = 512;

/// Another format that a file seems to have.
pub(super) struct Hidden {
    pub message: String,
    pub offset: u64,
    /// Whether nothing can follow from it but a failure.
    pub harmless: bool,
}

/// What the file could be besides `format`.
pub(super) fn look(format: ImageFormat, source: &Source<'_>) -> Result<Vec<Hidden>> {
    let mut found = Vec::new();
    let name = format.name();
    match probe::certain(source)? {
        Some(other) if other != format => found.push(Hidden {
            message: format!(
                "the content said to be {name} looks like {}: a program that guesses formats \
                 would follow what is written in it",
                other.name()
            ),
            offset: 0,
            // A guest that encrypts its whole disk; it takes a key to open it as LUKS.
            harmless: format == ImageFormat::Raw && other == ImageFormat::Luks,
        }),
        _ => {}
    }
    if format != ImageFormat::Raw {
        let magic: [u8; 6] = source.array(ISO_AT)?;
        if ISO_MAGICS.iter().any(|iso| magic[1..] == iso[..]) {
            found.push(Hidden {
                message: format!("the {name} image is an ISO 9660 or UDF file system as well"),
                offset: ISO_AT,
                harmless: false,
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
                harmless: true,
            });
        }
    }
    Ok(found)
}
