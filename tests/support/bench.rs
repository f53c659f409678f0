//! A place where cases make their images and compare the answers; many run side by side.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use pve_native_core::error::Code;
use serde_json::Value;

use super::answer::{difference, our_chain, our_info, their_info, value};

/// Workers; most of the time each waits for a qemu-img.
const WORKERS: usize = 4;

/// One case: it makes images and says what is to be compared.
pub struct Case {
    pub family: &'static str,
    pub name: String,
    pub run: Box<dyn Fn(&Bench<'_>) + Send + Sync>,
}

impl Case {
    pub fn new(
        family: &'static str,
        name: impl Into<String>,
        run: impl Fn(&Bench<'_>) + Send + Sync + 'static,
    ) -> Self {
        Case {
            family,
            name: name.into(),
            run: Box::new(run),
        }
    }
}

/// What came of it.
#[derive(Default)]
pub struct Report {
    counts: Mutex<BTreeMap<&'static str, usize>>,
    refused: AtomicUsize,
    differences: Mutex<Vec<String>>,
}

impl Report {
    /// Prints the counts, and fails if any answer differed.
    pub fn finish(self, what: &str) -> usize {
        let counts = self.counts.into_inner().expect("no worker died");
        let total: usize = counts.values().sum();
        let parts: Vec<String> = counts.iter().map(|(k, v)| format!("{k} {v}")).collect();
        super::announce(&format!(
            "{what}: {total} images compared, {} refused by both ({})",
            self.refused.into_inner(),
            parts.join(", ")
        ));
        let differences = self.differences.into_inner().expect("no worker died");
        assert!(
            differences.is_empty(),
            "{} answers differ:\n{}",
            differences.len(),
            differences.join("\n")
        );
        total
    }
}

/// Runs all cases, each in a directory of its own under `root`.
pub fn run(root: &Path, cases: &[Case]) -> Report {
    let report = Report::default();
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            let number = next.load(Ordering::Relaxed);
            let dir = tempfile::Builder::new()
                .prefix(&format!("{number}-"))
                .tempdir_in(root)
                .expect("a directory");
            let bench = Bench {
                relative: dir.path().file_name().expect("it has a name").into(),
                dir: dir.path().to_owned(),
                case,
                report: &report,
            };
            let attempt = std::panic::AssertUnwindSafe(|| (case.run)(&bench));
            if std::panic::catch_unwind(attempt).is_err() {
                bench.differs("panicked or could not be set up");
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(work);
        }
    });
    report
}

/// The place of one case.
pub struct Bench<'a> {
    /// Its directory, absolute.
    pub dir: PathBuf,
    /// The same, seen from the directory above.
    pub relative: OsString,
    case: &'a Case,
    report: &'a Report,
}

