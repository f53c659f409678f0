//! The progress bar: on a terminal, when it takes long, and never in the way of the answer.

use std::io::Write;
use std::process::Command;

use crate::common::{Answer, COLOR_VARIABLES, Lab};
use crate::images::fragmented;

const READING: &str = "reading the map";
/// What wipes the line that the bar stood in.
const WIPED: &str = "\r\x1b[2K";

/// Runs the command on a terminal of 100 columns, with storage that takes its time.
fn on_slow_storage(lab: &Lab, rest: &str) -> String {
    let command = format!(
        "stty rows 40 cols 100; strace -qq -o /dev/null -e trace=pread64 \
         -e inject=pread64:delay_enter=150000 {} image map {rest}",
        env!("CARGO_BIN_EXE_pve-native")
    );
    on_terminal(lab, &command)
}

fn on_terminal(lab: &Lab, command: &str) -> String {
    let mut script = Command::new("script");
    script.args(["-qec", command, "/dev/null"]);
    script.current_dir(lab.path(""));
    for name in COLOR_VARIABLES {
        script.env_remove(name);
    }
    script.envs([("TERM", "xterm"), ("LC_ALL", "C.UTF-8")]);
    Answer::of(&mut script).stdout
}

/// Whether strace can slow reads down here; says so if not.
fn can_be_slowed() -> bool {
    let mut strace = Command::new("strace");
    strace.args(["-qq", "-o", "/dev/null", "true"]);
    let works = strace.output().is_ok_and(|output| output.status.success());
    if !works {
        // The test harness would hide what a passing test prints.
        let _ = writeln!(
            std::io::stderr(),
            "skipped: progress bars on slow storage: no strace"
        );
    }
    works
}

#[test]
fn a_bar_is_shown_and_wiped_before_the_answer() {
    let lab = Lab::new();
    fragmented(&lab, "slow.qcow2", 24);
    if !can_be_slowed() {
        return;
    }
    let text = on_slow_storage(&lab, "slow.qcow2");
    assert!(text.starts_with(READING), "{text:?}");
    let (bar, answer) = text.rsplit_once(WIPED).unwrap();
    assert!(bar.contains(" %") && bar.contains(" left"), "{bar:?}");
    assert!(answer.contains("slow.qcow2") && !answer.contains(READING));

    // The answer stands on the same terminal.
    let text = on_slow_storage(&lab, "--output json slow.qcow2");
    assert!(!text.contains(READING));
    let text = on_slow_storage(&lab, "--output json slow.qcow2 | cat");
    assert!(!text.contains(READING));

    let text = on_slow_storage(&lab, "--output json slow.qcow2 > slow.json");
    assert!(text.contains(READING) && text.ends_with(WIPED), "{text:?}");
    let theirs = lab.qemu_img(["map", "--output=json", "slow.qcow2"]);
    assert!(std::fs::read(lab.path("slow.json")).unwrap() == theirs);
}

#[test]
fn what_is_soon_there_has_no_bar_and_is_as_wide_as_the_terminal() {
    let lab = Lab::new();
    fragmented(&lab, "quick.qcow2", 4);
    let command = format!(
        "stty rows 40 cols 100; {} image map --color never quick.qcow2",
        env!("CARGO_BIN_EXE_pve-native")
    );
    let text = on_terminal(&lab, &command);
    assert!(text.starts_with("quick.qcow2: "), "{text:?}");
    let disk = text.lines().find(|line| line.starts_with("disk")).unwrap();
    assert_eq!(disk.trim_end().chars().count(), 100);
}
