//! LUKS version 1, as a format of its own and as the encryption of qcow2.
//!
//! Follows the "LUKS1 On-Disk Format Specification" 1.2.1; the checks are those of QEMU's
//! `crypto/block-luks.c`. No key is asked for and none is needed: only the header is read.

mod json;
mod key_slots;
pub(super) mod payload;

pub use key_slots::{KeySlot, SlotKey};

use super::fields::Fields;
use super::info::{FormatSpecific, Metadata};
use super::request::{self, SECTOR};
use crate::error::{Error, Result};
use crate::io::Source;
use crate::text;
use key_slots::{HEADER_SECTORS, SLOTS};

const MAGIC: [u8; 6] = *b"LUKS\xba\xbe";
const VERSION: u16 = 1;
const HEADER: usize = 592;

/// Byte offsets of the header's fields, all big-endian.
mod offset_of {
    /// u16.
    pub const VERSION: usize = 6;
    /// 32 bytes, ends with a NUL.
    pub const CIPHER_NAME: usize = 8;
    /// 32 bytes, ends with a NUL.
    pub const CIPHER_MODE: usize = 40;
    /// 32 bytes, ends with a NUL.
    pub const HASH_SPEC: usize = 72;
    /// u32, sectors.
    pub const PAYLOAD_OFFSET: usize = 104;
    /// u32, bytes.
    pub const KEY_BYTES: usize = 108;
    /// u32.
    pub const MASTER_KEY_ITERATIONS: usize = 164;
    /// 40 bytes of text.
    pub const UUID: usize = 168;
}

/// Hashes by the names that QEMU knows, and the bytes of their digests.
const HASHES: [(&str, u32); 8] = [
    ("md5", 16),
    ("sha1", 20),
    ("sha224", 28),
    ("sha256", 32),
    ("sha384", 48),
    ("sha512", 64),
    ("ripemd160", 20),
    ("sm3", 32),
];

/// Ciphers by the header's name and the bytes of a key, and QEMU's name of the two.
const CIPHERS: [(&str, u32, &str); 10] = [
    ("aes", 16, "aes-128"),
    ("aes", 24, "aes-192"),
    ("aes", 32, "aes-256"),
    ("cast5", 16, "cast5-128"),
    ("serpent", 16, "serpent-128"),
    ("serpent", 24, "serpent-192"),
    ("serpent", 32, "serpent-256"),
    ("twofish", 16, "twofish-128"),
    ("twofish", 24, "twofish-192"),
    ("twofish", 32, "twofish-256"),
];

const CIPHER_MODES: [&str; 4] = ["ecb", "cbc", "xts", "ctr"];
const IV_GENERATORS: [&str; 3] = ["plain", "plain64", "essiv"];

/// What `qemu-img info` prints of a LUKS header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LuksInfo {
    /// Cipher and length of its key, such as `aes-256`.
    pub cipher_alg: &'static str,
    /// How the cipher is chained, such as `xts`.
    pub cipher_mode: &'static str,
    /// How a sector's initialisation vector is made: `plain`, `plain64`, `essiv`.
    pub ivgen_alg: &'static str,
    /// The hash that `essiv` needs.
    pub ivgen_hash_alg: Option<&'static str>,
    /// The hash that derives keys.
    pub hash_alg: &'static str,
    /// The UUID as the header has it, up to its first NUL; any bytes.
    pub uuid: Vec<u8>,
    /// Where the encrypted data begins, in bytes.
    pub payload_offset: u64,
    /// Rounds of the master key's digest.
    pub master_key_iters: u32,
    /// The eight key slots.
    pub slots: [KeySlot; SLOTS],
}

/// Whether these are the first bytes of a LUKS version 1 header.
pub(super) fn is_luks(head: &[u8]) -> bool {
    head.starts_with(&MAGIC) && Fields(head).be16(offset_of::VERSION) == VERSION
}

