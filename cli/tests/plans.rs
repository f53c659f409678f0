//! `snapshot plan` and `snapshot diagnose`: what they show, what they do, and what they leave if they
//! cannot, or are killed.

mod common;

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use common::{Answer, Lab};
use serde_json::json;

const VOLUME: &str = "vm-100-disk-0.qcow2";
const MIB: usize = 1 << 20;

/// A volume of 16 MiB with snapshots, before each of which another part was written: `ab` is the
/// oldest, and small; what was written since `ef` is small, too.
fn volume() -> Lab {
    let lab = Lab::new();
    lab.qemu_img(["create", "-q", "-f", "qcow2", VOLUME, "16M"]);
    for (snapshot, write) in [
        ("ab", "write -P 1 0 1M"),
        ("cd", "write -P 2 1M 10M"),
        ("ef", "write -P 3 6M 8M"),
    ] {
        lab.qemu_io(VOLUME, &[write]);
        run(&lab, &["create", snapshot]).fine_run();
    }
    lab.qemu_io(VOLUME, &["write -P 4 0 64k"]);
    lab
}

fn run(lab: &Lab, wish: &[&str]) -> Answer {
    let rest = ["--volume", VOLUME, "--run"];
    lab.pve_native(["snapshot", "plan"].iter().chain(wish).chain(&rest))
}

fn diagnose(lab: &Lab, options: &[&str]) -> Answer {
    lab.pve_native(["snapshot", "diagnose", VOLUME].iter().chain(options))
}

impl Answer {
    /// Status 0; the steps are on standard error.
    fn fine_run(self) -> String {
        assert_eq!(self.status, 0, "{}", self.stderr);
        self.stdout
    }
}

fn image(snapshot: &str) -> String {
    format!("snap-{snapshot}-{VOLUME}")
}

/// What the guest would read.
fn disk(lab: &Lab, name: &str) -> Vec<u8> {
    lab.qemu_img(["convert", "-f", "qcow2", "-O", "raw", name, "disk.raw"]);
    let disk = fs::read(lab.path("disk.raw")).unwrap();
    fs::remove_file(lab.path("disk.raw")).unwrap();
    disk
}

