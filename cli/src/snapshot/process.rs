//! Programs that are asked for something and may hang on storage: whoever has no more time kills them
//! and does not wait for their end, which may never come.

use std::ffi::OsStr;
use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use pve_native_core::text::printable;
use pve_native_core::{Error, ErrorKind, Result};

/// Bytes of an answer at the most: those of a listing of 100,000 long names with tags.
const ANSWER: u64 = 64 << 20;
/// Bytes of what a program complains of.
const COMPLAINT: u64 = 64 << 10;

/// The moment at which a call's time is over.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Option<Instant>);

impl Deadline {
    /// The time runs from now; None is for ever.
    pub fn after(timeout: Option<Duration>) -> Self {
        Deadline(timeout.and_then(|timeout| Instant::now().checked_add(timeout)))
    }

    /// What is left; None is for ever. An error if nothing is.
    pub fn left(self) -> Result<Option<Duration>> {
        let Some(end) = self.0 else {
            return Ok(None);
        };
        match end.checked_duration_since(Instant::now()) {
            Some(left) if !left.is_zero() => Ok(Some(left)),
            _ => Err(Error::new(ErrorKind::Timeout)),
        }
    }
}

/// A program that gets no input and none of this program's environment, and whose output is read.
pub fn clean(program: &str) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C")
        // What this program was started with is none of lvm's business.
        .env("LVM_SUPPRESS_FD_WARNINGS", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// What a program writes to its standard output if it ends well.
pub fn answer(program: &str, args: &[&OsStr], deadline: Deadline) -> Result<Vec<u8>> {
    let left = deadline.left()?;
    let mut child = clean(program)
        .args(args)
        .spawn()
        .map_err(|e| failed(&e).in_file(program.as_bytes()))?;
    let (sender, receiver) = mpsc::channel();
    if let (Some(out), Some(err)) = (child.stdout.take(), child.stderr.take()) {
        // Waiting for a pipe keeps no process from ending.
        thread::spawn(move || {
            let complaint = thread::spawn(move || read(err, COMPLAINT));
            let answer = read(out, ANSWER);
            let complaint = complaint.join().unwrap_or_else(|_| Ok(Vec::new()));
            // Nobody waits any more if the time is over.
            let _ = sender.send((answer, complaint));
        });
    }
    let received = match left {
        Some(left) => receiver.recv_timeout(left),
        None => receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
    };
    let (answer, complaint) = match received {
        Ok(received) => received,
        Err(_) => {
            // It may have ended already.
            let _ = child.kill();
            return Err(Error::new(ErrorKind::Timeout));
        }
    };
    let status = child.wait().map_err(|e| failed(&e))?;
    let answer = answer.map_err(|e| failed(&e))?;
    if answer.len() as u64 > ANSWER {
        let _ = child.kill();
        return Err(Error::limit(format!(
            "{program} wrote more than {ANSWER} bytes"
        )));
    }
    if status.success() {
        return Ok(answer);
    }
    let complaint = complaint.unwrap_or_default();
    let last = complaint
        .split(|&b| b == b'\n')
        .rfind(|line| !line.is_empty());
    Err(Error::unsupported(match last {
        Some(line) => format!("{program} failed: {}", printable(line.trim_ascii())),
        None => format!("{program} failed: {status}"),
    }))
}

/// All of it, or one byte more than `most`.
fn read(from: impl Read, most: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(most + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn failed(error: &std::io::Error) -> Error {
    Error::io("run", error.raw_os_error().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use pve_native_core::Code;

    fn sh(script: &str, timeout: Option<Duration>) -> Result<Vec<u8>> {
        let args = ["-c", script].map(OsStr::new);
        answer("/bin/sh", &args, Deadline::after(timeout))
    }

    #[test]
    fn a_program_answers_in_a_clean_environment() {
        let environment = sh("env; cat", None).unwrap();
        let environment = String::from_utf8(environment).unwrap();
        assert!(environment.contains("LC_ALL=C\n"), "{environment}");
        assert!(!environment.contains("CARGO"), "{environment}");
    }

    #[test]
    fn one_that_fails_says_why() {
        let error = sh(
            "echo x; echo first >&2; printf '  no such \\033group\\n' >&2; exit 5",
            None,
        );
        let error = error.unwrap_err();
        assert_eq!(error.to_string(), "/bin/sh failed: no such \\u{1b}group");
        let error = sh("exit 5", None).unwrap_err().to_string();
        assert_eq!(error, "/bin/sh failed: exit status: 5");
        let error = answer("/nonexistent", &[], Deadline::after(None)).unwrap_err();
        assert_eq!((error.code(), error.errno()), (Code::Io, 2));
    }

    #[test]
    fn one_that_takes_too_long_is_left_behind() {
        let start = Instant::now();
        let error = sh("trap '' TERM; sleep 60", Some(Duration::from_millis(100))).unwrap_err();
        assert_eq!(error.code(), Code::Timeout);
        assert!(start.elapsed() < Duration::from_secs(30));
        let over = Deadline::after(Some(Duration::ZERO));
        assert_eq!(over.left().unwrap_err().code(), Code::Timeout);
    }
}
