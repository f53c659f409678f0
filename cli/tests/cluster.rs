//! `pve-native cluster summarize`.

mod common;

use std::fs;
use std::io::Write;
use std::process::Stdio;

use common::{Answer, Lab};
use serde_json::json;

const DEGRADED: &str = include_str!("../../src/cluster/multipathd/captured/one-failed.json");

fn lab() -> Lab {
    let lab = Lab::new();
    fs::write(lab.path("maps.json"), DEGRADED).unwrap();
    lab
}

#[test]
fn what_multipathd_says_becomes_a_broadcast() {
    let lab = lab();
    fs::write(lab.path("sizes"), r#"{"mpatha":1048576}"#).unwrap();
    fs::write(lab.path("paths"), "sdb|mpatha|scsi:iscsi\n").unwrap();
    let args = ["cluster", "summarize", "maps.json", "--output", "json"];
    let more = [
        "--time", "5", "--seq", "6", "--sizes", "sizes", "--paths", "paths",
    ];
    let answer = lab.pve_native(args.into_iter().chain(more));
    let text = answer.fine();
    assert!(!text.ends_with('\n'), "{text:?}");
    let found: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        found["maps"]["1Linux_scsi_debug_2000"],
        json!({ "state": "degraded", "paths-active": 3, "paths-total": 4, "transport": "iscsi",
                "size": 1048576 })
    );
    assert_eq!((&found["time"], &found["seq"]), (&json!(5), &json!(6)));
    // Without a time it is now.
    let now: serde_json::Value = serde_json::from_str(&lab.pve_native(args).fine()).unwrap();
    assert!(now["time"].as_u64().unwrap() > 1_700_000_000);
}

#[test]
fn standard_input_and_sysfs_are_read() {
    let lab = lab();
    fs::create_dir_all(lab.path("sys/block/dm-0")).unwrap();
    fs::write(lab.path("sys/block/dm-0/size"), "8\n").unwrap();
    let mut command = lab.command();
    command.args([
        "cluster",
        "summarize",
        "-",
        "--sysfs",
        "sys",
        "--output",
        "json",
    ]);
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = pipes.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(DEGRADED.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["maps"]["1Linux_scsi_debug_2000"]["size"], json!(4096));
}

#[test]
fn people_see_a_table() {
    let lab = lab();
    let text = lab.pve_native(["cluster", "summarize", "maps.json"]).fine();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("STATE     PATHS  TRANSPORT  SIZE  WWID"));
    let line = "degraded  3/4    -          -     1Linux_scsi_debug_2000";
    assert_eq!(lines.next(), Some(line));
    assert_eq!(lines.next(), Some(""));
    let last = lines.next().unwrap();
    let ends = " of 32767 bytes, with whole words";
    assert!(
        last.starts_with("broadcast: ") && last.ends_with(ends),
        "{last}"
    );

    let page = include_str!("../../docs/command.md");
    assert!(page.contains(&text), "docs/command.md is not up to date");

    fs::write(lab.path("maps.json"), "{\"maps\":[]}").unwrap();
    let text = lab.pve_native(["cluster", "summarize", "maps.json"]).fine();
    assert!(text.starts_with("no maps\n"), "{text}");
}

#[test]
fn what_does_not_fit_is_counted() {
    let lab = Lab::new();
    let maps: Vec<String> = (0..50)
        .map(|i| format!("{{\"uuid\":\"{i:033}\"}}"))
        .collect();
    fs::write(
        lab.path("maps.json"),
        format!("{{\"maps\":[{}]}}", maps.join(",")),
    )
    .unwrap();
    let args = ["cluster", "summarize", "maps.json", "--limit", "200"];
    let text = lab.pve_native(args).fine();
    assert!(text.contains("maps do not fit and are left out"), "{text}");
    let text = lab
        .pve_native(args.into_iter().chain(["--output", "json"]))
        .fine();
    assert!(text.len() <= 200, "{text}");
}

#[test]
fn what_is_no_reply_is_an_error() {
    let lab = lab();
    fs::write(lab.path("busy"), "timeout\n").unwrap();
    fs::write(lab.path("bad-sizes"), "{\"mpatha\":\"big\"}").unwrap();
    let refused =
        |args: &[&str]| -> Answer { lab.pve_native(["cluster", "summarize"].iter().chain(args)) };
    for (args, status, why) in [
        (&["busy"][..], 1, "busy for too long"),
        (&["nowhere"], 1, "cannot read 'nowhere'"),
        (&["maps.json", "--limit", "5"], 2, "no room"),
        (
            &["maps.json", "--sizes", "bad-sizes"],
            2,
            "'big' is not a number",
        ),
        (
            &["maps.json", "--sizes", "maps.json"],
            2,
            "neither text nor a number",
        ),
        (
            &["maps.json", "--output", "svg"],
            2,
            "human or json output only",
        ),
        (&[], 2, "FILE"),
    ] {
        let answer = refused(args);
        assert_eq!(
            (answer.status, answer.stdout.as_str()),
            (status, ""),
            "{args:?}"
        );
        assert!(answer.stderr.contains(why), "{}", answer.stderr);
    }
}
