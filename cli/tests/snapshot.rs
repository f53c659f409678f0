//! The images of a volume, from the folder that they lie in.

mod common;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{Answer, Lab, without_directory};
use serde_json::json;

const VOLUME: &str = "vm-100-disk-0.qcow2";

/// A volume in the folder of guest 100, with the snapshots `first` and `second`, another volume beside
/// it, and things that are none of either's.
fn volume() -> Lab {
    let lab = Lab::new();
    fs::create_dir(lab.path("100")).unwrap();
    lab.create("100/snap-first-vm-100-disk-0.qcow2", &[]);
    on(
        &lab,
        "snap-second-vm-100-disk-0.qcow2",
        "snap-first-vm-100-disk-0.qcow2",
    );
    on(&lab, VOLUME, "snap-second-vm-100-disk-0.qcow2");
    lab.create("100/vm-100-disk-1.qcow2", &[]);
    fs::create_dir(lab.path("100/folder")).unwrap();
    fs::write(lab.path("100/notes"), "x").unwrap();
    lab
}

fn on(lab: &Lab, name: &str, below: &str) {
    let path = format!("100/{name}");
    lab.create(&path, &["-b", below, "-F", "qcow2"]);
}

fn graph(lab: &Lab, args: &[&str]) -> Answer {
    lab.pve_native(["snapshot", "graph"].iter().chain(args))
}

fn path(lab: &Lab, name: &str) -> String {
    lab.path(format!("100/{name}")).to_str().unwrap().to_owned()
}

/// The tree without trailing sizes, which depend on the file system.
fn tree(answer: &Answer) -> Vec<String> {
    let line = |line: &str| {
        let end = line
            .find(" on disk")
            .map(|end| line[..end].rfind(',').unwrap_or(end));
        line[..end.unwrap_or(line.len())].trim_end().to_owned()
    };
    answer.stdout.lines().map(line).collect()
}

#[test]
fn the_tree_has_all_images_of_the_volume() {
    let lab = volume();
    let expected = [
        "100/vm-100-disk-0.qcow2: 2 snapshots, pve-dir",
        "",
        "  ● current  vm-100-disk-0.qcow2              1 MiB",
        "  ○ second   snap-second-vm-100-disk-0.qcow2  1 MiB",
        "  ○ first    snap-first-vm-100-disk-0.qcow2   1 MiB",
    ];
    for name in [VOLUME, "snap-first-vm-100-disk-0.qcow2"] {
        let answer = graph(&lab, &[&path(&lab, name)]);
        assert_eq!(tree(&answer), expected);
        assert_eq!((answer.status, answer.stderr.as_str()), (0, ""));
    }
    // Wherever it is called from, with a deadline or without.
    let relative = graph(&lab, &["100/vm-100-disk-0.qcow2", "--timeout", "30"]);
    assert_eq!(tree(&relative)[2..], expected[2..]);
    let mut command = lab.command();
    command
        .current_dir(lab.path("100"))
        .args(["snapshot", "graph", VOLUME]);
    for timeout in [&[][..], &["--timeout", "30"]] {
        let answer = Answer::of(command.args(timeout));
        assert_eq!(tree(&answer)[2..], expected[2..]);
    }
}

#[test]
fn the_json_is_what_volume_snapshot_info_gives() {
    let lab = volume();
    let answer = graph(&lab, &[&path(&lab, VOLUME), "--output", "json"]);
    let text = without_directory(&answer.fine(), &lab);
    let entry = |order: usize, name: &str| {
        json!({ "order": order, "file": format!("DIR/100/{name}"), "volname": format!("100/{name}"),
            "virtual-size": 1 << 20 })
    };
    let mut expected = json!({
        "current": entry(0, VOLUME),
        "second": entry(1, "snap-second-vm-100-disk-0.qcow2"),
        "first": entry(2, "snap-first-vm-100-disk-0.qcow2"),
    });
    for (older, newer) in [("second", "current"), ("first", "second")] {
        expected[older]["child"] = newer.into();
        expected[newer]["parent"] = older.into();
    }
    let found: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(found, expected);
}

