//! Calls with a deadline: what they answer, what they leave behind, and what holds while storage
//! does not answer. Storage that hangs is a file system of `tests/support/hangfs.py`.
//!
//! Every case runs in a process of its own, one after the other, and is killed if it does not
//! end. What cannot be tried on this machine is counted as skipped and named at the end.

mod audit;
mod fallback;
mod hanging;
mod healthy;
mod leaving;
mod local;
mod pins;
mod support;

use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use support::Skip;

/// A test case: fine, or why it could not be tried. It panics if what it tries does not hold.
type Case = fn() -> Result<(), Skip>;

/// How long a case may take. Generous: the machine may be busy.
const LIMIT: Duration = Duration::from_secs(90);
const SKIPPED: i32 = 77;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let cases: Vec<(&str, Case)> = [
        healthy::CASES,
        fallback::CASES,
        hanging::CASES,
        audit::CASES,
        local::CASES,
        leaving::CASES,
        pins::CASES,
    ]
    .concat();
    match args.first().map(String::as_str) {
        Some("--case") => run(&cases, &args[1]),
        Some("--leave") => leaving::child(&args[1..]),
        Some("--list") => {
            for (name, _) in cases {
                println!("{name}: test");
            }
            ExitCode::SUCCESS
        }
        _ => run_all(&cases, args.iter().find(|a| !a.starts_with('-'))),
    }
}

/// This process is one case.
fn run(cases: &[(&str, Case)], name: &str) -> ExitCode {
    let case = cases.iter().find(|c| c.0 == name).expect("a case").1;
    match case() {
        Ok(()) => ExitCode::SUCCESS,
        Err(Skip(why)) => {
            println!("{why}");
            ExitCode::from(SKIPPED as u8)
        }
    }
}

fn run_all(cases: &[(&str, Case)], filter: Option<&String>) -> ExitCode {
    let (mut passed, mut failed, mut skipped) = (0, Vec::new(), Vec::new());
    for (name, _) in cases {
        if filter.is_some_and(|part| !name.contains(part.as_str())) {
            continue;
        }
        let start = Instant::now();
        let (end, output) = in_a_process(name);
        match end {
            Some(0) => passed += 1,
            Some(SKIPPED) => skipped.push((name, output.trim().to_owned())),
            end => {
                println!("---- {name}: {end:?} (no status: killed) ----\n{output}");
                failed.push(name);
            }
        }
        let word = match end {
            Some(0) => "ok",
            Some(SKIPPED) => "SKIPPED",
            _ => "FAILED",
        };
        println!("test {name} ... {word} ({:.1?})", start.elapsed());
    }
    println!(
        "\ndeadline: {passed} passed, {} failed, {} skipped",
        failed.len(),
        skipped.len()
    );
    for name in &failed {
        println!("  FAILED  {name}");
    }
    for (name, why) in &skipped {
        println!("  SKIPPED {name}: {why}");
    }
    if !skipped.is_empty() {
        println!("WARNING: what was skipped was not tested on this machine.");
    }
    ExitCode::from(u8::from(!failed.is_empty()))
}

/// Runs a case; its exit status and what it printed.
fn in_a_process(name: &str) -> (Option<i32>, String) {
    let file = support::directory("output").join("text");
    let output = std::fs::File::create(&file).expect("output");
    let mut child = Command::new(std::env::current_exe().expect("own name"))
        .args(["--case", name])
        .stdout(output.try_clone().expect("output"))
        .stderr(output)
        .spawn()
        .expect("a process");
    let until = Instant::now() + LIMIT;
    let status = loop {
        if let Some(status) = child.try_wait().expect("wait") {
            break status.code();
        }
        if Instant::now() > until {
            // Not waited for: should it hang, the file system's own limit lets go of it.
            let _ = child.kill();
            break None;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let text = std::fs::read(&file).unwrap_or_default();
    support::remove(file.parent().expect("directory"));
    (status, String::from_utf8_lossy(&text).into_owned())
}
