//! Names and numbers, and what is probed by its first words.

use super::Seed;

fn of<const N: usize>(texts: [(&'static str, &[u8]); N]) -> Vec<Seed> {
    texts.map(|(name, bytes)| (name, bytes.to_vec())).into()
}

/// A path and a name of the same length: the input is cut in the middle.
pub fn reference() -> Vec<Seed> {
    of([
        ("relative", b"/images/100/base.qcow2"),
        ("absolute", b"/images/1/a/images/1/b"),
        ("dots", b"./a/../b/c../../e/./f/"),
        ("protocol", b"/images/nbd:host:10809"),
        ("file-prefix", b"/images/1file:./a:b/c"),
        ("json", b"{\"driver\":\"\"}json:{\"driver\":"),
        ("fat", b"/dev/vg/lfat:rw:/etc"),
        ("zero", b"a0"),
        ("escape", b"\x1b[31mred\x1b[0m"),
        ("utf-8", "Gr\u{fc}\u{df}e/\u{1f980}/\u{202e}".as_bytes()),
        (
            "ill-formed",
            b"\xc0\x80\xed\xa0\x80\xf8\x88\x80\x80\x80\xff\xfe",
        ),
        ("nul", b"before\0after"),
    ])
}

/// Numbers and the names of formats.
pub fn options() -> Vec<Seed> {
    of([
        ("seconds", b"5"),
        ("fraction", b"0.25"),
        ("exponent", b"5e-1"),
        ("huge", b"1e308"),
        ("tiny", b"1e-320"),
        ("minus", b"-1"),
        ("not-a-number", b"NaN"),
        ("unit", b"10G"),
        ("count", b"18446744073709551616"),
        ("hexadecimal", b"0x10"),
        ("format", b"qcow2"),
        ("probe", b"auto-detect"),
        ("double", &1.5f64.to_le_bytes()),
        ("infinity", &f64::INFINITY.to_le_bytes()),
    ])
}

/// Formats that are recognised but not read.
pub fn probed() -> Vec<Seed> {
    let mut bochs = vec![0; 68];
    bochs[..22].copy_from_slice(b"Bochs Virtual HD Image");
    bochs[32..39].copy_from_slice(b"Redolog");
    bochs[48..55].copy_from_slice(b"Growing");
    bochs[64..].copy_from_slice(&0x2_0000u32.to_le_bytes());
    let cloop = b"#!/bin/sh\n#V2.0 Format\n\
        modprobe cloop file=$0 && mount -r -t iso9660 /dev/cloop $1\n";
    let recognised: [(&'static str, &[u8]); 3] = [
        ("parallels", b"WithoutFreeSpace\x02\0\0\0"),
        ("bochs", &bochs),
        ("cloop", cloop),
    ];
    let control = |(name, bytes): (&'static str, &[u8])| (name, [&[3], bytes].concat());
    recognised.map(control).into()
}
