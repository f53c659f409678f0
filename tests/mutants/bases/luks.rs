//! LUKS version 1, with several ciphers.

use super::super::base::{Base, Table};

pub const MAGIC: &[u8] = b"LUKS\xba\xbe";

const HEADER: Table = &[
    (0, 6, "magic", &[]),
    (6, 2, "version", &[2]),
    (8, 4, "cipher-name", &[]),
    (36, 4, "end of cipher-name", &[]),
    (40, 4, "cipher-mode", &[]),
    (44, 4, "iv generator", &[]),
    (68, 4, "end of cipher-mode", &[]),
    (72, 8, "hash-spec", &[]),
    (100, 4, "end of hash-spec", &[]),
    (
        104,
        4,
        "payload-offset",
        &[7, 8, 504, 2000, 4040, 0x0080_0000],
    ),
    (108, 4, "key-bytes", &[16, 24, 32, 48, 64, 128]),
    (164, 4, "mk-digest-iter", &[]),
    (168, 8, "uuid", &[]),
    (204, 4, "end of uuid", &[]),
];

const KEY_SLOT: Table = &[
    (0, 4, "active", &[0x00ac_71f3, 0x0000_dead]),
    (4, 4, "iterations", &[]),
    (40, 4, "key-material-offset", &[7, 8, 504, 512, 1008]),
    (44, 4, "stripes", &[3999, 4000, 4001]),
];

/// Adds the fields of a LUKS header at `start`.
pub fn add_fields(mut base: Base, start: usize) -> Base {
    base = base.record("", start, HEADER);
    for slot in [0, 1, 4, 7] {
        let prefix = format!("key slot {slot} ");
        base = base.record(&prefix, start + 208 + slot * 48, KEY_SLOT);
    }
    base.areas.push(start..start + 592);
    base
}

/// Bytes of a header with its key material.
pub const BYTES: usize = 2 << 20;

/// A header with this cipher: as `cryptsetup` writes it, without a key that would fit.
pub fn header(cipher: &str, mode: &str, hash: &str, key_bytes: u32) -> Vec<u8> {
    let mut header = vec![0; 592];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    let payload = BYTES as u32 / 512;
    put(0, MAGIC);
    put(6, &1u16.to_be_bytes());
    put(8, cipher.as_bytes());
    put(40, mode.as_bytes());
    put(72, hash.as_bytes());
    put(104, &payload.to_be_bytes());
    put(108, &key_bytes.to_be_bytes());
    put(164, &1000u32.to_be_bytes());
    put(168, b"ef74dd96-29ab-4c2d-9eeb-1ec52a32177c");
    for slot in 0..8u32 {
        let at = 208 + slot as usize * 48;
        let (active, rounds) = if slot < 2 {
            (0x00ac_71f3u32, 1000u32)
        } else {
            (0x0000_dead, 0)
        };
        put(at, &active.to_be_bytes());
        put(at + 4, &rounds.to_be_bytes());
        put(at + 40, &(8 + slot * 504).to_be_bytes());
        put(at + 44, &4000u32.to_be_bytes());
    }
    header
}

/// The images that are changed.
pub fn bases() -> Vec<Base> {
    [
        ("aes", "xts-plain64", "sha256", 64),
        ("aes", "cbc-essiv:sha256", "sha1", 16),
        ("serpent", "xts-plain", "sha512", 64),
        ("cast5", "cbc-plain64", "ripemd160", 16),
        ("twofish", "ctr-essiv:sha256", "sha256", 32),
    ]
    .into_iter()
    .map(|(cipher, mode, hash, key_bytes)| {
        let mut bytes = header(cipher, mode, hash, key_bytes);
        bytes.resize(BYTES + 65536, 0);
        let name = format!("{cipher} {mode} {hash}");
        add_fields(Base::new(name, "luks", bytes).big_endian(), 0)
    })
    .collect()
}
