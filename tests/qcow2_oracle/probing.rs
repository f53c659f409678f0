//! Chains that record no format, followed by guessing as QEMU does.

use pve_native_core::error::Code;

use super::support::bench::Case;
use super::support::writer::standing_on;

pub fn cases() -> Vec<Case> {
    let base = |name: &'static str, make: fn(&super::support::bench::Bench<'_>)| {
        Case::new("guessed", name, move |bench| {
            make(bench);
            bench.write("top.qcow2", &standing_on(b"base", None));
            bench.same_chain_at(
                bench.path("top.qcow2"),
                Some("qcow2"),
                true,
                Code::UnnamedFormat,
            );
            bench.same_chain_at(bench.path("top.qcow2"), None, true, Code::UnnamedFormat);
            bench.same_info_at(bench.path("base"), None, &[]);
        })
    };
    vec![
        base("raw", |bench| bench.sparse("base", 1 << 20)),
        base("an empty file", |bench| bench.sparse("base", 0)),
        base("qcow2", |bench| bench.qcow2("base", "", "1M")),
        base("qcow2 0.10", |bench| {
            bench.qcow2("base", "compat=0.10", "1M")
        }),
        base("qcow2 on a raw file, nothing recorded", |bench| {
            bench.sparse("below", 1 << 20);
            bench.write("base", &standing_on(b"below", None));
        }),
        base("qcow2 on a raw file, recorded", |bench| {
            bench.sparse("below", 1 << 20);
            bench.img("create -q -f qcow2 -b below -F raw base".split(' '));
        }),
        base("an unknown version of qcow2", |bench| {
            bench.write("base", b"QFI\xfb\0\0\0\x09")
        }),
        base("the first four bytes of qcow2", |bench| {
            bench.write("base", b"QFI\xfb")
        }),
    ]
}