fn names(lab: &Lab) -> Vec<String> {
    let entries = fs::read_dir(lab.path("")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[test]
fn a_plan_is_shown_and_nothing_is_done() {
    let lab = volume();
    let before = names(&lab);
    let plan = ["snapshot", "plan", "create", "gh", "--volume", VOLUME];
    let text = lab.pve_native(plan).fine();
    assert!(text.starts_with(&format!("create {VOLUME} (the guest must be stopped)\n")));
    assert!(
        text.contains("1. format     /usr/bin/qemu-img create -q -f qcow2"),
        "{text}"
    );
    assert!(text.contains("2. rename     mv -n /"), "{text}");
    assert!(text.contains("\nmoves 0 B, needs "), "{text}");
    let json = lab
        .pve_native(plan.iter().chain(&["--output", "json"]))
        .json();
    assert_eq!(json["op"], "create");
    assert_eq!(json["steps"][0]["argv"][0], "/usr/bin/qemu-img");
    assert_eq!(json["steps"][1]["kind"], "native");
    let rename = ["rename", "--to", "vm-100-disk-5.qcow2", "--volume", VOLUME];
    let more = ["--storeid", "san", "--drive", "scsi0"];
    let text = lab
        .pve_native(["snapshot", "plan"].iter().chain(&rename).chain(&more))
        .fine();
    assert!(
        text.contains("qm set 100 --scsi0 san:vm-100-disk-5.qcow2\n"),
        "{text}"
    );
    assert_eq!(names(&lab), before);
    assert!(diagnose(&lab, &[]).fine().contains("is in order"));
    assert_eq!(diagnose(&lab, &["--output", "json"]).json(), json!([]));
}

#[test]
fn what_is_no_wish_is_2_and_what_cannot_be_is_1() {
    let lab = volume();
    for wish in [
        &["create"][..],
        &["delete", "ab", "cd"],
        &["create", "gh", "--size", "1G"],
        &["resize"],
        &["repair"],
        &["create", "1x"],
        &["create", "gh", "--term", "free=1G"],
        &["create", "gh", "--term", "nonsense=1"],
        &["create", "gh", "--online"],
    ] {
        assert_eq!(run(&lab, wish).status, 2, "{wish:?}");
    }
    for (wish, why) in [
        (&["create", "ab"][..], "has a snapshot 'ab' already"),
        (&["delete", "gh"], "does not exist"),
        (&["rollback", "ab"], "is not most recent"),
        (&["resize", "--size", "1M"], "would lose data"),
    ] {
        let error = run(&lab, wish).error();
        assert!(error.contains(why), "{error}");
    }
    assert_eq!(
        lab.pve_native(["snapshot", "diagnose", "vm-1-x.qcow2"])
            .status,
        1
    );
    for command in ["plan free --volume x.qcow2", "diagnose x.qcow2"] {
        let command = ["snapshot"].into_iter().chain(command.split(' '));
        assert_eq!(lab.pve_native(command.chain(["--output", "dot"])).status, 2);
    }
}

#[test]
fn plans_are_run() {
    let lab = volume();
    let states = ["ab", "cd", "ef"].map(|name| disk(&lab, &image(name)));
    assert!(states.iter().all(|state| state.len() == 16 * MIB));
    let now = disk(&lab, VOLUME);
    let done = run(&lab, &["delete", "cd"]).fine_run();
    assert!(
        done.ends_with(&format!("done: delete {VOLUME}, 2 steps\n")),
        "{done}"
    );
    assert_eq!(disk(&lab, VOLUME), now);
    assert_eq!(disk(&lab, &image("ef")), states[2]);
    run(&lab, &["rollback", "ef"]).fine_run();
    assert_eq!(disk(&lab, VOLUME), states[2]);
    run(&lab, &["resize", "--size", "20M"]).fine_run();
    run(&lab, &["delete-many", "ef", "ab"]).fine_run();
    assert_eq!(disk(&lab, VOLUME)[..16 * MIB], states[2]);
    assert_eq!(names(&lab), [VOLUME]);
    let json = run(&lab, &["create", "gh", "--output", "json"]);
    assert_eq!(json.stderr, "");
    assert_eq!(json.json()["op"], "create");
    run(&lab, &["free"]).fine_run();
    assert!(names(&lab).is_empty());
}

/// The same with files that cannot become larger than so many blocks of 1 KiB.
fn run_limited(lab: &Lab, blocks: usize, wish: &str) -> Answer {
    let script = format!(
        "ulimit -f {blocks}; exec {} snapshot plan {wish} --volume {VOLUME} --run",
        env!("CARGO_BIN_EXE_pve-native")
    );
    let mut command = Command::new("/bin/bash");
    Answer::of(command.args(["-c", &script]).current_dir(lab.path("")))
}

#[test]
fn what_fails_is_undone_and_status_1() {
    let lab = volume();
    let before = (names(&lab), disk(&lab, VOLUME));
    // What only ab holds is streamed into cd, which has no room for it.
    let size = fs::metadata(lab.path(image("cd"))).unwrap().len() as usize / 1024;
    let answer = run_limited(&lab, size, "delete ab");
    assert_eq!(answer.status, 1, "{}", answer.stderr);
    assert!(
        answer.stderr.contains("pve-native: step 'stream' failed: "),
        "{}",
        answer.stderr
    );
    assert_eq!((names(&lab), disk(&lab, VOLUME)), before);
    // It may have taken clusters that it did not use.
    assert_eq!(diagnose(&lab, &["--run"]).status, 0);
    run(&lab, &["delete", "ab"]).fine_run();
    assert_eq!(disk(&lab, VOLUME), before.1);
}

#[test]
fn what_cannot_be_undone_is_status_3_and_repaired() {
    let lab = volume();
    let now = disk(&lab, VOLUME);
    // What was written since ef is committed into it.
    let size = fs::metadata(lab.path(image("ef"))).unwrap().len() as usize / 1024;
    lab.qemu_io(VOLUME, &["write -P 5 0 256k"]);
    let now = [vec![5; 256 << 10], now[256 << 10..].to_vec()].concat();
    let answer = run_limited(&lab, size, "delete ef");
    assert_eq!(answer.status, 3, "{}", answer.stderr);
    let hint = format!(
        "pve-native snapshot diagnose --scheme pve-dir --run {}",
        lab.path(VOLUME).display()
    );
    assert!(answer.stderr.contains(&hint), "{}", answer.stderr);
    // In between it is refused, and found.
    assert!(run(&lab, &["create", "gh"]).error().contains("diagnosis"));
    let found = diagnose(&lab, &["--output", "json"]);
    assert_eq!(found.status, 3);
    assert_eq!(found.json()[0]["code"], "merge-interrupted");
    assert_eq!(found.json()[0]["plan"]["op"], "repair");
    let text = diagnose(&lab, &["--no-check"]);
    assert!(
        text.stdout
            .contains("what helps:\n    1. commit     /usr/bin/qemu-img"),
        "{}",
        text.stdout
    );
    let repaired = diagnose(&lab, &["--run"]);
    assert!(repaired.fine_run().contains("is in order"));
    assert_eq!(disk(&lab, VOLUME), now);
    assert_eq!(names(&lab).len(), 3);
}

#[test]
fn what_is_not_certain_is_done_only_if_the_caller_says_so() {
    let lab = volume();
    fs::remove_file(lab.path(VOLUME)).unwrap();
    let answer = diagnose(&lab, &["--run"]);
    assert_eq!(answer.status, 3);
    assert!(
        answer.stdout.contains("it is not certain"),
        "{}",
        answer.stdout
    );
    assert!(!lab.path(VOLUME).exists());
    let answer = diagnose(&lab, &["--run", "--uncertain"]);
    assert!(answer.stderr.contains("(not certain)"), "{}", answer.stderr);
    assert_eq!(answer.status, 0);
    assert_eq!(disk(&lab, VOLUME), disk(&lab, &image("ef")));
    assert_eq!(diagnose(&lab, &["--uncertain"]).status, 2);
}

#[test]
fn a_renamed_current_image_is_no_left_over() {
    let lab = volume();
    run(&lab, &["resize", "--size", "20M"]).fine_run();
    let unfinished = format!("{VOLUME}.new");
    fs::rename(lab.path(VOLUME), lab.path(&unfinished)).unwrap();
    assert_eq!(diagnose(&lab, &["--run"]).status, 3);
    assert!(lab.path(&unfinished).exists());
}

#[test]
fn a_volume_that_lacks_data_stays_as_it_is() {
    let lab = volume();
    fs::remove_file(lab.path(image("ab"))).unwrap();
    let before = names(&lab);
    let answer = diagnose(&lab, &["--run", "--uncertain"]);
    assert_eq!(answer.status, 3);
    assert!(answer.stdout.contains("[data-needed]"), "{}", answer.stdout);
    assert_eq!(names(&lab), before);
}

#[test]
fn a_killed_run_is_taken_up_again() {
    for round in 0..12 {
        let lab = volume();
        let now = disk(&lab, VOLUME);
        let kept = disk(&lab, &image("cd"));
        let wish = [["delete", "ab"], ["delete", "ef"]][round % 2];
        let mut command = lab.command();
        command.args(["snapshot", "plan"]).args(wish);
        command
            .args(["--volume", VOLUME, "--run"])
            .stderr(Stdio::null());
        let mut child = command.process_group(0).spawn().unwrap();
        thread::sleep(Duration::from_millis(10 * (round as u64 / 2)));
        // All of its processes, as when a node is lost.
        let group = format!("-{}", child.id());
        let killed = Command::new("kill").args(["-9", "--", &group]).status();
        killed.unwrap();
        child.wait().unwrap();
        let repaired = diagnose(&lab, &["--run"]);
        // A snapshot that is only beside the line now: that it was being removed, its owner knows.
        if repaired.status == 3 {
            assert!(
                repaired.stdout.contains("[snapshot-leftover]"),
                "{}",
                repaired.stdout
            );
            run(&lab, &wish).fine_run();
        } else {
            assert_eq!(repaired.status, 0, "{}{}", repaired.stdout, repaired.stderr);
        }
        assert_eq!(disk(&lab, VOLUME), now, "round {round}");
        assert_eq!(disk(&lab, &image("cd")), kept, "round {round}");
        assert!(diagnose(&lab, &[]).fine().contains("is in order"));
    }
}
