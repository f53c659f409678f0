//! Plans while the guest runs, taken on a model of QEMU's block nodes. The real one is in
//! `tests/vm/online`; here each step is looked at: which file a node has open, and what it is called.

#[path = "../common/mod.rs"]
mod common;
mod nodes;

use std::os::unix::ffi::OsStrExt;

use common::{Images, qemu_img};
use nodes::Nodes;
use pve_native_core::Result;
use pve_native_core::io::Storage;
use pve_native_core::snapshot::graph::{Graph, Listed, Subject};
use pve_native_core::snapshot::names::{ImageName, Part, Scheme, SnapshotName, VolumeName};
use pve_native_core::snapshot::plan::{Action, Guest, Plan, Task, Terms, Wish};
use serde_json::json;

const VOLUME: &str = "vm-100-disk-0.qcow2";
const MIB: u64 = 1 << 20;

fn snapshot(name: &str) -> SnapshotName {
    SnapshotName::new(name.as_bytes()).unwrap()
}

/// A volume with these snapshots, the oldest first. The one called `large` holds more than the others.
struct Volume {
    images: Images,
    scheme: Scheme,
    names: Vec<String>,
}

impl Volume {
    fn new(scheme: Scheme, snapshots: &[&str]) -> Self {
        let volume = VolumeName::new(scheme, VOLUME.as_bytes()).unwrap();
        let parts = snapshots.iter().map(|name| match *name {
            "bottom" => Part::Bottom,
            name => Part::Snapshot {
                name: snapshot(name),
                raw: name == "raw",
            },
        });
        let names = parts.chain([Part::Current]).map(|part| {
            let image = ImageName::new(volume.clone(), part);
            scheme.form(&image).unwrap()
        });
        let volume = Volume {
            images: Images::in_memory(),
            scheme,
            names: names.collect(),
        };
        let mut below: Option<&String> = None;
        for name in &volume.names {
            let path = volume.path(name);
            let format = |name: &str| {
                if name.ends_with(".qcow2") {
                    "qcow2"
                } else {
                    "raw"
                }
            };
            let mut create = vec!["create", "-q", "-f", format(name)];
            if let Some(below) = below {
                create.extend(["-u", "-b", below, "-F", format(below)]);
            }
            create.extend([&path, "16M"]);
            qemu_img(&create);
            let bytes = if name.contains("large") { "4M" } else { "64k" };
            let write = format!("write -q -P 1 8M {bytes}");
            let status = std::process::Command::new("qemu-io")
                .args(["-f", format(name), "-c", &write, &path])
                .status();
            assert!(status.unwrap().success());
            below = Some(name);
        }
        volume
    }

    fn path(&self, name: &str) -> String {
        self.images.path(name).to_str().unwrap().to_owned()
    }

    fn graph(&self) -> Graph {
        let listing: Vec<Listed> = self
            .names
            .iter()
            .map(|name| Listed {
                name: name.as_bytes().into(),
                path: self.images.path(name).as_os_str().as_bytes().into(),
                ..Listed::default()
            })
            .collect();
        let subject = Subject::new(self.scheme, VOLUME.as_bytes(), None).unwrap();
        Graph::from_volumes(&Storage::inline(), subject, &listing).unwrap()
    }

    fn plan(&self, guest: Guest, wish: &Wish) -> Result<Plan> {
        let terms = Terms {
            guest: Some(guest),
            ..Terms::default()
        };
        Plan::new(&Storage::inline(), &self.graph(), wish, &terms)
    }
}

fn guest() -> Guest {
    Guest::new("scsi0", "san:vm-100-disk-0.qcow2")
}

fn delete(names: &[&str]) -> Wish {
    Wish::Delete(names.iter().map(|name| snapshot(name)).collect())
}

/// What a plan consists of, in words: the commands, and the names of processes.
fn words(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| word(&step.action)).collect()
}

