//! Where the data of a new LUKS image would begin (LUKS1 On-Disk Format Specification 1.2.1, sections
//! 2.1 and 2.2): behind the header and eight key slots, whose size follows from the cipher.
//!
//! Ciphers, modes and hashes are those of QEMU as Debian builds it.

use crate::image::option_text::number;

/// Bytes of the header, rounded up to where the first key slot begins.
const HEADER: u64 = 4096;
/// Key slots.
const SLOTS: u64 = 8;
/// How often a key is spread over its slot.
const STRIPES: u64 = 4000;
/// Bytes that a slot is rounded up to.
const SLOT_UNIT: u64 = 4096;
/// A time for the derivation of keys, in milliseconds, with which it would take more rounds than the
/// header has room for on any machine: 2^32 rounds for eight slots at a million in a second.
const ITER_TIME: u64 = 34_000_000;

/// Name, bytes of the key, family. What belongs to no family has keys of one size.
const CIPHERS: [(&[u8], u64, Family); 10] = [
    (b"aes-128", 16, Family::Several),
    (b"aes-192", 24, Family::Several),
    (b"aes-256", 32, Family::Several),
    (b"cast5-128", 16, Family::Single),
    (b"serpent-128", 16, Family::Several),
    (b"serpent-192", 24, Family::Several),
    (b"serpent-256", 32, Family::Several),
    (b"twofish-128", 16, Family::Several),
    (b"twofish-192", 24, Family::Several),
    (b"twofish-256", 32, Family::Several),
];

/// Which keys a cipher has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    /// Of 16, 24 or 32 bytes.
    Several,
    /// Of one size; too small a block for XTS.
    Single,
}

/// Names and bytes of the digest.
const HASHES: [(&[u8], u64); 8] = [
    (b"md5", 16),
    (b"sha1", 20),
    (b"sha224", 28),
    (b"sha256", 32),
    (b"sha384", 48),
    (b"sha512", 64),
    (b"ripemd160", 20),
    (b"sm3", 32),
];

/// What an image is encrypted with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cipher {
    key_bytes: u64,
}

impl Cipher {
    /// The cipher that these options ask for; the error is the name of the one that is not valid.
    pub fn from_options<'a>(
        option: &impl Fn(&str) -> Option<&'a [u8]>,
    ) -> std::result::Result<Self, &'static str> {
        let or = |name, default| option(name).unwrap_or(default);
        let alg = or("cipher-alg", b"aes-256");
        let cipher = CIPHERS.iter().find(|(name, ..)| *name == alg);
        let &(_, key_bytes, family) = cipher.ok_or("cipher-alg")?;
        let xts = match or("cipher-mode", b"xts") {
            b"xts" if family == Family::Single => return Err("cipher-mode"),
            b"xts" => true,
            b"ecb" | b"cbc" | b"ctr" => false,
            _ => return Err("cipher-mode"),
        };
        digest("hash-alg", or("hash-alg", b"sha256"))?;
        let iv_digest = digest("ivgen-hash-alg", or("ivgen-hash-alg", b"sha256"))?;
        match or("ivgen-alg", b"plain64") {
            b"plain" | b"plain64" => {}
            b"essiv" => {
                // The digest is the key of a cipher of the same family.
                let found = match family {
                    Family::Several => [16, 24, 32].contains(&iv_digest),
                    Family::Single => iv_digest == key_bytes,
                };
                if !found {
                    return Err("ivgen-hash-alg");
                }
            }
            _ => return Err("ivgen-alg"),
        }
        // A number with a sign was read as one of 64 bits without; here it would be less than 0.
        let time = Some(or("iter-time", b"0")).filter(|text| !text.contains(&b'-'));
        if time.and_then(number).is_none_or(|time| time > ITER_TIME) {
            return Err("iter-time");
        }
        let key_bytes = if xts { 2 * key_bytes } else { key_bytes };
        // QEMU fails on keys that, spread out, do not fill whole sectors.
        if (key_bytes * STRIPES) % 512 != 0 {
            return Err("cipher-alg");
        }
        Ok(Cipher { key_bytes })
    }

    /// Where the data begins.
    pub fn payload_offset(&self) -> u64 {
        HEADER + SLOTS * (self.key_bytes * STRIPES).next_multiple_of(SLOT_UNIT)
    }
}

fn digest(option: &'static str, name: &[u8]) -> std::result::Result<u64, &'static str> {
    let hash = HASHES.iter().find(|(known, _)| *known == name);
    hash.map(|(_, bytes)| *bytes).ok_or(option)
}
