//! Encrypted qcow2 images.

use std::sync::OnceLock;

use super::support::bench::{Bench, Case};
use super::support::random::Random;
use super::support::writer::CRYPTO;

/// LUKS header of a qcow2 image whose key derivation takes no time.
const QUICK: &str = "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10";

fn create(bench: &Bench<'_>, options: &str, name: &str, size: &str) {
    let head = [
        "create",
        "-q",
        "--object",
        "secret,id=s,data=geheim",
        "-f",
        "qcow2",
    ];
    bench.img(head.into_iter().chain(["-o", options, name, size]));
}

/// The bytes of an image with LUKS: qemu-img takes seconds to make one, so it is made once.
fn sound(bench: &Bench<'_>) -> &'static [u8] {
    static IMAGE: OnceLock<Vec<u8>> = OnceLock::new();
    IMAGE.get_or_init(|| {
        create(bench, QUICK, "luks.qcow2", "1M");
        std::fs::read(bench.path("luks.qcow2")).expect("it was made")
    })
}

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for more in [
        "compat=0.10,cluster_size=512",
        "encrypt.cipher-mode=cbc,encrypt.ivgen-alg=essiv,encrypt.ivgen-hash-alg=sha256",
        "encrypt.cipher-alg=serpent-256,encrypt.hash-alg=sha512,extended_l2=on",
        "encrypt.cipher-alg=aes-128,encrypt.cipher-mode=ecb,encrypt.hash-alg=sha1",
    ] {
        let options = format!("{QUICK},{more}");
        cases.push(Case::new("LUKS", more, move |bench| {
            create(bench, &options, "a.qcow2", "1M");
            bench.same_info("a.qcow2", "qcow2");
        }));
    }
    for version in ["0.10", "1.1"] {
        for cluster in [512, 65536] {
            let options = format!(
                "compat={version},cluster_size={cluster},encrypt.format=aes,encrypt.key-secret=s"
            );
            cases.push(Case::new("AES", options.clone(), move |bench| {
                create(bench, &options, "a.qcow2", "1M");
                bench.same_info("a.qcow2", "qcow2");
            }));
        }
    }
    cases.push(Case::new("LUKS", "under another image", |bench| {
        bench.write("base.qcow2", sound(bench));
        bench.same_info("base.qcow2", "qcow2");
        bench.img("create -q -u -f qcow2 -b base.qcow2 -F qcow2 top.qcow2 1M".split(' '));
        bench.same_chain("top.qcow2", "qcow2");
    }));
    cases.push(Case::new("LUKS", "its header is damaged", |bench| {
        let bytes = sound(bench);
        let luks = bytes.windows(6).position(|w| w == b"LUKS\xba\xbe");
        let luks = luks.expect("the LUKS header is there");
        let mut random = Random::new(5);
        // Magic, version, cipher, mode, hash, payload, key length, iterations, slots; then any.
        let chosen = [
            (0, 0),
            (7, 2),
            (8, b'x'),
            (40, b'x'),
            (72, b'x'),
            (104, 0xff),
            (108, 0xff),
            (111, 1),
            (164, 0xff),
            (208, 1),
            (211, 0),
            (252, 0xff),
        ];
        let any = (0..150).map(|_| (random.below(592), random.next() as u8));
        for (at, byte) in chosen.into_iter().chain(any) {
            bench.write("b.qcow2", bytes);
            bench.patch("b.qcow2", |bytes| bytes[luks + at] = byte);
            bench.same_info("b.qcow2", "qcow2");
        }
    }));
    extensions(&mut cases);
    cases
}

/// The extension that says where the LUKS header lies: moved, resized, repeated.
fn extensions(cases: &mut Vec<Case>) {
    let extension = |offset: u64, length: u64| {
        let words = [u64::from(CRYPTO) << 32 | 16, offset, length];
        words.map(u64::to_be_bytes).concat()
    };
    // Sound ones have the length 0 here; the created image knows better.
    let lists: Vec<Vec<(u64, u64)>> = vec![
        vec![(0, 0), (0, 0)],
        vec![(0, 0), (1, 0)],
        vec![(1, 0), (0, 0)],
        vec![(0, 0), (0, 0), (0, 0)],
        vec![(0, 1)],
        vec![(0, 591)],
        vec![(0, 592)],
        vec![(0, 593)],
        vec![(0, 4096)],
        vec![(0, u64::MAX)],
        vec![(0, 1 << 63)],
        vec![(3, 0)],
        vec![(0x7fff_ffff_c000_0000 >> 16, 0)],
        vec![((1 << 48) - 1, 0)],
        vec![],
    ];
    for list in lists {
        cases.push(Case::new(
            "LUKS",
            format!("at clusters {list:?}"),
            move |bench| {
                bench.write("a.qcow2", sound(bench));
                bench.patch("a.qcow2", |bytes| {
                    let word = |at: usize| {
                        bytes[at..at + 8]
                            .iter()
                            .fold(0, |n, &b| n << 8 | u64::from(b))
                    };
                    let start = (word(96) & 0xffff_ffff) as usize;
                    assert_eq!(word(start) >> 32, u64::from(CRYPTO), "it stands first");
                    let (offset, length) = (word(start + 8), word(start + 16));
                    let mut area: Vec<u8> = list
                        .iter()
                        .flat_map(|&(cluster, bytes)| {
                            let bytes = if bytes == 0 { length } else { bytes };
                            extension(offset.wrapping_add(cluster << 16), bytes)
                        })
                        .collect();
                    area.extend([0; 8]);
                    bytes[start..start + area.len()].copy_from_slice(&area);
                });
                bench.same_info("a.qcow2", "qcow2");
            },
        ));
    }
}
