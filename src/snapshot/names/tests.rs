//! That names are injective, shown on names that are made to be mistaken for each other.

use std::collections::HashMap;

use super::*;

use crate::random::Random;

const SCHEMES: [Scheme; 4] = [
    Scheme::LvmQcow2,
    Scheme::PveDir,
    Scheme::PveLvm,
    Scheme::Internal,
];

/// What names are made of: everything that one of the layouts takes for a mark.
const PIECES: [&str; 36] = [
    "vm-100-",
    "base-9000-",
    "vm-1-",
    "-vm-100-",
    "disk-0",
    "disk-10",
    "cloudinit",
    "state-",
    "a",
    "ab",
    "snap",
    "-snap-",
    "snap-",
    "snap_",
    "-snap",
    "_",
    "-",
    "-base",
    "base",
    ".qcow2",
    ".raw",
    ".vmdk",
    "new-",
    "del-",
    "del-0-",
    "del-07-",
    ".new",
    ".del",
    ".del-3",
    "current",
    "x",
    "_mlog",
    "fleece-1",
    ".",
    "\u{fc}",
    " ",
];

fn text(random: &mut Random, pieces: usize) -> String {
    (0..1 + random.below(pieces))
        .map(|_| *random.pick(&PIECES))
        .collect()
}

fn volume_name(random: &mut Random) -> String {
    let start = *random.pick(&["vm-100-", "vm-100-", "base-9000-", ""]);
    let end = *random.pick(&[".qcow2", ".qcow2", "", ".raw"]);
    format!("{start}{}{end}", text(random, 4))
}

fn standing(random: &mut Random) -> Standing {
    match random.below(8) {
        0 => Standing::Unfinished,
        1 => Standing::Removed(None),
        2 => Standing::Removed(Some(random.below(20) as u32)),
        _ => Standing::Kept,
    }
}

fn part(random: &mut Random) -> Option<Part> {
    Some(match random.below(6) {
        0 => Part::Current,
        1 => Part::Bottom,
        kind => Part::Snapshot {
            name: SnapshotName::found(&text(random, 3))?,
            raw: kind == 2,
        },
    })
}

#[test]
fn no_two_images_have_one_name() {
    let mut random = Random::new(5);
    for scheme in SCHEMES {
        let mut images: HashMap<String, ImageName> = HashMap::new();
        let mut refused = 0;
        for _ in 0..60_000 {
            let Ok(volume) = VolumeName::new(scheme, volume_name(&mut random).as_bytes()) else {
                continue;
            };
            let Some(part) = part(&mut random) else {
                continue;
            };
            let image = ImageName::new(volume, part).with_standing(standing(&mut random));
            match scheme.form(&image) {
                Ok(name) => {
                    assert_eq!(
                        scheme.parse(name.as_bytes()).as_ref(),
                        Some(&image),
                        "{name}"
                    );
                    let member = scheme.parse_for(&image.volume, name.as_bytes());
                    let ImageName { part, standing, .. } = image.clone();
                    assert_eq!(member, Some(Member { part, standing }), "{name}");
                    let before = images.insert(name.clone(), image.clone());
                    assert!(before.is_none_or(|before| before == image), "{name}");
                }
                Err(error) => {
                    refused += 1;
                    assert!(!error.to_string().contains(char::is_control), "{error}");
                }
            }
        }
        assert!(images.len() > 2_000, "{scheme:?}: {}", images.len());
        assert!(refused > 500, "{scheme:?}: {refused}");
    }
}

#[test]
fn what_is_understood_is_formed_the_same() {
    let mut random = Random::new(6);
    for scheme in SCHEMES {
        let mut understood = 0;
        for _ in 0..200_000 {
            let name = text(&mut random, 7);
            let Some(image) = scheme.parse(name.as_bytes()) else {
                continue;
            };
            understood += 1;
            // Names that LVM does not take are understood by nobody else either.
            match scheme.form(&image) {
                Ok(formed) => assert_eq!(formed, name, "{scheme:?}"),
                Err(error) => assert!(error.to_string().starts_with("LVM takes no"), "{error}"),
            }
        }
        assert!(understood > 1_000, "{scheme:?}: {understood}");
    }
}

fn image(scheme: Scheme, volume: &str, snapshot: &str) -> ImageName {
    let volume = VolumeName::new(scheme, volume.as_bytes()).unwrap();
    let part = match snapshot {
        "" => Part::Current,
        "base" => Part::Bottom,
        name => Part::Snapshot {
            name: SnapshotName::new(name.trim_start_matches('=').as_bytes()).unwrap(),
            raw: name.starts_with('='),
        },
    };
    ImageName::new(volume, part)
}

