//! A folder with the images of volumes, and what runs plans on it.

use std::fs::{self, File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use pve_native_core::io::Storage;
use pve_native_core::snapshot::diagnosis::{Diagnosis, Look, diagnose};
use pve_native_core::snapshot::graph::{Graph, Listed, Subject};
use pve_native_core::snapshot::names::Scheme;
use pve_native_core::snapshot::plan::{
    Action, Arguments, Native, Operation, Plan, Site, Terms, Wish,
};

/// Bytes of an extent: small, so that volumes are no larger than they must be.
const EXTENT: u64 = 64 << 10;

/// The folder, which stands in for a volume group.
pub struct Group {
    dir: tempfile::TempDir,
    pub scheme: Scheme,
}

/// What ends a step before it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Nothing.
    Done,
    /// SIGKILL, after so many microseconds.
    Killed(u64),
}

impl Group {
    pub fn new(scheme: Scheme) -> Self {
        let memory = Path::new("/dev/shm");
        let dir = match memory.is_dir() {
            true => tempfile::tempdir_in(memory),
            false => tempfile::tempdir(),
        };
        let group = Group {
            dir: dir.unwrap(),
            scheme,
        };
        fs::create_dir(group.folder()).unwrap();
        group
    }

    /// The folder of the images.
    pub fn folder(&self) -> PathBuf {
        self.dir.path().join("group")
    }

    /// The same images in another folder.
    pub fn copy(&self) -> Self {
        let copy = Group::new(self.scheme);
        for name in self.names() {
            let output = Command::new("cp")
                .args(["--sparse=always", "--"])
                .args([self.path(&name), copy.path(&name)])
                .output()
                .unwrap();
            assert!(output.status.success(), "{output:?}");
        }
        copy
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// The names of all images.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    /// Where plans find the images.
    pub fn site(&self) -> Site {
        let path = self.path("any");
        Site::of(self.scheme, path.as_os_str().as_bytes()).unwrap()
    }

    pub fn listing(&self) -> Vec<Listed> {
        let names = self.names().into_iter();
        let listed = names.map(|name| {
            let path = self.path(&name);
            Listed {
                size: Some(fs::metadata(&path).unwrap().len()),
                path: path.as_os_str().as_bytes().to_vec(),
                name: name.into_bytes(),
                ..Listed::default()
            }
        });
        listed.collect()
    }

    pub fn graph(&self, volume: &str) -> Graph {
        let subject = Subject::new(self.scheme, volume.as_bytes(), None).unwrap();
        Graph::from_volumes(&Storage::inline(), subject, &self.listing()).unwrap()
    }

    pub fn terms(&self) -> Terms {
        Terms {
            extent_size: EXTENT,
            ..Terms::default()
        }
    }

    /// The plan for an operation.
    pub fn plan(&self, volume: &str, wish: &Wish) -> pve_native_core::error::Result<Plan> {
        Plan::new(&Storage::inline(), &self.graph(volume), wish, &self.terms())
    }

    pub fn diagnose(&self, volume: &str) -> Vec<Diagnosis> {
        let look = Look { check: true };
        diagnose(&Storage::inline(), &self.graph(volume), &self.terms(), look).unwrap()
    }

    /// Runs all certain plans of diagnoses until there is none; the codes of what was found.
    pub fn repair(&self, volume: &str) -> Vec<&'static str> {
        let mut codes = Vec::new();
        loop {
            let found = self.diagnose(volume);
            let Some(next) = found.into_iter().find(|d| d.certain && d.plan.is_some()) else {
                return codes;
            };
            codes.push(next.code);
            let plan = next.plan.unwrap();
            let text = plan.to_text();
            let (volume, names) = (&next.volume, self.names());
            assert!(
                codes.len() < 20,
                "no end: {codes:?}, {volume}: {text}\n{names:?}"
            );
            for step in &plan.steps {
                assert!(
                    self.run(&step.action, Fate::Done),
                    "{}: {step:#?}",
                    next.message
                );
            }
        }
    }

    /// Runs one action; whether it was done.
    pub fn run(&self, action: &Action, fate: Fate) -> bool {
        match action {
            Action::Exec(argv) => {
                let words: Vec<&str> = argv.iter().map(String::as_str).collect();
                let program = words[0].rsplit('/').next().unwrap();
                match program {
                    "qemu-img" => self.qemu_img(&words[1..], fate),
                    "blkdiscard" => zero(Path::new(words[words.len() - 1]), &words),
                    _ => self.lvm(program, &words[1..]),
                }
            }
            Action::Native(Native::Rename { from, to }) => {
                !Path::new(to).exists() && fs::rename(from, to).is_ok()
            }
            Action::Native(Native::Unlink { path }) => {
                let _ = fs::remove_file(path);
                true
            }
            Action::Qmp { .. } => false,
        }
    }

