//! One process of a plan: started without a shell and with an environment of its own, watched for its
//! progress and for the caller's wish to end it, and asked why if it fails.
//!
//! It stays in this program's process group: who kills the group ends both.

use std::io::{self, Read};
use std::process::{Child, ExitStatus};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use pve_native_core::text::printable;
use rustix::process::{Pid, Signal, kill_process};

use super::interrupt::Interrupt;
use crate::progress::Bar;
use crate::snapshot::process::clean;

/// Bytes of what a program complains of.
const COMPLAINT: u64 = 64 << 10;
/// How often the caller's wish is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// How long a process has to end after it was asked to, and after it was killed.
const GRACE: Duration = Duration::from_secs(10);

/// Why a process did not do what it was to do.
#[derive(Debug, PartialEq, Eq)]
pub struct Failure {
    /// What it says.
    pub message: String,
    /// Whether it may still be at work: it hangs in the kernel, and cannot be killed.
    pub at_work: bool,
}

impl Failure {
    pub fn new(message: impl Into<String>) -> Self {
        Failure {
            message: message.into(),
            at_work: false,
        }
    }
}

enum News {
    /// So many hundredths of a percent are done.
    Done(u64),
    /// What it wrote to standard error; the last that comes of it.
    Complaint(Vec<u8>),
}

/// Runs it to its end. What it complains of although it succeeds is the answer.
pub fn run(
    argv: &[String],
    bar: &mut Bar,
    interrupt: &Interrupt,
) -> std::result::Result<String, Failure> {
    let Some((program, args)) = argv.split_first() else {
        return Err(Failure::new("no program is named"));
    };
    let failed = |e: io::Error| Failure::new(format!("cannot run {program}: {e}"));
    let mut child = clean(program).args(args).spawn().map_err(failed)?;
    let news = listen(&mut child);
    let ended = watch(&mut child, &news, bar, interrupt).map_err(failed)?;
    let Some((status, complaint)) = ended else {
        return Err(Failure {
            message: format!("{program} was killed, but hangs in the kernel"),
            at_work: true,
        });
    };
    let complaint = last_lines(&complaint);
    match status.success() {
        true => Ok(complaint),
        false if complaint.is_empty() => Err(Failure::new(status.to_string())),
        false => Err(Failure::new(format!("{status}: {complaint}"))),
    }
}

/// Reads both of its pipes, so that it never waits for a reader.
fn listen(child: &mut Child) -> Receiver<News> {
    let (sender, receiver) = mpsc::channel();
    if let Some(out) = child.stdout.take() {
        let sender = sender.clone();
        thread::spawn(move || follow(out, &sender));
    }
    if let Some(mut err) = child.stderr.take() {
        thread::spawn(move || {
            let mut complaint = Vec::new();
            // What could not be read was not said; the rest of too much is thrown away.
            let _ = (&mut err).take(COMPLAINT).read_to_end(&mut complaint);
            let _ = io::copy(&mut err, &mut io::sink());
            let _ = sender.send(News::Complaint(complaint));
        });
    }
    receiver
}

/// Understands the progress that `qemu-img -p` shows: `    (12.34/100%)`, and a carriage return.
fn follow(mut out: impl Read, to: &Sender<News>) {
    let mut line = Vec::new();
    let mut bytes = [0; 4096];
    while let Ok(length @ 1..) = out.read(&mut bytes) {
        for &byte in &bytes[..length] {
            match byte {
                b'\r' | b'\n' => line.clear(),
                // No line of progress is longer.
                _ if line.len() < 64 => line.push(byte),
                _ => {}
            }
            if let Some(done) = progress(&line).filter(|_| byte == b')') {
                // Nobody listens any more if the process was given up.
                let _ = to.send(News::Done(done));
            }
        }
    }
}

/// Hundredths of a percent.
fn progress(line: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(line).ok()?.trim_start();
    let number = text.strip_prefix('(')?.strip_suffix("/100%)")?;
    let percent: f64 = number.parse().ok()?;
    (0.0..=100.0)
        .contains(&percent)
        .then_some((percent * 100.0) as u64)
}