impl Bench<'_> {
    /// A file in the case's directory.
    pub fn path(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.dir.join(name.as_ref())
    }

    /// Runs a tool inside the case's directory; it must succeed.
    pub fn tool<I>(&self, program: &str, args: I)
    where
        I: IntoIterator<Item: AsRef<OsStr>>,
    {
        let mut command = Command::new(program);
        command.args(args).current_dir(&self.dir);
        let output = command.output().expect("the tool is installed");
        assert!(
            output.status.success(),
            "{command:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// Runs qemu-img inside the case's directory; it must succeed.
    pub fn img<I>(&self, args: I)
    where
        I: IntoIterator<Item: AsRef<OsStr>>,
    {
        self.tool("qemu-img", args);
    }

    /// A qcow2 image with these options.
    pub fn qcow2(&self, name: &str, options: &str, size: &str) {
        if options.is_empty() {
            self.img(["create", "-q", "-f", "qcow2", name, size]);
        } else {
            self.img(["create", "-q", "-f", "qcow2", "-o", options, name, size]);
        }
    }

    /// Runs qemu-io's commands on an image and lets it die without closing the image.
    pub fn io_and_die(&self, image: &str, command: &str) {
        let script = "ulimit -c 0; exec qemu-io -f qcow2 -c \"$1\" -c abort \"$0\"";
        let status = Command::new("sh")
            .args(["-c", script, image, command])
            .current_dir(&self.dir)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .status();
        assert!(!status.expect("sh is installed").success());
    }

    pub fn write(&self, name: impl AsRef<OsStr>, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).expect("a file can be written");
    }

    /// A file of this length without data.
    pub fn sparse(&self, name: impl AsRef<OsStr>, length: u64) {
        let file = std::fs::File::create(self.path(name)).expect("a file can be made");
        file.set_len(length).expect("a file can be sparse");
    }

    /// Changes bytes of a file.
    pub fn patch(&self, name: impl AsRef<OsStr>, change: impl FnOnce(&mut Vec<u8>)) {
        let path = self.path(name);
        let mut bytes = std::fs::read(&path).expect("the file is there");
        change(&mut bytes);
        std::fs::write(&path, bytes).expect("a file can be written");
    }

    /// Compares the answers for a file of the case's directory, both given the format.
    pub fn same_info(&self, name: impl AsRef<OsStr>, format: &str) {
        self.same_info_at(self.path(name), Some(format), &[]);
    }

    /// Compares the answers for a name; without a format both guess it.
    pub fn same_info_at(&self, name: impl AsRef<OsStr>, format: Option<&str>, options: &[&str]) {
        let name = name.as_ref();
        self.count();
        let theirs = their_info(name, format, options);
        match (our_info(name, format), theirs) {
            (Ok(ours), Ok(theirs)) => {
                let again = || self.settled(name, format);
                if let Some(text) = difference(&ours, &theirs).and_then(|_| again()) {
                    self.differs(&format!("{name:?} info{text}"));
                }
            }
            (Err(_), Err(_)) => {
                self.report.refused.fetch_add(1, Ordering::Relaxed);
            }
            (Ok(_), Err(e)) => self.differs(&format!("{name:?} info: QEMU refuses: {e}")),
            (Err(e), Ok(_)) => self.differs(&format!("{name:?} info: only we refuse: {e}")),
        }
    }

    /// Compares the chains under a file of the case's directory.
    pub fn same_chain(&self, name: impl AsRef<OsStr>, format: &str) {
        self.same_chain_at(self.path(name), Some(format), false, Code::UnnamedFormat);
    }

    /// Compares the chains under a name. Where QEMU's breaks ours has to break; ours may end
    /// earlier, for this reason alone.
    pub fn same_chain_at(
        &self,
        name: impl AsRef<OsStr>,
        format: Option<&str>,
        probe: bool,
        stops_with: Code,
    ) {
        let name = name.as_ref();
        self.count();
        let theirs = their_info(name, format, &["--backing-chain"]);
        let chain = our_chain(name, format, probe);
        let ours: Vec<Value> = chain.images.iter().map(value).collect();
        match (chain.broken.map(|broken| broken.error), theirs) {
            (None, Ok(theirs)) => {
                if let Some(text) = difference(&ours.into(), &theirs) {
                    self.differs(&format!("{name:?} chain{text}"));
                }
            }
            (Some(error), Ok(Value::Array(mut theirs)))
                if error.code() == stops_with && !(probe && stops_with == Code::UnnamedFormat) =>
            {
                theirs.truncate(ours.len());
                if let Some(text) = difference(&ours.into(), &theirs.into()) {
                    self.differs(&format!("{name:?} start of the chain{text}"));
                }
            }
            (Some(_), Err(_)) => {
                self.report.refused.fetch_add(1, Ordering::Relaxed);
            }
            (None, Err(e)) => self.differs(&format!("{name:?} chain: QEMU refuses: {e}")),
            (Some(e), Ok(_)) => self.differs(&format!("{name:?} chain: only ours breaks: {e}")),
        }
    }

    /// A documented difference: QEMU reads this name, we refuse it for this reason.
    pub fn only_qemu(&self, name: impl AsRef<OsStr>, format: Option<&str>, code: Code) {
        let name = name.as_ref();
        self.count();
        if let Err(e) = their_info(name, format, &[]) {
            self.differs(&format!("{name:?}: QEMU refuses as well: {e}"));
        }
        match our_info(name, format) {
            Ok(_) => self.differs(&format!("{name:?}: we do not refuse")),
            Err(e) if e.code() != code => self.differs(&format!("{name:?}: refused with {e}")),
            Err(_) => {}
        }
    }

    /// Where the answers differ once the file is on disk: until then the file system may still
    /// change the number of its blocks.
    fn settled(&self, name: &OsStr, format: Option<&str>) -> Option<String> {
        self.tool("sync", ["-f", "."]);
        match (our_info(name, format), their_info(name, format, &["-U"])) {
            (Ok(ours), Ok(theirs)) => difference(&ours, &theirs),
            _ => Some(" changes from call to call".to_owned()),
        }
    }

    fn count(&self) {
        let mut counts = self.report.counts.lock().expect("no worker died");
        *counts.entry(self.case.family).or_default() += 1;
    }

    /// Notes a difference.
    pub fn differs(&self, text: &str) {
        let mut differences = self.report.differences.lock().expect("no worker died");
        differences.push(format!("{}/{}: {text}", self.case.family, self.case.name));
    }
}