fn word(action: &Action) -> &str {
    match action {
        Action::Qmp { execute, .. } => execute,
        Action::Exec(argv) => argv[0].rsplit('/').next().unwrap(),
        Action::Native(_) => "file",
    }
}

/// The wishes that move data in each way that there is.
fn cases() -> Vec<(Vec<&'static str>, Wish)> {
    vec![
        (vec![], Wish::Create(snapshot("s1"))),
        (vec!["s1"], Wish::Create(snapshot("s2"))),
        (vec!["s1", "s2"], delete(&["s1"])),
        (vec!["s1", "s2"], delete(&["s2"])),
        (vec!["s1", "s2", "s3"], delete(&["s2"])),
        (vec!["s1", "s2", "s3", "s4"], delete(&["s1", "s2", "s4"])),
        (vec!["large"], delete(&["large"])),
        (vec!["large", "s1", "s2"], delete(&["large"])),
        (vec!["s1", "large", "s2"], delete(&["large"])),
        (vec!["s1", "large", "s2", "s3"], delete(&["large", "s2"])),
        (vec!["large", "s1", "s2"], delete(&["large", "s1", "s2"])),
        (vec!["s1"], Wish::Resize(32 * MIB)),
    ]
}

#[test]
fn each_node_has_the_file_open_that_is_called_as_it_says() {
    let schemes = [Scheme::LvmQcow2, Scheme::PveDir, Scheme::PveLvm];
    for ((snapshots, wish), scheme) in cases().into_iter().zip(schemes.into_iter().cycle()) {
        let volume = Volume::new(scheme, &snapshots);
        let plan = volume.plan(guest(), &wish).unwrap();
        assert!(plan.online);
        let mut nodes = Nodes::of_chain(&volume.names, &guest());
        for step in &plan.steps {
            nodes.take(step, &plan.to_text());
        }
        nodes.must_be_in_order(&plan.to_text());
    }
}

#[test]
fn the_way_back_leads_to_the_nodes_before() {
    for (snapshots, wish) in cases() {
        let volume = Volume::new(Scheme::PveDir, &snapshots);
        let plan = volume.plan(guest(), &wish).unwrap();
        let text = plan.to_text();
        for (at, failed) in plan.steps.iter().enumerate() {
            let Some(undo) = &failed.on_failure.undo else {
                continue;
            };
            let before = Nodes::of_chain(&volume.names, &guest());
            let mut nodes = before.clone();
            for step in &plan.steps[..at] {
                nodes.take(step, &text);
            }
            for action in undo {
                nodes.act(action, &text);
            }
            nodes.must_be_in_order(&text);
            assert_eq!(nodes, before, "{} of {text}", failed.id);
        }
    }
}

#[test]
fn a_snapshot_is_taken_with_the_guest_stopped_over_three_commands() {
    let volume = Volume::new(Scheme::LvmQcow2, &["s1"]);
    let wish = Wish::Create(snapshot("s2"));
    let plan = volume.plan(guest(), &wish).unwrap();
    let expected = [
        "lvcreate",
        "qemu-img",
        // QEMU does not open the image anew by a name that it is about to lose.
        "blockdev-add",
        "blockdev-del",
        "lvrename",
        "lvrename",
        "stop",
        "blockdev-add",
        "blockdev-reopen",
        "blockdev-del",
        "blockdev-del",
        "cont",
        "blockdev-add",
        "blockdev-snapshot",
    ];
    assert_eq!(words(&plan), expected);
    // Whoever stops the guest for a longer time lets it go on.
    let paused = Guest {
        paused: true,
        ..guest()
    };
    let plan = volume.plan(paused, &wish).unwrap();
    assert!(
        !words(&plan)
            .iter()
            .any(|word| ["stop", "cont"].contains(word))
    );
}

