//! Plans made by hand: what becomes of those that fail, that come too late, and that are interrupted.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use pve_native_core::inspect::{Bounds, GraphOptions, graph_of_volumes};
use pve_native_core::snapshot::graph::Listed;
use pve_native_core::snapshot::plan::{
    ImageState, Native, OnFailure, Operation, Outcome, States, Task,
};
use pve_native_core::snapshot::{Graph, Scheme};

use super::*;

const VOLUME: &str = "vm-100-disk-0.qcow2";

struct Lab {
    folder: tempfile::TempDir,
    interrupt: Interrupt,
}

impl Lab {
    /// A volume of which nothing but the name is right: plans by hand know no more.
    fn new() -> Self {
        let lab = Lab {
            folder: tempfile::tempdir().unwrap(),
            interrupt: Interrupt::default(),
        };
        fs::write(lab.path(VOLUME), "").unwrap();
        lab
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    fn graph(&self) -> Graph {
        let listed = Listed {
            name: VOLUME.into(),
            path: self.text(VOLUME).into_bytes(),
            ..Listed::default()
        };
        graph_of_volumes(&[listed], &GraphOptions::new(Scheme::PveDir)).unwrap()
    }

    fn site(&self) -> Site {
        Site::of(Scheme::PveDir, self.text(VOLUME).as_bytes()).unwrap()
    }

    fn run(&self, steps: Vec<Step>) -> End {
        let site = self.site();
        let runner = Runner {
            site: &site,
            bounds: Bounds::default(),
            shown: false,
            interrupt: &self.interrupt,
            lock: &Lock::of(&self.graph(), &site).unwrap(),
        };
        runner.run(&Plan {
            operation: Operation::Create,
            volume: VOLUME.into(),
            online: false,
            bytes_moved: 0,
            bytes_needed: 0,
            seconds: 0.0,
            result: Outcome::default(),
            steps,
        })
    }

    fn rename(&self, from: &str, to: &str) -> Action {
        let (from, to) = (self.text(from), self.text(to));
        Action::Native(Native::Rename { from, to })
    }

    /// The current image gets the name `a`, which can be undone.
    fn begin(&self) -> Step {
        let (pre, post) = ([VOLUME], ["a"]);
        step("first", self.rename(VOLUME, "a"), &pre, &post, Some(vec![]))
    }
}

fn sh(script: &str) -> Action {
    Action::Exec(["/bin/sh", "-c", script].map(String::from).into())
}

/// A step before which these are there, and afterwards those.
fn step(id: &str, action: Action, pre: &[&str], post: &[&str], undo: Option<Vec<Action>>) -> Step {
    let state = ImageState {
        format: pve_native_core::image::ImageFormat::Qcow2,
        backing: None,
        virtual_size: None,
        volume_size: None,
        written: true,
    };
    let names = pre.iter().chain(post);
    let states = |there: &[&str]| -> States {
        let state = |name: &&str| there.contains(name).then(|| state.clone());
        let entry = |name: &&str| (name.to_string(), state(name));
        names.clone().map(entry).collect::<BTreeMap<_, _>>()
    };
    Step {
        id: id.into(),
        task: Task::Rename,
        action,
        slow: false,
        reads: Vec::new(),
        writes: pre.iter().map(ToString::to_string).collect(),
        pre: states(pre),
        post: states(post),
        on_failure: OnFailure {
            resume: id.into(),
            undo,
        },
    }
}

fn undone(end: End) -> String {
    match end {
        End::Undone(error) => error.to_string(),
        end => panic!("{end:?}"),
    }
}

fn in_between(end: End) -> String {
    match end {
        End::InBetween(error) => error.to_string(),
        end => panic!("{end:?}"),
    }
}

#[test]
fn all_steps_are_done() {
    let lab = Lab::new();
    let second = step("second", lab.rename("a", "b"), &["a"], &["b"], None);
    assert_eq!(lab.run(vec![lab.begin(), second]), End::Done);
    assert_eq!(lab.names(), ["b"]);
    assert_eq!(lab.run(Vec::new()), End::Done);
}

#[test]
fn what_fails_is_undone() {
    let lab = Lab::new();
    // As when a volume was to be removed that had not been made.
    let undo = vec![
        sh("echo there is none >&2; exit 5"),
        lab.rename("a", VOLUME),
    ];
    let mut fails = step(
        "second",
        sh("echo no room >&2; exit 5"),
        &["a"],
        &["a"],
        Some(undo),
    );
    fails.task = Task::Allocate;
    let message = undone(lab.run(vec![lab.begin(), fails]));
    assert!(message.contains("step 'second' failed"), "{message}");
    assert!(message.ends_with("exit status: 5: no room"), "{message}");
    assert_eq!(lab.names(), [VOLUME]);
}

#[test]
fn what_cannot_be_undone_is_said() {
    let lab = Lab::new();
    let fails = |undo| step("second", sh("exit 5"), &["a"], &["a"], undo);
    let message = in_between(lab.run(vec![lab.begin(), fails(None)]));
    assert!(message.contains("step 'second' failed"), "{message}");
    assert_eq!(lab.names(), ["a"]);
    fs::rename(lab.path("a"), lab.path(VOLUME)).unwrap();
    let undo = Some(vec![lab.rename("b", VOLUME)]);
    let message = in_between(lab.run(vec![lab.begin(), fails(undo)]));
    assert!(message.contains("not undone"), "{message}");
    assert_eq!(lab.names(), ["a"]);
}

#[test]
fn a_plan_for_another_state_is_not_carried_out() {
    let lab = Lab::new();
    fs::write(lab.path("a"), "").unwrap();
    let message = undone(lab.run(vec![lab.begin()]));
    assert!(message.contains("is there, and must not be"), "{message}");
    assert_eq!(lab.names(), ["a", VOLUME]);
    // Somebody came in between: that is not undone, whatever the plan says.
    fs::remove_file(lab.path("a")).unwrap();
    let undo = Some(vec![lab.rename("a", VOLUME)]);
    let second = step("second", lab.rename("b", "c"), &["b"], &["c"], undo);
    let message = in_between(lab.run(vec![lab.begin(), second]));
    assert!(message.contains("is not there"), "{message}");
    assert_eq!(lab.names(), ["a"]);
}

#[test]
fn an_interrupted_step_is_ended_and_undone() {
    let lab = Lab::new();
    let undo = Some(vec![lab.rename("a", VOLUME)]);
    let slow = step("second", sh("exec sleep 60"), &["a"], &["a"], undo);
    let interrupt = lab.interrupt.clone();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        interrupt.raise();
    });
    let start = Instant::now();
    let message = undone(lab.run(vec![lab.begin(), slow]));
    assert!(message.contains("signal: 15"), "{message}");
    assert_eq!(lab.names(), [VOLUME]);
    assert!(start.elapsed() < Duration::from_secs(30));
    lab.interrupt.raise();
    assert!(undone(lab.run(vec![lab.begin()])).contains("interrupted"));
    assert_eq!(lab.names(), [VOLUME]);
}

