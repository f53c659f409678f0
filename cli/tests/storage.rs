//! `pve-native storage capabilities`.

mod common;

use common::Lab;
use serde_json::json;

#[test]
fn without_a_type_all_of_them_are_told() {
    let lab = Lab::new();
    let text = lab.pve_native(["storage", "capabilities"]).fine();
    let heading = "TYPE              FORMAT  SHARED  SNAPSHOTS";
    assert!(text.starts_with(heading), "{text}");
    let line = "nfs               qcow2   always  internal or volume-chain  base ";
    assert!(text.lines().any(|l| l.starts_with(line)), "{text}");
    let line = "pbs               -       always  -";
    assert!(text.lines().any(|l| l.starts_with(line)), "{text}");

    let all = lab.pve_native(["storage", "capabilities", "--output", "json"]);
    let all = all.json();
    let types = all.as_array().unwrap().iter().map(|t| t["type"].as_str());
    let types: Vec<&str> = types.map(Option::unwrap).collect();
    assert_eq!(types[..3], ["zfspool", "dir", "btrfs"]);
    assert!(types.contains(&"lvmqcow2"));
}

#[test]
fn a_type_has_a_sheet_and_a_table() {
    let lab = Lab::new();
    let text = lab.pve_native(["storage", "capabilities", "lvm"]).fine();
    assert!(text.contains("shared                  option\n"), "{text}");
    assert!(
        text.contains("with volume chains      raw, qcow2; qcow2 by default\n"),
        "{text}"
    );
    assert!(text.contains("qcow2   volume-chain  -"), "{text}");
    let text = lab.pve_native(["storage", "capabilities", "cephfs"]).fine();
    assert!(text.contains("formats                 -\n"), "{text}");
    assert!(!text.contains("FORMAT"), "{text}");
}

#[test]
fn a_volume_has_a_sheet() {
    let lab = Lab::new();
    let ask = ["storage", "capabilities", "dir", "raw"];
    let text = lab.pve_native(ask).fine();
    for line in [
        "used for                images, rootdir\n",
        "snapshots               none\n",
        "linked clones of        base, as qcow2\n",
        "migrates uncopied       when-shared\n",
    ] {
        assert!(text.contains(line), "{text}");
    }
    let answer = lab.pve_native(ask.into_iter().chain(["--output", "json"]));
    let volume = answer.json();
    assert_eq!(volume["full-clone-from"], json!(["base", "current"]));
    assert_eq!(volume["template"], json!(true));
}

#[test]
fn questions_that_make_no_sense_are_refused() {
    let lab = Lab::new();
    for (args, why) in [
        (["glusterfs", "raw"], "'glusterfs'"),
        (["lvm", "vdi"], "'vdi'"),
        (["lvm", "vmdk"], "no volumes of format 'vmdk'"),
        (["pbs", "raw"], "holds no volumes of guests"),
        (["lvm", "--output=svg"], "human or json output only"),
    ] {
        let answer = lab.pve_native(["storage", "capabilities"].into_iter().chain(args));
        assert_eq!((answer.status, answer.stdout.as_str()), (2, ""));
        assert!(answer.stderr.contains(why), "{}", answer.stderr);
    }
}

#[test]
fn the_documentation_shows_what_is_true() {
    let text = Lab::new().pve_native(["storage", "capabilities"]).fine();
    let page = include_str!("../../docs/storage.md");
    assert!(page.contains(&text), "docs/storage.md is not up to date");
    let example = Lab::new().pve_native(["storage", "capabilities", "lvmthin", "raw"]);
    let page = include_str!("../../docs/command.md");
    assert!(
        page.contains(&example.fine()),
        "docs/command.md is not up to date"
    );
}