/// Reads the header. The disk is what follows it in the file.
pub fn read(source: &Source<'_>) -> Result<Metadata> {
    let info = read_header(source, 0, u64::MAX)?;
    let length = request::file_length(source)?;
    let size = length.checked_sub(info.payload_offset).ok_or_else(|| {
        Error::corrupt("encrypted data begins behind the end of the file")
            .at(offset_of::PAYLOAD_OFFSET as u64)
    })?;
    Ok(Metadata {
        virtual_size: Some(size),
        dirty: Some(false),
        encrypted: true,
        specific: FormatSpecific::Luks(Box::new(info)),
        ..Metadata::default()
    })
}

/// Reads a LUKS header that begins at `offset` of the source and reaches no further than
/// `length` bytes (inside qcow2), or to the end of the file.
pub fn read_header(source: &Source<'_>, offset: u64, length: u64) -> Result<LuksInfo> {
    if length < HEADER as u64 {
        return Err(Error::corrupt(format!("LUKS header in {length} bytes")).at(offset));
    }
    request::check_read("LUKS header", offset, HEADER as u64)?;
    let header: [u8; HEADER] = source.array(offset)?;
    parse(Fields(&header)).map_err(|e| e.at(offset))
}

fn parse(header: Fields<'_>) -> Result<LuksInfo> {
    if header.array(0) != MAGIC {
        return Err(Error::format("not a LUKS header: wrong magic"));
    }
    let version = header.be16(offset_of::VERSION);
    if version != VERSION {
        return Err(Error::unsupported(format!("LUKS version {version}")));
    }
    let cipher_name = name(header, offset_of::CIPHER_NAME)?;
    let mode = name(header, offset_of::CIPHER_MODE)?;
    let hash_spec = name(header, offset_of::HASH_SPEC)?;
    let payload_sector = header.be32(offset_of::PAYLOAD_OFFSET);
    if payload_sector < HEADER_SECTORS {
        return Err(Error::corrupt("encrypted data overlaps the LUKS header"));
    }
    let master_key_iters = header.be32(offset_of::MASTER_KEY_ITERATIONS);
    if master_key_iters == 0 {
        return Err(Error::corrupt("master key without iterations"));
    }
    let key_bytes = header.be32(offset_of::KEY_BYTES);
    let slots = key_slots::read(header, key_bytes, payload_sector)?;

    // "MODE-GENERATOR" or "MODE-GENERATOR:HASH".
    let unsupported =
        |what: &str, name: &[u8]| Error::unsupported(format!("{what} '{}'", text::printable(name)));
    let (mode, generator) =
        split_at_byte(mode, b'-').ok_or_else(|| unsupported("cipher mode", mode))?;
    let (generator, iv_hash) = match split_at_byte(generator, b':') {
        Some((generator, hash)) => (generator, Some(hash)),
        None => (generator, None),
    };
    let hash = |name: &[u8]| {
        let mut hashes = HASHES.into_iter();
        hashes
            .find(|hash| hash.0.as_bytes() == name)
            .ok_or_else(|| unsupported("hash", name))
    };
    let iv_hash = iv_hash.map(hash).transpose()?;
    let cipher_mode =
        one_of(&CIPHER_MODES, mode).ok_or_else(|| unsupported("cipher mode", mode))?;
    // XTS has two keys.
    let cipher_key = if cipher_mode == "xts" {
        key_bytes / 2
    } else {
        key_bytes
    };
    let (cipher, _, cipher_alg) = CIPHERS
        .into_iter()
        .find(|cipher| cipher.0.as_bytes() == cipher_name && cipher.1 == cipher_key)
        .ok_or_else(|| {
            unsupported(
                &format!("key of {cipher_key} bytes for cipher"),
                cipher_name,
            )
        })?;
    let (hash_alg, _) = hash(hash_spec)?;
    let ivgen_alg =
        one_of(&IV_GENERATORS, generator).ok_or_else(|| unsupported("IV generator", generator))?;
    let mut ivgen_hash_alg = None;
    if ivgen_alg == "essiv" {
        let (hash, digest) = iv_hash.ok_or_else(|| Error::corrupt("essiv without a hash"))?;
        // The digest is the key of the cipher that encrypts sector numbers.
        let fits = digest == cipher_key
            || cipher != "cast5" && CIPHERS.iter().any(|c| c.0 == cipher && c.1 == digest);
        if !fits {
            return Err(unsupported(
                &format!("cipher {cipher} with essiv and"),
                hash.as_bytes(),
            ));
        }
        ivgen_hash_alg = Some(hash);
    }
    Ok(LuksInfo {
        cipher_alg,
        cipher_mode,
        ivgen_alg,
        ivgen_hash_alg,
        hash_alg,
        uuid: text::until_nul(header.bytes(offset_of::UUID, 40)).to_vec(),
        payload_offset: u64::from(payload_sector) * SECTOR,
        master_key_iters,
        slots,
    })
}