#[test]
fn branches_and_left_overs_are_seen_and_what_is_broken_is_status_3() {
    let lab = volume();
    on(
        &lab,
        "snap-side-vm-100-disk-0.qcow2",
        "snap-first-vm-100-disk-0.qcow2",
    );
    on(
        &lab,
        "vm-100-disk-0.qcow2.new",
        "snap-second-vm-100-disk-0.qcow2",
    );
    let answer = graph(&lab, &[&path(&lab, VOLUME)]);
    let lines = tree(&answer);
    let texts: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
    assert!(texts[2].starts_with("  ● current"), "{texts:?}");
    assert!(
        texts[3].starts_with("  │ ○ unfinished current"),
        "{texts:?}"
    );
    assert_eq!(texts[4], "  ├─╯");
    assert!(texts[5].starts_with("  ○ second"), "{texts:?}");
    assert!(texts[6].starts_with("  │ ○ side"), "{texts:?}");
    assert_eq!(texts[7], "  ├─╯");
    assert!(texts[8].starts_with("  ○ first"), "{texts:?}");
    assert_eq!(answer.status, 0, "{}", answer.stdout);
    let warning = "⚠ warning: 'snap-side-vm-100-disk-0.qcow2' branches off below the current image \
                   [branch]";
    assert!(
        lines.iter().any(|line| line == warning),
        "{}",
        answer.stdout
    );

    fs::remove_file(lab.path("100/snap-first-vm-100-disk-0.qcow2")).unwrap();
    for output in ["human", "json", "dot", "svg"] {
        let answer = graph(&lab, &[&path(&lab, VOLUME), "--output", output]);
        assert_eq!((answer.status, answer.stderr.as_str()), (3, ""), "{output}");
    }
    let answer = graph(&lab, &[&path(&lab, VOLUME)]);
    assert!(answer.stdout.contains("✗ first"), "{}", answer.stdout);
    assert!(
        answer.stdout.contains("is not there [missing]"),
        "{}",
        answer.stdout
    );
}

#[test]
fn a_terminal_without_utf8_gets_ascii_and_colour_only_when_wanted() {
    let lab = volume();
    on(
        &lab,
        "snap-side-vm-100-disk-0.qcow2",
        "snap-first-vm-100-disk-0.qcow2",
    );
    let args = ["snapshot", "graph", &path(&lab, VOLUME)];
    let ascii = Answer::of(lab.command().env("LC_ALL", "C").args(args)).fine();
    assert!(ascii.is_ascii() && ascii.contains("  |-'\n"), "{ascii}");
    assert!(!ascii.contains('\x1b'));
    let colour = graph(&lab, &[&path(&lab, VOLUME), "--color", "always"]).fine();
    assert!(colour.contains("\x1b[1m\x1b[32mcurrent"), "{colour:?}");
}

#[test]
fn the_layout_is_the_one_that_the_names_have() {
    for (scheme, snapshot) in [
        ("pve-lvm", "snap_vm-100-disk-0_first.qcow2"),
        ("lvmqcow2", "vm-100-disk-0-snap-first.qcow2"),
        ("pve-dir", "snap-first-vm-100-disk-0.qcow2"),
    ] {
        let lab = Lab::new();
        fs::create_dir(lab.path("100")).unwrap();
        lab.create(&format!("100/{snapshot}"), &[]);
        on(&lab, VOLUME, snapshot);
        for image in [VOLUME, snapshot] {
            let answer = graph(&lab, &[&path(&lab, image)]).fine();
            let heading = answer.lines().next().unwrap();
            assert!(
                heading.ends_with(&format!(": 1 snapshot, {scheme}")),
                "{heading}"
            );
        }
    }
    let lab = Lab::new();
    lab.create(VOLUME, &[]);
    assert!(
        graph(&lab, &[VOLUME])
            .fine()
            .contains("0 snapshots, pve-dir")
    );
    lab.qemu_img(["snapshot", "-c", "inner", VOLUME]);
    for scheme in [&[][..], &["--scheme", "internal"]] {
        let answer = graph(&lab, &[&[VOLUME, "--output", "json"], scheme].concat());
        let info = answer.json();
        assert!(info["inner"]["timestamp"].is_u64(), "{}", answer.stdout);
    }
    let named = graph(&lab, &[VOLUME, "--scheme", "pve-dir"]).fine();
    assert!(
        named.contains("has snapshots within [internal-snapshots]"),
        "{named}"
    );
}

#[test]
fn the_drawings_have_every_image() {
    let lab = volume();
    on(
        &lab,
        "snap-side-vm-100-disk-0.qcow2",
        "snap-first-vm-100-disk-0.qcow2",
    );
    let dot = graph(&lab, &[&path(&lab, VOLUME), "--output", "dot"]).fine();
    assert!(dot.starts_with("digraph ") && dot.ends_with("}\n"));
    assert_eq!(dot.matches(" -> ").count(), 3, "{dot}");
    let svg = graph(&lab, &[&path(&lab, VOLUME), "--output", "svg"]).fine();
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    assert_eq!(svg.matches("<circle ").count(), 4);
    assert_eq!(svg.matches("<path class=\"l ").count(), 3);
    assert!(
        svg.contains(">before") || svg.contains(">first</text>"),
        "{svg}"
    );
    assert!(svg.contains("1 MiB, branch</text>"));
}

