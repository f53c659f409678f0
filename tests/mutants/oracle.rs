//! The real `qemu-img info`, asked many times: the program is started once, with
//! `qemu_img_server.c` loaded into it, and forks for each question. That takes a third of the time
//! of a process each and nothing of the answer, which is the program's own.

use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::OnceLock;

/// What came of a question.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// What it prints.
    Read(String),
    /// It refuses the image, and says why.
    Refused(String),
    /// It died: an assertion, or no memory.
    Crashed(String),
    /// It was still busy when its time was up.
    Hung,
}

/// A `qemu-img` that answers.
pub struct Oracle {
    child: Child,
    questions: ChildStdin,
    answers: ChildStdout,
}

impl Oracle {
    /// Starts it.
    pub fn new() -> Self {
        let mut child = Command::new("qemu-img")
            .env("LD_PRELOAD", server())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("qemu-img is installed");
        Oracle {
            questions: child.stdin.take().expect("a pipe"),
            answers: child.stdout.take().expect("a pipe"),
            child,
        }
    }

    /// What it says of the image; without a format it probes.
    pub fn ask(&mut self, path: &Path, format: Option<&str>) -> Answer {
        let mut question = format.unwrap_or_default().as_bytes().to_vec();
        question.push(0);
        question.extend(path.as_os_str().as_bytes());
        let length = u32::try_from(question.len()).expect("a path is short");
        self.questions
            .write_all(&[&length.to_ne_bytes(), &question[..]].concat())
            .expect("the server reads");
        let mut head = [0; 12];
        self.answers.read_exact(&mut head).expect("it answers");
        let word = |at: usize| u32::from_ne_bytes(head[at..at + 4].try_into().expect("4 bytes"));
        let mut text = |length: u32| {
            let mut text = vec![0; length as usize];
            self.answers.read_exact(&mut text).expect("it answers");
            text
        };
        let (printed, errors) = (text(word(4)), text(word(8)));
        judge(ExitStatus::from_raw(word(0) as i32), printed, &errors)
    }

    /// The same from a process of its own, with time enough.
    pub fn ask_anew(path: &Path, format: Option<&str>) -> Answer {
        let mut command = Command::new("sh");
        let script = "ulimit -c 0; ulimit -t 60; exec timeout -s KILL 300 qemu-img \"$@\"";
        command.args(["-c", script, "sh", "info", "--output=json"]);
        if let Some(format) = format {
            command.args(["-f", format]);
        }
        let output = command.arg(path).output().expect("qemu-img is installed");
        judge(output.status, output.stdout, &output.stderr)
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn judge(status: ExitStatus, printed: Vec<u8>, errors: &[u8]) -> Answer {
    /// How a shell and `timeout` tell of SIGKILL.
    const KILLED: i32 = 128 + libc::SIGKILL;
    if status.success() {
        let mut text = String::from_utf8(printed).expect("qemu-img prints ASCII");
        assert_eq!(text.pop(), Some('\n'));
        return Answer::Read(text);
    }
    let why = String::from_utf8_lossy(errors).trim().to_owned();
    match (status.code(), status.signal()) {
        (Some(KILLED), _) | (_, Some(libc::SIGKILL | libc::SIGXCPU)) => Answer::Hung,
        (Some(_), _) => Answer::Refused(why),
        _ => Answer::Crashed(format!("{status}: {why}")),
    }
}

/// The library to be loaded, compiled once.
fn server() -> &'static Path {
    static SERVER: OnceLock<PathBuf> = OnceLock::new();
    SERVER.get_or_init(|| {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
        // Another run may be using the one that is there.
        let new = directory.join(format!("qemu_img_server-{}.so", std::process::id()));
        let library = directory.join("qemu_img_server.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mutants/qemu_img_server.c");
        let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
        let status = Command::new(compiler)
            .args([
                "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o",
            ])
            .args([&new, &source])
            .arg("-ldl")
            .status()
            .expect("a C compiler is installed");
        assert!(status.success(), "{} cannot be compiled", source.display());
        std::fs::rename(new, &library).expect("the library gets its name");
        library
    })
}