#[test]
fn the_names_of_each_layout() {
    use Scheme::*;
    let cases = [
        (LvmQcow2, "vm-100-disk-0.qcow2", "", "vm-100-disk-0.qcow2"),
        (LvmQcow2, "vm-100-disk-0", "", "vm-100-disk-0"),
        (
            LvmQcow2,
            "vm-100-disk-0.qcow2",
            "ab",
            "vm-100-disk-0-snap-ab.qcow2",
        ),
        (
            LvmQcow2,
            "vm-100-disk-0.qcow2",
            "=ab",
            "vm-100-disk-0-snap-ab",
        ),
        (
            LvmQcow2,
            "vm-100-disk-0.qcow2",
            "base",
            "vm-100-disk-0-base",
        ),
        (
            LvmQcow2,
            "vm-100-disk-0.qcow2",
            "x-snap-y",
            "vm-100-disk-0-snap-x-snap-y.qcow2",
        ),
        (
            LvmQcow2,
            "base-100-disk-0.qcow2",
            "ab",
            "base-100-disk-0-snap-ab.qcow2",
        ),
        (
            LvmQcow2,
            "vm-100-state-a-snap-bc",
            "",
            "vm-100-state-a-snap-bc",
        ),
        (
            LvmQcow2,
            "vm-100-cloudinit.qcow2",
            "ab",
            "vm-100-cloudinit-snap-ab.qcow2",
        ),
        (PveDir, "vm-100-disk-0.qcow2", "", "vm-100-disk-0.qcow2"),
        (
            PveDir,
            "vm-100-disk-0.qcow2",
            "ab",
            "snap-ab-vm-100-disk-0.qcow2",
        ),
        (
            PveDir,
            "vm-100-disk-0.qcow2",
            "x-vm-100",
            "snap-x-vm-100-vm-100-disk-0.qcow2",
        ),
        (PveDir, "vm-100-disk-0.raw", "", "vm-100-disk-0.raw"),
        (PveLvm, "vm-100-disk-0.qcow2", "", "vm-100-disk-0.qcow2"),
        (
            PveLvm,
            "vm-100-disk-0.qcow2",
            "a_b",
            "snap_vm-100-disk-0_a_b.qcow2",
        ),
        (PveLvm, "vm-100-x_y.qcow2", "", "vm-100-x_y.qcow2"),
        (Internal, "vm-100-disk-0.qcow2", "", "vm-100-disk-0.qcow2"),
    ];
    for (scheme, volume, snapshot, name) in cases {
        let image = image(scheme, volume, snapshot);
        assert_eq!(scheme.form(&image).unwrap(), name);
        assert_eq!(scheme.parse(name.as_bytes()), Some(image));
    }
}

