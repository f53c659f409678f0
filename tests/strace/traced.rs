//! Running the program under strace, and what its trace says.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use crate::images::{Case, Folder};
use crate::look::{BEGIN, END, Question};

/// What happened between the two marks.
pub struct Trace {
    /// The files that were opened, by where they really lie. Looking a file up is no opening.
    pub opened: BTreeSet<String>,
    /// Sockets that were connected to.
    pub connected: Vec<String>,
    /// Bytes that were read from files.
    pub read: u64,
    /// The trace itself.
    pub text: String,
}

/// Whether strace can be used here, and why not.
pub fn works() -> Result<(), String> {
    let done = Command::new("strace")
        .args(["-y", "-o", "/dev/null", "true"])
        .output();
    match done {
        Ok(done) if done.status.success() => Ok(()),
        Ok(_) => Err("strace is not allowed here".into()),
        Err(error) => Err(format!("strace: {error}")),
    }
}

const CALLS: &str = "trace=open,openat,openat2,creat,connect,read,readv,pread64,preadv,preadv2,\
                     mmap,sendfile,splice,copy_file_range,stat,statx,newfstatat";

pub fn look(folder: &Folder, question: Question, case: &Case, timeout: &str) -> Trace {
    let file = format!("{}/trace", folder.base);
    let program = std::env::current_exe().expect("own name");
    let done = Command::new("strace")
        .args(["-f", "-y", "-qq", "-s", "16", "-e", CALLS, "-o", &file])
        .arg(program)
        .args([
            "--look",
            question.name(),
            &case.path,
            &case.format,
            timeout,
            &folder.root,
        ])
        .output()
        .expect("strace");
    assert!(done.status.success(), "{done:?}");
    parse(&String::from_utf8_lossy(
        &std::fs::read(&file).expect("trace"),
    ))
}

/// Calls that another process interrupted stand in two lines; they are put together.
fn whole_calls(text: &str) -> Vec<String> {
    let mut begun: BTreeMap<&str, &str> = BTreeMap::new();
    let mut calls = Vec::new();
    for line in text.lines() {
        let Some((pid, call)) = line.split_once(' ') else {
            continue;
        };
        let call = call.trim_start();
        if let Some(beginning) = call.strip_suffix(" <unfinished ...>") {
            begun.insert(pid, beginning);
        } else if let Some((_, end)) = call
            .split_once(" resumed>")
            .filter(|_| call.starts_with("<... "))
        {
            calls.push(format!("{}{end}", begun.remove(pid).unwrap_or_default()));
        } else {
            calls.push(call.to_owned());
        }
    }
    calls
}

fn parse(text: &str) -> Trace {
    let calls = whole_calls(text);
    let mark = |name: &str| calls.iter().position(|call| call.contains(name));
    let (begin, end) = (
        mark(BEGIN).expect("a beginning"),
        mark(END).expect("an end"),
    );
    let mut trace = Trace {
        opened: BTreeSet::new(),
        connected: Vec::new(),
        read: 0,
        text: calls[begin..=end].join("\n"),
    };
    for call in &calls[begin..end] {
        let Some((name, _)) = call.split_once('(') else {
            continue;
        };
        // `… = 3</path>`, `… = 4096`, `… = -1 ENOENT (…)`, and no answer of a killed helper.
        let result = call.rsplit_once(" = ").map_or("?", |(_, result)| result);
        match name {
            "open" | "openat" | "openat2" | "creat" => {
                let opened = result
                    .split_once('<')
                    .and_then(|(_, path)| path.strip_suffix('>'));
                if let Some(path) = opened.filter(|_| !call.contains("O_PATH")) {
                    trace.opened.insert(path.to_owned());
                }
            }
            "connect" => trace.connected.push(call.clone()),
            "read" | "readv" | "pread64" | "preadv" | "preadv2" | "sendfile" | "splice"
            | "copy_file_range" => {
                trace.read += result.trim().parse().unwrap_or(0);
            }
            // Memory that is a file would be read without a call.
            "mmap" => assert!(
                call.contains("MAP_ANONYMOUS") || call.contains("<unfinished"),
                "{call}"
            ),
            _ => {}
        }
    }
    trace
}
