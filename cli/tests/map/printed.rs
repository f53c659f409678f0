//! Pictures in letters.

use crate::common::{Answer, Lab};
use crate::images::three_kinds;

#[test]
fn the_disk_and_each_image_have_a_bar() {
    let lab = Lab::new();
    three_kinds(&lab);
    let expected = "\
top.qcow2: 960 KiB (983040 bytes), 3 images

disk 2222222222222220000000000░░░░░░░░░░1111111111111111111111111···············
     ╵0 B                ╵256 KiB            ╵512 KiB            ╵768 KiB
0                   ██████████░░░░░░░░░░
1                                       █████████████████████████
2    ███████████████
     ▁▄█ what the image serves of it  ░ as zeros  · no image: reads as zeros

DEPTH  FORMAT     DATA  COMPRESSED     ZERO    SHARE  EXTENTS  FILE
0      qcow2   128 KiB         0 B  128 KiB   26.7 %        2  top.qcow2
1      qcow2       0 B     320 KiB      0 B   33.3 %        1  middle.qcow2
2      qcow2   192 KiB         0 B      0 B   20.0 %        1  base.qcow2
-                  0 B         0 B  192 KiB   20.0 %        1  no image: reads as zeros
all            320 KiB     320 KiB  320 KiB  100.0 %        5
";
    let answer = lab.pve_native(["image", "map", "top.qcow2"]);
    assert_eq!(answer.fine(), expected);
}

#[test]
fn a_plain_locale_gets_plain_characters() {
    let lab = Lab::new();
    three_kinds(&lab);
    let mut command = lab.command();
    command
        .env("LC_ALL", "C")
        .args(["image", "map", "top.qcow2"]);
    let plain = Answer::of(&mut command).fine();
    assert!(plain.is_ascii());
    let rich = lab.pve_native(["image", "map", "top.qcow2"]).fine();
    assert_eq!(rich.lines().count(), plain.lines().count());
    let disk = rich.lines().nth(2).unwrap();
    let disk = disk.replace('░', "-").replace('·', ".");
    assert_eq!(disk, plain.lines().nth(2).unwrap());
}

#[test]
fn colour_says_nothing_more() {
    let lab = Lab::new();
    three_kinds(&lab);
    let ask = |color| {
        lab.pve_native(["image", "map", "top.qcow2", "--color", color])
            .fine()
    };
    let (auto, always, never) = (ask("auto"), ask("always"), ask("never"));
    assert_eq!(auto, never);
    assert!(!never.contains('\x1b'));
    assert!(always.contains("\x1b[38;5;16m\x1b[48;5;"), "{always:?}");
    assert_eq!(anstream::adapter::strip_str(&always).to_string(), never);
}

/// Bytes of a size such as `128 KiB`.
fn bytes(size: &str) -> u64 {
    let (number, unit) = size.split_once(' ').unwrap();
    let unit = match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        _ => panic!("{size}"),
    };
    number.parse::<u64>().unwrap() * unit
}

#[test]
fn the_rows_of_the_table_are_the_disk() {
    let lab = Lab::new();
    three_kinds(&lab);
    let text = lab.pve_native(["image", "map", "top.qcow2"]).fine();
    let lines = text.lines().skip_while(|line| !line.starts_with("DEPTH"));
    let sum_of = |line: &str| -> u64 {
        let columns = line[13..].split("  ").map(str::trim);
        let columns = columns.filter(|column| !column.is_empty());
        columns.take(3).map(bytes).sum()
    };
    let sums: Vec<u64> = lines.skip(1).map(sum_of).collect();
    let (all, rows) = sums.split_last().unwrap();
    assert_eq!(rows.len(), 4);
    assert_eq!((*all, rows.iter().sum::<u64>()), (960 << 10, 960 << 10));
}

#[test]
fn a_disk_without_bytes_has_no_bars() {
    let lab = Lab::new();
    lab.qemu_img(["create", "-q", "-f", "qcow2", "empty.qcow2", "0"]);
    let text = lab.pve_native(["image", "map", "empty.qcow2"]).fine();
    assert!(
        text.starts_with("empty.qcow2: 0 B, 1 image\n\nDEPTH"),
        "{text}"
    );
    assert!(text.ends_with("0 B  0.0 %        0\n"), "{text}");
}

#[test]
fn names_cannot_move_the_cursor() {
    let lab = Lab::new();
    let evil = "\x1b]0;owned\x07\x1b[2J\u{202e}gpj";
    lab.qemu_img(["create", "-f", "raw", evil, "1M"]);
    lab.create("top.qcow2", &["-b", evil, "-F", "raw"]);
    for output in ["human", "svg"] {
        for color in ["never", "always"] {
            let ask = ["image", "map", "--output", output, "--color", color];
            let text = lab.pve_native(ask.into_iter().chain(["top.qcow2"])).fine();
            assert!(!text.contains("\x1b]") && !text.contains("\x1b[2J"));
            assert!(!text.contains(['\x07', '\u{202e}']));
            assert!(text.contains("owned"), "{text}");
        }
    }
}
