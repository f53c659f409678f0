//! What the kernel sees of an inspection: strace is the witness that no file is opened but those
//! that may be, that an ordinary image costs no more than 64 KiB of reading, and that no
//! descriptor stays behind.
//!
//! The program runs itself as the one who is watched (`--look`).

mod images;
mod look;
mod traced;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use images::{Case, Folder};
use look::Question;

/// What an ordinary image may cost.
const READ: u64 = 64 << 10;
/// The same for vhdx: a checksum covers the 64 KiB of its region table.
const READ_VHDX: u64 = 128 << 10;
/// Rounds after which there must be as many descriptors as before.
const ROUNDS: usize = 1000;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|arg| arg == "--look") {
        look::run(&args[1..]);
        return ExitCode::SUCCESS;
    }
    let folder = Folder::new();
    let cases = images::cases(&folder);
    type Check = fn(&Folder, &[Case]);
    let checks: [(&str, Check); 3] = [
        ("nothing_is_opened_but_what_may_be", opens),
        ("an_ordinary_image_costs_64_kib_at_the_most", reads),
        ("no_descriptor_stays_behind", descriptors),
    ];
    let works = traced::works();
    if let Err(why) = &works {
        println!("skipped: what is opened and read by inspecting: {why}");
    }
    let (mut passed, mut failed) = (0, 0);
    for (name, check) in checks {
        if works.is_err() && name != "no_descriptor_stays_behind" {
            continue;
        }
        let fine = catch_unwind(AssertUnwindSafe(|| check(&folder, &cases))).is_ok();
        println!("test {name} ... {}", if fine { "ok" } else { "FAILED" });
        passed += usize::from(fine);
        failed += usize::from(!fine);
    }
    println!("\nstrace: {passed} passed, {failed} failed");
    ExitCode::from(u8::from(failed > 0))
}

fn opens(folder: &Folder, cases: &[Case]) {
    let mut runs = 0;
    for case in cases {
        for question in Question::ALL {
            for timeout in ["none", "60"] {
                let trace = traced::look(folder, question, case, timeout);
                let expected: BTreeSet<&str> = case.opened(question, timeout).collect();
                let opened: BTreeSet<&str> = trace.opened.iter().map(String::as_str).collect();
                let what = format!("{} of {}, timeout {timeout}", question.name(), case.name);
                assert_eq!(opened, expected, "{what}\n{}", trace.text);
                assert!(trace.connected.is_empty(), "{what}: {:?}", trace.connected);
                runs += 1;
            }
        }
    }
    println!("{runs} traces of {} images", cases.len());
}

fn reads(folder: &Folder, cases: &[Case]) {
    let mut most = ("", 0);
    for case in cases.iter().filter(|case| case.ordinary) {
        let limit = if case.format == "vhdx" {
            READ_VHDX
        } else {
            READ
        };
        for question in [Question::Info, Question::Audit, Question::Pin] {
            for timeout in ["none", "60"] {
                let trace = traced::look(folder, question, case, timeout);
                let what = format!("{} of {}, timeout {timeout}", question.name(), case.name);
                assert!(
                    trace.read <= limit,
                    "{what}: {} bytes\n{}",
                    trace.read,
                    trace.text
                );
                if limit == READ && trace.read > most.1 {
                    most = (&case.name, trace.read);
                }
            }
        }
    }
    println!("the most for one image: {} bytes ({})", most.1, most.0);
}

fn descriptors(folder: &Folder, cases: &[Case]) {
    let open = || {
        let list = std::fs::read_dir("/proc/self/fd").expect("/proc");
        list.map(|entry| entry.expect("/proc").file_name())
            .collect::<BTreeSet<_>>()
    };
    let before = open();
    let (mut errors, mut round) = (0, 0);
    while round < ROUNDS {
        for case in cases {
            for question in Question::ALL {
                // The last one is over before it begins, or soon after.
                let timeout = ["none", "60", "0.0001", "0.000001"][round % 4];
                errors += usize::from(!look::ask(
                    question,
                    case.path.as_bytes(),
                    &case.format,
                    timeout,
                    &folder.root,
                ));
                round += 1;
            }
        }
    }
    assert!(errors > 0 && errors < round);
    assert_eq!(open(), before, "after {round} rounds");
    println!("{round} rounds, {errors} errors among them");
}