/// A name of at most 31 bytes.
fn name(header: Fields<'_>, at: usize) -> Result<&[u8]> {
    let field = header.bytes(at, 32);
    let name = text::until_nul(field);
    if name.len() == field.len() {
        return Err(Error::corrupt(format!(
            "name at {at} of the LUKS header does not end"
        )));
    }
    Ok(name)
}

fn split_at_byte(text: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|&b| b == byte)?;
    Some((&text[..at], &text[at + 1..]))
}

fn one_of(names: &[&'static str], name: &[u8]) -> Option<&'static str> {
    names.iter().copied().find(|known| known.as_bytes() == name)
}

#[cfg(test)]
mod tests {
    use super::key_slots::{KEY_SLOTS, SLOT, SLOT_DISABLED, STRIPES, offset_of as slot};
    use super::*;

    /// A header as `cryptsetup` would write it, with this cipher, mode and length of key.
    fn header(cipher: &str, mode: &str, key_bytes: u32) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &MAGIC);
        put(offset_of::VERSION, &VERSION.to_be_bytes());
        put(offset_of::CIPHER_NAME, cipher.as_bytes());
        put(offset_of::CIPHER_MODE, mode.as_bytes());
        put(offset_of::HASH_SPEC, b"sha256");
        put(offset_of::PAYLOAD_OFFSET, &8192u32.to_be_bytes());
        put(offset_of::KEY_BYTES, &key_bytes.to_be_bytes());
        put(offset_of::MASTER_KEY_ITERATIONS, &1000u32.to_be_bytes());
        for i in 0..SLOTS {
            let at = KEY_SLOTS + i * SLOT;
            put(at + slot::ACTIVE, &SLOT_DISABLED.to_be_bytes());
            put(at + slot::KEY_OFFSET, &(8 + 512 * i as u32).to_be_bytes());
            put(at + slot::STRIPES, &STRIPES.to_be_bytes());
        }
        header
    }

    fn parsed(cipher: &str, mode: &str, key_bytes: u32) -> Option<LuksInfo> {
        parse(Fields(&header(cipher, mode, key_bytes))).ok()
    }

    #[test]
    fn xts_has_two_keys() {
        assert_eq!(
            parsed("aes", "xts-plain64", 64).unwrap().cipher_alg,
            "aes-256"
        );
        assert_eq!(
            parsed("aes", "xts-plain64", 32).unwrap().cipher_alg,
            "aes-128"
        );
        assert_eq!(parsed("aes", "cbc-plain64", 64), None);
    }

    #[test]
    fn essiv_needs_a_hash_whose_digest_is_a_key() {
        let hash = |mode| parsed("aes", mode, 32).map(|info| info.ivgen_hash_alg);
        assert_eq!(hash("cbc-essiv:sha256"), Some(Some("sha256")));
        assert_eq!(hash("cbc-essiv:md5"), Some(Some("md5")));
        assert_eq!(hash("cbc-essiv:sha1"), None);
        assert_eq!(hash("cbc-essiv"), None);
        assert_eq!(hash("cbc-plain64:sha1"), Some(None));
        assert_eq!(hash("cbc-plain64:sha0"), None);
        assert!(parsed("cast5", "cbc-essiv:md5", 16).is_some());
        assert_eq!(parsed("cast5", "cbc-essiv:sha256", 16), None);
    }

    #[test]
    fn key_material_may_not_overlap() {
        let mut bytes = header("aes", "xts-plain64", 64);
        let at = KEY_SLOTS + 3 * SLOT + slot::KEY_OFFSET;
        bytes[at..at + 4].copy_from_slice(&(8 + 512 * 5 - 1u32).to_be_bytes());
        assert!(parse(Fields(&bytes)).is_err());
    }
}