#[test]
fn nothing_in_a_name_is_markup_or_moves_the_cursor() {
    let lab = Lab::new();
    let odd = "<&\u{1b}[2J>.qcow2";
    lab.create(odd, &[]);
    lab.create(VOLUME, &["-u", "-b", odd, "-F", "qcow2"]);
    for output in ["human", "dot", "svg"] {
        let text = graph(&lab, &[VOLUME, "--output", output]).stdout;
        assert!(!text.contains('\u{1b}'), "{text}");
        assert!(text.contains("\\u{1b}[2J"), "{text}");
        assert!(output != "svg" || !text.contains("<&"), "{text}");
    }
}

#[test]
fn large_volumes_have_bounded_drawings() {
    let lab = Lab::new();
    lab.create("vm-1-x.qcow2", &[]);
    let image = fs::read(lab.path("vm-1-x.qcow2")).unwrap();
    for number in 0..2000 {
        let name = format!("snap-s{number}-vm-1-x.qcow2");
        fs::write(lab.path(name), &image[..4096]).unwrap();
    }
    let svg = graph(&lab, &["vm-1-x.qcow2", "--output", "svg"]);
    assert!(svg.stdout.len() < 1 << 20, "{}", svg.stdout.len());
    assert!(svg.stdout.contains("and 1501 more, all in --output dot"));
    assert_eq!(svg.stdout.matches("<circle ").count(), 500);
}

#[test]
fn what_is_not_there_is_said_in_one_line() {
    let lab = volume();
    let error = graph(&lab, &[&path(&lab, "vm-7-disk-0.qcow2")]).error();
    assert!(error.contains("No such file or directory"), "{error}");
    let error = graph(&lab, &["none/vm-7-disk-0.qcow2"]).error();
    assert!(
        error.contains("'none/'") && error.contains("No such file"),
        "{error}"
    );
    // Nor any group of this name.
    let error = graph(&lab, &["/dev/no-such-group/vm-7-disk-0.qcow2"]).error();
    assert!(error.contains("/sbin/lvs"), "{error}");
    for args in [
        &["/dev/no-such-device"][..],
        &["100/notes", "--scheme", "lvmqcow2"],
        &["x", "--scheme", "zfs"],
        &["x", "--timeout", "soon"],
        &["x", "--volname", "a/b/c"],
        &["x", "--limit", "x=1"],
        &[],
    ] {
        assert_eq!(graph(&lab, args).status, 2, "{args:?}");
    }
}

/// A folder that can be made to hang; None where none can be mounted.
struct Hanging {
    server: Child,
    lab: Lab,
}

impl Hanging {
    fn mount(lab: Lab) -> Option<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/support/hangfs.py");
        fs::create_dir(lab.path("far")).unwrap();
        let mut server = Command::new("python3")
            .arg(script)
            .args(["100", "far", "control"].map(|name| lab.path(name)))
            .arg("120")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let out = server.stdout.take().unwrap();
        BufReader::new(out).read_line(&mut line).unwrap();
        if line.starts_with("ready") {
            return Some(Hanging { server, lab });
        }
        assert_eq!(server.wait().unwrap().code(), Some(77), "hangfs.py failed");
        println!("skipped: folders that hang: FUSE cannot be mounted here");
        None
    }
}

impl Drop for Hanging {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.lab.path("control"));
        let pid = self.server.id().to_string();
        let _ = Command::new("kill").arg(pid).status();
        let _ = self.server.wait();
    }
}

#[test]
fn a_folder_that_hangs_is_given_up_in_time() {
    let Some(hanging) = Hanging::mount(volume()) else {
        return;
    };
    let lab = &hanging.lab;
    let far = lab.path("far").join(VOLUME);
    let far = far.to_str().unwrap();
    let near = graph(lab, &[far, "--timeout", "30"]);
    assert!(
        near.stdout.contains("2 snapshots, pve-dir"),
        "{}{}",
        near.stdout,
        near.stderr
    );
    for request in ["opendir", "readdir", "lookup getattr", "open", "read"] {
        fs::write(lab.path("control"), request).unwrap();
        let start = Instant::now();
        let error = graph(lab, &[far, "--timeout", "0.3"]).error();
        let taken = start.elapsed();
        assert!(
            error.contains("did not answer in time"),
            "{request}: {error}"
        );
        assert!(error.contains("far"), "{request}: {error}");
        assert!(taken > Duration::from_millis(250), "{request}: {taken:?}");
        assert!(taken < Duration::from_secs(10), "{request}: {taken:?}");
        fs::remove_file(lab.path("control")).unwrap();
    }
}