    /// The real tool. A volume keeps its size, whatever the image in it needs.
    fn qemu_img(&self, args: &[&str], fate: Fate) -> bool {
        let before = self.listing();
        let mut child = Command::new("qemu-img")
            .args(args)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        if let Fate::Killed(after) = fate {
            std::thread::sleep(Duration::from_micros(after));
            let _ = child.kill();
        }
        let output = child.wait_with_output().unwrap();
        if self.scheme.is_lvm() {
            for listed in before {
                let file = OpenOptions::new()
                    .write(true)
                    .open(self.path(name(&listed)));
                let (file, size) = (file.unwrap(), listed.size.unwrap());
                let needed = file.metadata().unwrap().len();
                assert!(
                    needed <= size,
                    "'{}' has outgrown its volume",
                    name(&listed)
                );
                file.set_len(size).unwrap();
            }
        }
        let killed = output.status.signal().is_some();
        if !output.status.success() && !killed {
            eprintln!("{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
        output.status.success()
    }

    fn lvm(&self, program: &str, args: &[&str]) -> bool {
        let value = |option: &str| {
            let at = args.iter().position(|arg| *arg == option)?;
            args.get(at + 1).copied()
        };
        let size = value("--size").map(|size| size.trim_end_matches('b').parse::<u64>().unwrap());
        let size = size.map(|size| size.next_multiple_of(EXTENT));
        let file = |volume: &str| self.path(volume.strip_prefix("group/").unwrap());
        match program {
            "lvcreate" => {
                assert_eq!(args.last(), Some(&"group"));
                let path = self.path(value("--name").unwrap());
                let made = OpenOptions::new().write(true).create_new(true).open(path);
                made.is_ok_and(|file| file.set_len(size.unwrap()).is_ok())
            }
            "lvrename" => {
                let (from, to) = (self.path(args[1]), self.path(args[2]));
                args[0] == "group" && !to.exists() && fs::rename(from, to).is_ok()
            }
            "lvremove" => {
                let volumes = args.iter().filter(|arg| !arg.starts_with('-'));
                let removed = volumes.map(|volume| fs::remove_file(file(volume)).is_ok());
                !removed.collect::<Vec<_>>().contains(&false)
            }
            "lvextend" => {
                let path = file(args[args.len() - 1]);
                let file = OpenOptions::new().write(true).open(path).unwrap();
                assert!(file.metadata().unwrap().len() < size.unwrap());
                file.set_len(size.unwrap()).is_ok()
            }
            "lvchange" => true,
            _ => panic!("unknown program {program}"),
        }
    }

    /// Makes a volume with these bytes, as `alloc` does.
    pub fn allocate(&self, volume: &str, size: u64) {
        let path = self.path(volume);
        if volume.ends_with(".qcow2") {
            let options = "cluster_size=128k,extended_l2=on";
            let size = size.to_string();
            let path = path.to_str().unwrap();
            let args = ["create", "-q", "-f", "qcow2", "-o", options, path, &size];
            let output = common_qemu_img(&args);
            assert!(output, "{args:?}");
        }
        if self.scheme.is_lvm() {
            let terms = self.terms();
            let room = match volume.ends_with(".qcow2") {
                true => pve_native_core::snapshot::plan::room::of_new(&terms.layout, size).unwrap(),
                false => size,
            };
            let file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path);
            let room = room.next_multiple_of(EXTENT);
            file.unwrap().set_len(room).unwrap();
        } else if !volume.ends_with(".qcow2") {
            File::create(&path).unwrap().set_len(size).unwrap();
        }
    }
}

impl Group {
    /// An empty image on another, which it names by its whole path or without one.
    pub fn overlay(&self, name: &str, (below, format): (&Path, &str), size: u64) {
        let path = self.path(name);
        let path = path.to_str().unwrap();
        let options = "cluster_size=128k,extended_l2=on";
        let size_text = size.to_string();
        let below = below.to_str().unwrap();
        let args = [
            "create", "-q", "-f", "qcow2", "-o", options, "-b", below, "-F", format,
        ];
        assert!(common_qemu_img(&[&args[..], &[path, &size_text]].concat()));
        let room = pve_native_core::snapshot::plan::room::of_new(&self.terms().layout, size);
        let file = OpenOptions::new().write(true).open(path).unwrap();
        file.set_len(room.unwrap().next_multiple_of(EXTENT))
            .unwrap();
    }
}

fn common_qemu_img(args: &[&str]) -> bool {
    super::common::qemu_img(args).status.success()
}

pub fn name(listed: &Listed) -> &str {
    std::str::from_utf8(&listed.name).unwrap()
}

fn zero(path: &Path, words: &[&str]) -> bool {
    let value = |option: &str| -> u64 {
        let at = words.iter().position(|word| *word == option).unwrap();
        words[at + 1].parse().unwrap()
    };
    let mut file = OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(value("--offset"))).unwrap();
    file.write_all(&vec![0; value("--length") as usize])
        .unwrap();
    true
}

/// The wish for an operation.
pub fn wish(operation: &str, snapshots: &[&str]) -> Wish {
    let snapshots: Vec<&[u8]> = snapshots.iter().map(|name| name.as_bytes()).collect();
    let arguments = Arguments {
        snapshots: &snapshots,
        ..Arguments::default()
    };
    let operation = Operation::from_name(operation.as_bytes()).unwrap();
    Wish::from_caller(operation, &arguments).unwrap()
}
