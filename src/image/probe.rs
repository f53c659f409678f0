//! Guessing a format from the first bytes, as QEMU does when no format is named.
//!
//! Only for data that no guest can write: whoever writes the first sector chooses the format.
//! Which format wins where the bytes fit two of them follows from the order in which QEMU asks
//! its drivers: a VDI signature, which lies behind a text of one's choice, is looked for before
//! the magics of qcow, qcow2 and LUKS and after all others.

use super::fields::Fields;
use super::{ImageFormat, luks, qcow1, qcow2, qed, vdi, vhdx, vmdk, vpc};
use crate::error::Result;
use crate::io::Source;
use crate::limits;

const PARALLELS_MAGICS: [&[u8; 16]; 2] = [b"WithoutFreeSpace", b"WithouFreSpacExt"];
const PARALLELS_VERSION: u32 = 2;

const BOCHS_MAGIC: &[u8] = b"Bochs Virtual HD Image\0";
const BOCHS_TYPE: &[u8] = b"Redolog\0";
const BOCHS_SUBTYPE: &[u8] = b"Growing\0";
const BOCHS_VERSIONS: [u32; 2] = [0x0001_0000, 0x0002_0000];

const CLOOP_SCRIPT: &[u8] = b"#!/bin/sh\n#V2.0 Format\n\
    modprobe cloop file=$0 && mount -r -t iso9660 /dev/cloop $1\n";

/// The format that QEMU's probing would choose for this image at `path`.
pub fn probe(source: &Source<'_>, path: &[u8]) -> Result<ImageFormat> {
    if source.size() == 0 {
        return Ok(ImageFormat::Raw);
    }
    let head: [u8; limits::PROBE] = source.array(0)?;
    Ok(of_head(&head).unwrap_or_else(|| by_name_or_script(&head, path)))
}

/// All formats whose signs the first bytes have, in the order in which QEMU asks for them: a crafted
/// file can have several.
pub fn signs(source: &Source<'_>) -> Result<Vec<ImageFormat>> {
    let head: [u8; limits::PROBE] = source.array(0)?;
    let mut found: Vec<_> = signs_of_head(&head).collect();
    if head.starts_with(CLOOP_SCRIPT) {
        found.push(ImageFormat::Cloop);
    }
    Ok(found)
}

/// What the magic says for certain.
fn of_head(head: &[u8; limits::PROBE]) -> Option<ImageFormat> {
    signs_of_head(head).next()
}

type Head = [u8; limits::PROBE];
type IsThere = fn(&Head) -> bool;

/// What is looked for, in QEMU's order.
const SIGNS: [(ImageFormat, IsThere); 10] = [
    (ImageFormat::Vpc, |head| head.starts_with(&vpc::COOKIE)),
    (ImageFormat::Vhdx, |head| head.starts_with(&vhdx::SIGNATURE)),
    (ImageFormat::Vmdk, |head| {
        vmdk::is_extent(head) || vmdk::is_descriptor(head)
    }),
    (ImageFormat::Qed, |head| head.starts_with(&qed::MAGIC)),
    (ImageFormat::Parallels, |head| {
        let mut magics = PARALLELS_MAGICS.iter();
        magics.any(|&magic| head.starts_with(magic)) && Fields(head).le32(16) == PARALLELS_VERSION
    }),
    (ImageFormat::Bochs, |head| {
        head.starts_with(BOCHS_MAGIC)
            && head[32..].starts_with(BOCHS_TYPE)
            && head[48..].starts_with(BOCHS_SUBTYPE)
            && BOCHS_VERSIONS.contains(&Fields(head).le32(64))
    }),
    (ImageFormat::Vdi, |head| {
        Fields(head).le32(vdi::SIGNATURE_AT) == vdi::SIGNATURE
    }),
    (ImageFormat::Qcow2, |head| {
        Fields(head).be32(0) == qcow2::MAGIC && Fields(head).be32(4) >= 2
    }),
    (ImageFormat::Qcow, |head| {
        Fields(head).be32(0) == qcow2::MAGIC && Fields(head).be32(4) == qcow1::VERSION
    }),
    (ImageFormat::Luks, |head| luks::is_luks(head)),
];

