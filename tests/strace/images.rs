//! The images that are looked at: ordinary ones, and such that name what they must not.

use std::path::Path;
use std::process::Command;

use crate::look::Question;

/// A file that everybody knows not to be for everybody.
const SECRET: &str = "/etc/shadow";

/// Where they lie; `root` is the only folder that the policy allows.
pub struct Folder {
    /// Keeps it until the end.
    _directory: tempfile::TempDir,
    pub base: String,
    pub root: String,
}

impl Folder {
    /// On the disk that the build is on, so that step one of a deadline is tried as well.
    pub fn new() -> Self {
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("directory");
        let base = directory.path().canonicalize().expect("directory");
        let base = base.to_str().expect("UTF-8").to_owned();
        let root = format!("{base}/root");
        std::fs::create_dir(&root).expect("directory");
        Folder {
            _directory: directory,
            base,
            root,
        }
    }

    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.root)
    }
}

/// An image, and which files a question about it opens, besides itself.
pub struct Case {
    pub name: String,
    pub path: String,
    pub format: String,
    /// Whether nothing is wrong with it.
    pub ordinary: bool,
    info: Vec<String>,
    chain: Vec<String>,
    /// By a chain without a deadline, which does not look first at what stands beside the image.
    beside: Vec<String>,
    /// By an audit, and by a pin.
    audit: Vec<String>,
}

impl Case {
    pub fn opened(&self, question: Question, timeout: &str) -> impl Iterator<Item = &str> {
        let more = match question {
            Question::Info => &self.info,
            Question::Chain => &self.chain,
            Question::Audit | Question::Pin => &self.audit,
        };
        let beside = match (question, timeout) {
            (Question::Chain, "none") => &self.beside[..],
            _ => &[],
        };
        let all = std::iter::once(&self.path).chain(more).chain(beside);
        all.map(String::as_str)
    }
}

/// Options of ordinary images of 32 GiB.
const ORDINARY: [(&str, &str); 15] = [
    ("raw", ""),
    ("qcow2", ""),
    ("qcow2", "compat=0.10"),
    ("qcow2", "extended_l2=on"),
    ("qcow2", "cluster_size=2M"),
    (
        "qcow2",
        "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10",
    ),
    ("qcow", ""),
    ("qed", ""),
    ("vmdk", "subformat=monolithicSparse"),
    ("vmdk", "subformat=streamOptimized"),
    ("vdi", ""),
    ("vpc", "subformat=dynamic"),
    ("vpc", "subformat=fixed"),
    ("vhdx", ""),
    ("luks", "key-secret=s,iter-time=10"),
];