#[test]
fn an_image_that_is_open_is_left_alone() {
    let lab = Lab::new();
    let open = fs::File::open(lab.path(VOLUME)).unwrap();
    let message = undone(lab.run(vec![lab.begin()]));
    assert!(message.contains("the guest must be stopped"), "{message}");
    drop(open);
    assert_eq!(lab.run(vec![lab.begin()]), End::Done);
}

#[test]
fn one_run_at_a_time_has_the_lock() {
    let lab = Lab::new();
    let (graph, site) = (lab.graph(), lab.site());
    let take = || Lock::within(Duration::from_millis(50), &graph, &site);
    let first = take().unwrap();
    let Err(error) = take() else {
        panic!("two have the lock");
    };
    assert!(error.to_string().contains("another run"), "{error}");
    // What a killed run has left running holds it, too.
    let mut child = first.inherited(|| {
        let mut command = std::process::Command::new("/bin/sleep");
        command.arg("60").spawn().unwrap()
    });
    drop(first);
    assert!(take().is_err());
    child.kill().unwrap();
    child.wait().unwrap();
    // A process of another test may have inherited it, too: such are soon over.
    let end = Instant::now() + Duration::from_secs(90);
    while take().is_err() {
        assert!(Instant::now() < end);
    }
}

#[test]
fn steps_of_a_running_guest_are_refused() {
    let lab = Lab::new();
    let action = Action::Qmp {
        execute: "stop".into(),
        arguments: serde_json::Map::new(),
        job: None,
        may_be_gone: false,
    };
    let stop = step("stop", action, &[VOLUME], &[VOLUME], Some(Vec::new()));
    assert!(undone(lab.run(vec![stop])).contains("'stop'"));
}
