//! Encrypted qcow2 images.

use super::support::bench::{Bench, Case};

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

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for version in ["0.10", "1.1"] {
        for cluster in [512, 65536] {
            let options = format!(
                "compat={version},cluster_size={cluster},encrypt.format=aes,encrypt.key-secret=s"
            );
            cases.push(Case::new("AES", options.clone(), move |bench| {
                create(bench, &options, "a.qcow2", "1M");
                bench.same_info("a.qcow2", "qcow2");
            }));
            let options = format!("compat={version},cluster_size={cluster},{QUICK}");
            cases.push(Case::new("LUKS", options.clone(), move |bench| {
                create(bench, &options, "a.qcow2", "1M");
                bench.same_info("a.qcow2", "qcow2");
                bench.same_chain("a.qcow2", "qcow2");
            }));
        }
    }
    for more in [
        "encrypt.cipher-alg=aes-128",
        "encrypt.cipher-alg=serpent-256",
        "encrypt.cipher-mode=cbc,encrypt.ivgen-alg=essiv,encrypt.ivgen-hash-alg=sha256",
        "encrypt.cipher-mode=ecb",
        "encrypt.hash-alg=sha1",
        "encrypt.hash-alg=sha512",
        "extended_l2=on",
        "refcount_bits=1",
    ] {
        let options = format!("{QUICK},{more}");
        cases.push(Case::new("LUKS", more, move |bench| {
            create(bench, &options, "a.qcow2", "1M");
            bench.same_info("a.qcow2", "qcow2");
        }));
    }
    cases.push(Case::new("LUKS", "on an encrypted backing file", |bench| {
        create(bench, QUICK, "base.qcow2", "1M");
        let options = format!("{QUICK},backing_file=base.qcow2,backing_fmt=qcow2");
        let head = ["create", "-q", "-u", "--object", "secret,id=s,data=geheim"];
        let rest = ["-f", "qcow2", "-o", &options, "top.qcow2", "1M"];
        bench.img(head.into_iter().chain(rest));
        bench.same_chain("top.qcow2", "qcow2");
    }));
    cases.push(Case::new("LUKS", "its header is damaged", |bench| {
        create(bench, QUICK, "a.qcow2", "1M");
        let bytes = std::fs::read(bench.path("a.qcow2")).expect("it was made");
        let luks = bytes.windows(6).position(|w| w == b"LUKS\xba\xbe");
        let luks = luks.expect("the LUKS header is there");
        // Magic, version, cipher, mode, hash, payload, key length, iterations, slots.
        for (at, byte) in [
            (0, 0),
            (7, 2),
            (8, b'x'),
            (40, b'x'),
            (72, b'x'),
            (104, 0xff),
        ]
        .into_iter()
        .chain([
            (108, 0xff),
            (111, 1),
            (160, 0xff),
            (208, 1),
            (211, 0),
            (252, 0xff),
        ]) {
            bench.write("b.qcow2", &bytes);
            bench.patch("b.qcow2", |bytes| bytes[luks + at] = byte);
            bench.same_info("b.qcow2", "qcow2");
        }
    }));
    cases
}