/// Waits for its end: its status and what it complained of. None if it cannot be ended.
fn watch(
    child: &mut Child,
    news: &Receiver<News>,
    bar: &mut Bar,
    interrupt: &Interrupt,
) -> io::Result<Option<(ExitStatus, Vec<u8>)>> {
    let mut complaint = Vec::new();
    let mut asked: Option<Instant> = None;
    let mut killed = false;
    loop {
        match news.recv_timeout(LOOK) {
            Ok(News::Done(done)) => bar.update(done, 10_000),
            Ok(News::Complaint(text)) => complaint = text,
            Err(RecvTimeoutError::Timeout) => {}
            // It has closed both pipes, so its end is near.
            Err(RecvTimeoutError::Disconnected) => thread::sleep(Duration::from_millis(1)),
        }
        if let Some(status) = child.try_wait()? {
            // What it left in the pipes; a process that it started may keep them open.
            while let Ok(last) = news.recv_timeout(LOOK) {
                if let News::Complaint(text) = last {
                    complaint = text;
                }
            }
            return Ok(Some((status, complaint)));
        }
        let now = Instant::now();
        match asked {
            None if interrupt.came() => {
                end(child, Signal::TERM);
                asked = Some(now);
            }
            Some(since) if now.duration_since(since) > GRACE => {
                if killed {
                    return Ok(None);
                }
                end(child, Signal::KILL);
                (asked, killed) = (Some(now), true);
            }
            _ => {}
        }
    }
}

fn end(child: &Child, signal: Signal) {
    // It was not waited for, so that the number is still its own; it may have ended nevertheless.
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(pid) = pid {
        let _ = kill_process(pid, signal);
    }
}

/// The lines that say something, as one.
fn last_lines(text: &[u8]) -> String {
    let lines = text.split(|&b| b == b'\n' || b == b'\r');
    let lines = lines
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.is_empty());
    let lines: Vec<_> = lines.map(printable).collect();
    lines[lines.len().saturating_sub(8)..].join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str, interrupt: &Interrupt) -> std::result::Result<String, Failure> {
        let argv = ["/bin/sh", "-c", script].map(String::from);
        run(&argv, &mut Bar::new("testing"), interrupt)
    }

    #[test]
    fn progress_is_understood() {
        assert_eq!(progress(b"    (0.00/100%)"), Some(0));
        assert_eq!(progress(b"(12.34/100%)"), Some(1234));
        assert_eq!(progress(b"(100.00/100%)"), Some(10_000));
        for other in [
            &b""[..],
            b"(x/100%)",
            b"(nan/100%)",
            b"(-1/100%)",
            b"Image committed.",
        ] {
            assert_eq!(progress(other), None);
        }
    }

    #[test]
    fn one_that_fails_says_why() {
        let interrupt = Interrupt::default();
        let warned = sh("echo out; printf ' careful\\n\\n' >&2", &interrupt);
        assert_eq!(warned.unwrap(), "careful");
        let failure = sh("printf 'no \\033room\\nat all\\n' >&2; exit 5", &interrupt);
        let failure = failure.unwrap_err();
        assert_eq!(failure.message, "exit status: 5: no \\u{1b}room; at all");
        assert!(!failure.at_work);
        let failure = sh("kill -9 $$", &interrupt).unwrap_err();
        assert!(failure.message.starts_with("signal: 9"), "{failure:?}");
        let argv = ["/nonexistent".to_owned()];
        let failure = run(&argv, &mut Bar::new("testing"), &interrupt).unwrap_err();
        assert!(failure.message.contains("/nonexistent"), "{failure:?}");
    }

    #[test]
    fn much_output_keeps_nobody_waiting() {
        let script = "head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2";
        assert!(sh(script, &Interrupt::default()).is_ok());
    }

    #[test]
    fn an_interrupted_one_is_ended() {
        let interrupt = Interrupt::default();
        interrupt.raise();
        let start = Instant::now();
        let failure = sh("exec sleep 60", &interrupt).unwrap_err();
        assert!(failure.message.starts_with("signal: 15"), "{failure:?}");
        assert!(start.elapsed() < Duration::from_secs(30));
    }
}