pub fn cases(folder: &Folder) -> Vec<Case> {
    let mut cases = Vec::new();
    for (index, (format, options)) in ORDINARY.into_iter().enumerate() {
        let path = folder.path(&format!("ordinary-{index}"));
        // The table of a VHD is read whole.
        let size = if format == "vpc" { "8G" } else { "32G" };
        create(&path, format, options, size);
        if (format, options) == ("qcow2", "") {
            for name in ["one", "two"] {
                run("qemu-img", &["snapshot", "-c", name, &path]);
            }
            run("qemu-img", &["bitmap", "--add", &path, "changes"]);
        }
        cases.push(case(format!("{format} ({options})"), path, format));
        cases.last_mut().expect("a case").ordinary = true;
    }

    let inside = folder.path("inside.raw");
    std::fs::write(&inside, vec![1; 1 << 20]).expect("image");
    let outside = format!("{}/outside.raw", folder.base);
    std::fs::write(&outside, vec![1; 1 << 20]).expect("image");
    let (fifo, link) = (folder.path("fifo"), folder.path("link"));
    run("mkfifo", &[&fifo]);
    std::os::unix::fs::symlink(&outside, &link).expect("link");
    let _socket = std::os::unix::net::UnixListener::bind(folder.path("socket"));

    let json = format!(r#"json:{{"driver":"file","filename":"{SECRET}"}}"#);
    // What it names; whether the file is opened by a chain, and by an audit.
    let backings: [(&str, bool, bool); 14] = [
        (&inside, true, true),
        ("inside.raw", true, true),
        (SECRET, true, false),
        (&outside, true, false),
        ("../outside.raw", true, false),
        ("link", true, false),
        ("fifo", false, false),
        ("socket", false, false),
        (".", false, false),
        ("/dev/null", false, false),
        ("/dev/watchdog", false, false),
        (&json, false, false),
        ("nbd:unix:/run/none", false, false),
        ("fat:/etc", false, false),
    ];
    for (index, (name, chain, audit)) in backings.into_iter().enumerate() {
        let path = folder.path(&format!("backing-{index}"));
        let options = format!("backing_file={},backing_fmt=raw", name.replace(',', ",,"));
        create(&path, "qcow2", &options, "1M");
        let mut case = case(format!("backing file {name}"), path, "qcow2");
        let real = Path::new(&folder.root).join(name).canonicalize();
        let real = real.map_or(name.to_owned(), |real| real.display().to_string());
        case.chain.extend(chain.then(|| real.clone()));
        case.beside.extend((name == "fifo").then(|| real.clone()));
        case.audit.extend(audit.then_some(real));
        cases.push(case);
    }

    // A data file's name is never followed but by an audit that may.
    for (index, name) in [inside.as_str(), SECRET, &outside, &fifo, &link]
        .into_iter()
        .enumerate()
    {
        let path = folder.path(&format!("data-{index}"));
        let own = folder.path(&"d".repeat(200));
        create(&path, "qcow2", &format!("data_file={own}"), "1M");
        rename_data_file(&path, &own, name);
        let mut case = case(format!("data file {name}"), path, "qcow2");
        if name == inside {
            case.audit.push(inside.clone());
        }
        cases.push(case);
    }

    for (index, name) in [inside.as_str(), SECRET, &outside, "fifo", "link"]
        .into_iter()
        .enumerate()
    {
        let path = folder.path(&format!("extent-{index}.vmdk"));
        let text = format!(
            "# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\n\
             createType=\"monolithicFlat\"\nRW 2048 FLAT \"{name}\" 0\n"
        );
        std::fs::write(&path, text).expect("image");
        let mut case = case(format!("extent {name}"), path, "vmdk");
        if name != "fifo" {
            let real = Path::new(&folder.root)
                .join(name)
                .canonicalize()
                .expect("extent");
            case.info.push(real.display().to_string());
            case.chain = case.info.clone();
        }
        if name == inside {
            case.audit.push(inside.clone());
        }
        cases.push(case);
    }
    cases
}

fn case(name: String, path: String, format: &str) -> Case {
    Case {
        name,
        path,
        format: format.into(),
        ordinary: false,
        info: Vec::new(),
        chain: Vec::new(),
        beside: Vec::new(),
        audit: Vec::new(),
    }
}

/// Runs a program that must do well.
fn run(program: &str, args: &[&str]) {
    let done = Command::new(program).args(args).output().expect(program);
    let message = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{program} {args:?}: {message}");
}

fn create(path: &str, format: &str, options: &str, size: &str) {
    let mut args = vec!["create", "-q", "-u", "-f", format];
    if options.contains("key-secret") {
        args.extend(["--object", "secret,id=s,data=abc"]);
    }
    if !options.is_empty() {
        args.extend(["-o", options]);
    }
    args.extend([path, size]);
    run("qemu-img", &args);
}

/// Writes a shorter name of a data file over the one in the header.
fn rename_data_file(path: &str, old: &str, new: &str) {
    let mut bytes = std::fs::read(path).expect("image");
    let at = bytes
        .windows(old.len())
        .position(|part| part == old.as_bytes());
    let at = at.expect("the name of the data file");
    bytes[at - 4..at].copy_from_slice(&(new.len() as u32).to_be_bytes());
    bytes[at..at + old.len()].fill(0);
    bytes[at..at + new.len()].copy_from_slice(new.as_bytes());
    std::fs::write(path, bytes).expect("image");
}