#[test]
fn a_name_that_means_something_else_is_refused() {
    use Scheme::*;
    let cases = [
        // A volume called like another one's snapshot, or its adopted image.
        (
            LvmQcow2,
            "vm-100-a-snap-bc.qcow2",
            "",
            "snapshot 'bc' of 'vm-100-a.qcow2'",
        ),
        (
            LvmQcow2,
            "vm-100-a-snap-bc",
            "",
            "raw snapshot 'bc' of 'vm-100-a.qcow2'",
        ),
        (
            LvmQcow2,
            "vm-100-a-base",
            "",
            "raw bottom of 'vm-100-a.qcow2'",
        ),
        (
            LvmQcow2,
            "vm-100-a-snap.qcow2",
            "base",
            "raw snapshot 'base' of 'vm-100-a.qcow2'",
        ),
        (
            LvmQcow2,
            "vm-100-a-snap.qcow2",
            "xy",
            "snapshot 'snap-xy' of 'vm-100-a.qcow2'",
        ),
        // Two ways to split a name.
        (
            PveLvm,
            "vm-100-a_b.qcow2",
            "cd",
            "snapshot 'b_cd' of 'vm-100-a.qcow2'",
        ),
        (
            PveDir,
            "vm-100-vm-200-x.qcow2",
            "ab",
            "snapshot 'ab-vm-100' of 'vm-200-x.qcow2'",
        ),
        (PveDir, "foo.qcow2", "ab", "no image's name"),
        // Not to be made at all.
        (
            PveLvm,
            "vm-100-disk-0.qcow2",
            "tdata",
            "'_tdata' are reserved",
        ),
        (
            LvmQcow2,
            "vm-100-disk-0.qcow2",
            "my_mlog",
            "'_mlog' are reserved",
        ),
        (LvmQcow2, "vm-100-disk-0", "ab", "no qcow2 volume"),
        (PveDir, "vm-100-disk-0.raw", "ab", "no qcow2 volume"),
        (
            LvmQcow2,
            "vm-100-state-x.qcow2",
            "ab",
            "belongs to a snapshot",
        ),
        (PveDir, "vm-100-disk-0.qcow2", "base", "no raw images"),
        (PveLvm, "vm-100-disk-0.qcow2", "=ab", "no raw images"),
        (Internal, "vm-100-disk-0.qcow2", "ab", "within the image"),
    ];
    for (scheme, volume, snapshot, why) in cases {
        let error = scheme.form(&image(scheme, volume, snapshot)).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
}

#[test]
fn volumes_are_refused_when_they_are_made() {
    let check = |scheme: Scheme, name: &str| {
        let volume = VolumeName::new(scheme, name.as_bytes())?;
        scheme.check_volume(&volume, Some("vg"))
    };
    for name in [
        "vm-100-disk-0.qcow2",
        "vm-100-disk-0",
        "vm-100-state-a-snap-bc",
        "vm-100-snap",
    ] {
        check(Scheme::LvmQcow2, name).unwrap();
    }
    check(Scheme::PveDir, "vm-100-disk-0.qcow2").unwrap();
    check(Scheme::PveLvm, "vm-100-a_b").unwrap();
    let long = format!("vm-100-{}.qcow2", "x".repeat(50));
    let refused = [
        (Scheme::LvmQcow2, "vm-100-a-snap.qcow2"),
        (Scheme::LvmQcow2, "vm-100-a-snap-bc.qcow2"),
        (Scheme::LvmQcow2, long.as_str()),
        (Scheme::PveLvm, "vm-100-a_b.qcow2"),
        (Scheme::PveDir, "foo.qcow2"),
        (Scheme::PveDir, "vm-100-vm-200-x.qcow2"),
    ];
    for (scheme, name) in refused {
        check(scheme, name).unwrap_err();
    }
}

#[test]
fn names_that_mean_two_things_are_understood_where_they_are_found() {
    let cases = [
        (
            Scheme::PveLvm,
            "vm-100-a_b.qcow2",
            "snap_vm-100-a_b_cd.qcow2",
            "cd",
        ),
        (
            Scheme::PveLvm,
            "vm-100-a.qcow2",
            "snap_vm-100-a_b_cd.qcow2",
            "b_cd",
        ),
        (Scheme::PveDir, "foo.qcow2", "snap-ab-foo.qcow2", "ab"),
    ];
    for (scheme, volume, name, snapshot) in cases {
        let volume = VolumeName::new(scheme, volume.as_bytes()).unwrap();
        let member = scheme.parse_for(&volume, name.as_bytes()).unwrap();
        assert_eq!(member.part.snapshot_name().unwrap().as_str(), snapshot);
    }
    let volume = VolumeName::new(Scheme::PveDir, b"vm-100-disk-1.qcow2").unwrap();
    for name in [
        "snap-ab-vm-100-disk-10.qcow2",
        "vm-100-disk-10.qcow2",
        "snap-a-x.qcow2",
    ] {
        assert_eq!(Scheme::PveDir.parse_for(&volume, name.as_bytes()), None);
    }
}

#[test]
fn removed_images_never_share_a_name() {
    for (scheme, first, second, theirs) in [
        (
            Scheme::LvmQcow2,
            "del-0-vm-100-disk-0.qcow2",
            "del-1-vm-100-disk-0.qcow2",
            "del-vm-100-disk-0.qcow2",
        ),
        (
            Scheme::PveDir,
            "vm-100-disk-0.qcow2.del-0",
            "vm-100-disk-0.qcow2.del-1",
            "vm-100-disk-0.qcow2.del",
        ),
    ] {
        let image = image(scheme, "vm-100-disk-0.qcow2", "");
        let removed = scheme.next_removed(&image, |_| false).unwrap();
        assert_eq!(scheme.form(&removed).unwrap(), first);
        let removed = scheme.next_removed(&image, |name| name == first).unwrap();
        assert_eq!(scheme.form(&removed).unwrap(), second);
        let found = scheme.parse(theirs.as_bytes()).unwrap();
        assert_eq!(found, image.with_standing(Standing::Removed(None)));
    }
    for name in [".del-01", ".del-", ".new.del", ".del.del-1"] {
        let name = format!("vm-100-disk-0.qcow2{name}");
        assert_eq!(Scheme::PveDir.parse(name.as_bytes()), None, "{name}");
    }
    for name in [
        "del-00-vm-100-disk-0",
        "del-5",
        "del-",
        "new-",
        "del-4294967296-vm-100-x",
    ] {
        assert_eq!(Scheme::LvmQcow2.parse(name.as_bytes()), None, "{name}");
    }
}