#[test]
fn a_stream_is_written_out_before_the_header_says_so() {
    let volume = Volume::new(Scheme::PveDir, &["s1", "s2"]);
    let plan = volume.plan(guest(), &delete(&["s2"])).unwrap();
    let expected = [
        "block-stream",
        "blockdev-reopen",
        "job-finalize",
        "blockdev-del",
        "blockdev-del",
        "file",
    ];
    assert_eq!(words(&plan), expected);
    let tasks: Vec<Task> = plan.steps.iter().map(|step| step.task).collect();
    assert_eq!(tasks[..3], [Task::Stream, Task::Flush, Task::Refer]);
    let Action::Qmp { arguments, job, .. } = &plan.steps[0].action else {
        panic!("{plan:?}");
    };
    assert_eq!(arguments["backing-file"], "snap-s1-vm-100-disk-0.qcow2");
    assert_eq!(arguments["auto-finalize"], false);
    assert_eq!(job.as_ref().unwrap().until.name(), "pending");
}

#[test]
fn names_change_at_once_when_the_guest_writes_to_the_lower_image() {
    let volume = Volume::new(Scheme::LvmQcow2, &["large"]);
    let plan = volume.plan(guest(), &delete(&["large"])).unwrap();
    let taken = words(&plan);
    let complete = taken
        .iter()
        .position(|word| *word == "job-complete")
        .unwrap();
    assert_eq!(taken[complete - 1], "stop");
    assert_eq!(taken[complete + 1..complete + 3], ["lvrename", "lvrename"]);
    let end = taken.iter().position(|word| *word == "cont").unwrap();
    assert_eq!(taken[end + 1..], ["lvremove"]);
    // Nobody stands still where the guest does not write.
    let volume = Volume::new(Scheme::LvmQcow2, &["large", "s1"]);
    let plan = volume.plan(guest(), &delete(&["large"])).unwrap();
    assert!(!words(&plan).contains(&"stop"));
}

#[test]
fn a_raw_snapshot_becomes_the_bottom_with_its_own_format() {
    let volume = Volume::new(Scheme::LvmQcow2, &["raw", "s1"]);
    let plan = volume.plan(guest(), &delete(&["raw"])).unwrap();
    let mut nodes = Nodes::of_chain(&volume.names, &guest());
    for step in &plan.steps {
        nodes.take(step, &plan.to_text());
    }
    nodes.must_be_in_order(&plan.to_text());
    // `change-backing-file` would record that the raw image is one in qcow2.
    assert!(
        !words(&plan).contains(&"change-backing-file"),
        "{}",
        plan.to_text()
    );
    assert_eq!(plan.bytes_moved, 0);
}

#[test]
fn nodes_are_as_the_caller_says() {
    let volume = Volume::new(Scheme::PveDir, &[]);
    let document = json!({
        "drive": "virtio3",
        "volid": "dir:100/vm-100-disk-0.qcow2",
        "nodes": { VOLUME: { "format": "theirs", "file": "their-file" } },
        "format-options": { "discard": "unmap", "discard-no-unref": false },
        "file-options": { "aio": "io_uring", "discard": "unmap" },
        "top-options": { "discard": "unmap" },
    });
    let guest = Guest::from_document(document.to_string().as_bytes()).unwrap();
    let plan = volume.plan(guest, &Wish::Create(snapshot("s1"))).unwrap();
    let text = plan.to_text();
    for part in [
        r#""node-name":"their-file""#,
        r#""throttle-group":"throttle-drive-virtio3""#,
        r#""aio":"io_uring""#,
        r#""discard-no-unref":false"#,
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains(r#""discard":"ignore""#), "{text}");
}

#[test]
fn what_needs_a_stopped_guest_is_refused() {
    let volume = Volume::new(Scheme::LvmQcow2, &["s1"]);
    let wishes = [
        Wish::Rollback(snapshot("s1")),
        Wish::Rename(b"vm-101-disk-0.qcow2".to_vec()),
        Wish::CreateBase,
        Wish::Free,
    ];
    for wish in wishes {
        let error = volume.plan(guest(), &wish).unwrap_err().to_string();
        assert!(error.contains("stopped"), "{error}");
    }
}