fn signs_of_head(head: &Head) -> impl Iterator<Item = ImageFormat> {
    let signs = SIGNS.iter().filter(|(_, has)| has(head));
    signs.map(|&(format, _)| format)
}

/// The weak signs: a name, a script. Without them it is raw.
fn by_name_or_script(head: &[u8; limits::PROBE], path: &[u8]) -> ImageFormat {
    if path.len() > 4 && path.ends_with(b".dmg") {
        ImageFormat::Dmg
    } else if head.starts_with(CLOOP_SCRIPT) {
        ImageFormat::Cloop
    } else {
        ImageFormat::Raw
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::Memory;

    fn probe_bytes(bytes: &[u8], path: &str) -> ImageFormat {
        probe(&Source::new(&Memory(bytes), bytes), path.as_bytes()).unwrap()
    }

    fn with_vdi_signature(start: &[u8]) -> Vec<u8> {
        let mut bytes = start.to_vec();
        bytes.resize(vdi::SIGNATURE_AT, 0);
        bytes.extend(vdi::SIGNATURE.to_le_bytes());
        bytes
    }

    #[test]
    fn a_short_file_is_probed_as_if_zeros_followed() {
        assert_eq!(probe_bytes(b"QFI\xfb\0\0\0\x03", "x"), ImageFormat::Qcow2);
        assert_eq!(probe_bytes(b"QFI\xfb\0\0\0\x01", "x"), ImageFormat::Qcow);
        assert_eq!(probe_bytes(b"QFI\xfb", "x"), ImageFormat::Raw);
        assert_eq!(probe_bytes(b"", "x.dmg"), ImageFormat::Raw);
        assert_eq!(probe_bytes(b"KDM", "x"), ImageFormat::Raw);
    }

    #[test]
    fn a_vdi_signature_beats_qcow_and_luks_only() {
        for (start, format) in [
            (&b"QFI\xfb\0\0\0\x03"[..], ImageFormat::Vdi),
            (b"QFI\xfb\0\0\0\x01", ImageFormat::Vdi),
            (b"LUKS\xba\xbe\0\x01", ImageFormat::Vdi),
            (b"QED\0", ImageFormat::Qed),
            (b"KDMV", ImageFormat::Vmdk),
            (b"conectix", ImageFormat::Vpc),
            (b"vhdxfile", ImageFormat::Vhdx),
            (b"WithoutFreeSpace\x02\0\0\0", ImageFormat::Parallels),
        ] {
            assert_eq!(probe_bytes(&with_vdi_signature(start), "x"), format);
        }
        let mut text = with_vdi_signature(b"# in a comment");
        text.extend(b"\nversion=1\n");
        assert_eq!(probe_bytes(&text, "x"), ImageFormat::Vmdk);
    }

    #[test]
    fn names_and_scripts_only_count_without_a_magic() {
        assert_eq!(probe_bytes(CLOOP_SCRIPT, "x"), ImageFormat::Cloop);
        assert_eq!(probe_bytes(CLOOP_SCRIPT, "x.dmg"), ImageFormat::Dmg);
        assert_eq!(probe_bytes(b"KDMV", "x.dmg"), ImageFormat::Vmdk);
        assert_eq!(probe_bytes(b"-", ".dmg"), ImageFormat::Raw);
    }

    #[test]
    fn bochs_needs_all_of_its_names() {
        let mut bytes = vec![0; 68];
        bytes[..BOCHS_MAGIC.len()].copy_from_slice(BOCHS_MAGIC);
        bytes[32..32 + BOCHS_TYPE.len()].copy_from_slice(BOCHS_TYPE);
        bytes[48..48 + BOCHS_SUBTYPE.len()].copy_from_slice(BOCHS_SUBTYPE);
        bytes[64..].copy_from_slice(&BOCHS_VERSIONS[1].to_le_bytes());
        assert_eq!(probe_bytes(&bytes, "x"), ImageFormat::Bochs);
        bytes[48] = b'V';
        assert_eq!(probe_bytes(&bytes, "x"), ImageFormat::Raw);
    }
}
