//! In which order a step writes: a process may be killed between any two writes.

use std::process::Command;

use super::common::random::Random;
use super::group::{Group, wish};
use super::model::Model;
use super::walk::run;
use pve_native_core::snapshot::names::Scheme;
use pve_native_core::snapshot::plan::{Action, Task};

/// Offsets of all writes to one file, in their order.
fn writes(argv: &[String], file: &str) -> Vec<u64> {
    let log = tempfile::NamedTempFile::new().unwrap();
    let output = Command::new("strace")
        .args([
            "-f",
            "-y",
            "-s",
            "0",
            "-e",
            "trace=pwrite64,pwritev,write",
            "-o",
        ])
        .arg(log.path())
        .args(argv)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let log = std::fs::read_to_string(log.path()).unwrap();
    let to_file = log
        .lines()
        .filter(|line| line.contains(file) && line.contains("pwrite"));
    // `pwrite64(4</file>, ""..., 131072, 0) = 131072`, or ` <unfinished ...>` behind the offset.
    let offset = |line: &str| {
        let call = line.split(" <unfinished").next()?.split(") = ").next()?;
        call.rsplit(", ").next()?.parse().ok()
    };
    to_file.filter_map(offset).collect()
}

/// QEMU has tables in memory when it writes the new name into the header. A stream that is killed then
/// would lose data, unless it wrote them before.
#[test]
fn a_stream_writes_the_new_name_last() {
    let group = Group::new(Scheme::PveDir);
    let mut model = Model::new(&group, "vm-100-disk-0.qcow2", 200);
    let mut random = Random::new(11);
    for name in ["one", "two", "six"] {
        (0..6).for_each(|_| model.write(&group, &mut random));
        run(
            &group,
            &group.plan(&model.volume, &wish("create", &[name])).unwrap(),
        );
    }
    for _ in 0..20 {
        model.write(&group, &mut random);
    }
    let plan = group
        .plan(&model.volume, &wish("delete", &["six"]))
        .unwrap();
    let Some(step) = plan.steps.iter().find(|step| step.task == Task::Stream) else {
        panic!("{}", plan.to_text());
    };
    let Action::Exec(argv) = &step.action else {
        panic!("{step:#?}");
    };
    let all = writes(argv, "/vm-100-disk-0.qcow2>");
    assert!(all.len() > 3, "{all:?}");
    let header = all.iter().position(|offset| *offset == 0);
    assert_eq!(header, Some(all.len() - 1), "{all:?}");
}
