//! Every kind of attack that an inspector of disk images must see (`docs/security.md`), the CVEs
//! that are known of them, and what must not be taken for one.
//!
//! A [`Case`] is an attack together with the nearest harmless image. The attack must fail under
//! its policy and say why; the twin must pass; and what either costs and touches is counted.

#[path = "../support/writer.rs"]
#[allow(dead_code, reason = "other test programs use the rest")]
mod writer;

mod bench;
mod case;
mod data_files;
mod devices;
mod documents;
mod formats;
mod metadata;
mod names;
mod ordinary;
mod places;
mod policies;
mod watch;

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bench::Bench;
use case::Case;
use pve_native_core::chain::{Audit, ChainOptions, Finding, Policy, Severity, audit, walk};
use pve_native_core::image::FormatChoice;
use pve_native_core::image::json::{Names, View};
use pve_native_core::io::Storage;
use watch::Watch;

/// The most that one image may make us read, and ask for in one piece.
const READ: u64 = 1 << 20;
const ALLOCATED: usize = 32 << 20;

fn catalogue() -> Vec<Case> {
    let mut cases = data_files::cases();
    cases.extend(names::cases());
    cases.extend(metadata::cases());
    cases.extend(formats::cases());
    cases.extend(places::cases());
    cases
}

/// Audits in both ways to reach storage, which must say the same.
fn audited(top: &Path, policy: &Policy) -> Audit {
    let name = top.as_os_str().as_bytes();
    let answer = audit(name, policy, None).unwrap_or_else(|e| panic!("{}: {e}", top.display()));
    let timed = audit(name, policy, Some(Duration::from_secs(20)));
    let timed = timed.unwrap_or_else(|e| panic!("{}: {e}", top.display()));
    assert_eq!(answer.findings, timed.findings, "{}", top.display());
    check_texts(&answer);
    answer
}

/// Nothing that a terminal would obey may come out.
fn check_texts(audit: &Audit) {
    for finding in &audit.findings {
        let message = &finding.message;
        assert!(!message.is_empty() && message.len() < 6000, "{message}");
        assert!(!message.chars().any(char::is_control), "{message:?}");
        let error = finding.to_error().to_string();
        assert!(!error.chars().any(char::is_control), "{error:?}");
    }
    let text = pve_native_core::json::to_text(&View::new(audit, Names::Text));
    let raw = text
        .bytes()
        .find(|&b| b != b'\n' && !(b' '..=b'~').contains(&b));
    assert_eq!(raw, None, "{text}");
}

fn errors(audit: &Audit) -> Vec<&Finding> {
    let findings = audit.findings.iter();
    findings
        .filter(|finding| finding.severity == Severity::Error)
        .collect()
}

/// What is wrong with the answer to an attack.
fn judge(case: &Case, top: &Path, audit: &Audit) -> Result<(), String> {
    let errors = errors(audit);
    let wrong = |what: &str| Err(format!("{what}: {errors:?}"));
    if audit.is_safe() {
        return wrong("is called safe");
    }
    for code in case.codes {
        if !errors.iter().any(|finding| finding.code.name() == *code) {
            return wrong(&format!("no finding {code}"));
        }
    }
    let code = case.codes[0];
    let mut first = errors.iter().filter(|finding| finding.code.name() == code);
    let image = match case.image {
        "" => top.to_path_buf(),
        name => top.with_file_name(name),
    };
    let right = first.any(|finding| {
        finding.message.contains(case.words)
            && finding.image == image.as_os_str().as_bytes()
            && case
                .offset
                .is_none_or(|offset| finding.offset == Some(offset))
    });
    if !right {
        return wrong(&format!("{code} without '{}' or its place", case.words));
    }
    Ok(())
}

/// Files that must not be opened: what lies outside, and what is no file.
fn check_opened(opened: &[String], case: &Case, bench: &Bench) -> Result<(), String> {
    use std::os::unix::fs::FileTypeExt;
    for name in opened.iter().filter(|name| !name.is_empty()) {
        let special = std::fs::symlink_metadata(bench.path(name)).is_ok_and(|meta| {
            let kind = meta.file_type();
            kind.is_fifo() || kind.is_socket() || kind.is_char_device()
        });
        if special || bench.outside(name).exists() && !bench.path(name).exists() {
            return Err(format!("{}: opened {name}", case.name));
        }
    }
    Ok(())
}

/// Info and the chain cost no more than the audit may.
fn check_costs(top: &Path, policy: &Policy) -> Result<(), String> {
    let name = top.as_os_str().as_bytes();
    let chain = |format| {
        let options = ChainOptions {
            max_depth: 1,
            ..ChainOptions::new(format)
        };
        walk(&Storage::inline(), name, &options)
    };
    let images = |audit: &Audit| audit.chain.images.len().max(1) as u64;
    let (answer, cost) = watch::measure(|| audit(name, policy, None));
    let images = answer.as_ref().map_or(1, images);
    let (_, info) = watch::measure(|| chain(policy.format));
    let (_, probed) = watch::measure(|| chain(FormatChoice::Probe));
    for (what, cost, images) in [
        ("audit", cost, images),
        ("info", info, 1),
        ("probe", probed, 1),
    ] {
        let read = cost.read.unwrap_or_default();
        if read > READ * images || cost.largest > ALLOCATED {
            return Err(format!("{what} costs {cost:?}"));
        }
    }
    Ok(())
}

/// The images at the top, of the attack and of its twin, with our verdicts, and what is wrong.
fn run(case: &Case, dir: &Path) -> (Vec<(PathBuf, &'static str)>, Vec<String>) {
    let (mut tops, mut wrong) = (Vec::new(), Vec::new());
    for (kind, attack) in [("attack", true), ("twin", false)] {
        let bench = Bench::new(dir.join(kind));
        let top = (case.make)(&bench, attack);
        let policy = case.policy_in(&bench);
        let watch = Watch::new();
        watch.add(&bench.path(""));
        watch.add(&bench.outside(""));
        let answer = audited(&top, &policy);
        let opened = watch.opened();
        assert!(
            attack || !opened.is_empty(),
            "{}: the watch is blind",
            case.name
        );
        let opened = check_opened(&opened, case, &bench);
        let verdict = match attack {
            true => judge(case, &top, &answer),
            false if answer.is_safe() => Ok(()),
            false => Err(format!("false alarm: {:?}", errors(&answer))),
        };
        let links = case.policy.symlinks == pve_native_core::chain::Symlinks::Any;
        let opened = if links { Ok(()) } else { opened };
        for result in [verdict, opened, check_costs(&top, &policy)] {
            if let Err(message) = result {
                wrong.push(format!("{} ({kind}): {message}", case.name));
            }
        }
        let verdict = audit_verdict(&answer);
        tops.push((top, verdict));
    }
    (tops, wrong)
}

/// The first code that forbids the use of the image, or `safe`.
fn audit_verdict(audit: &Audit) -> &'static str {
    audit
        .first_error()
        .map_or("safe", |finding| finding.code.name())
}

fn folder_of(root: &Path, number: usize, case: &Case) -> PathBuf {
    let slug: String = case
        .name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    root.join(format!("{number:03}-{slug}"))
}

/// All cases; with `ATTACK_IMAGES` set to a folder their files stay there, with a list of them.
#[test]
fn attacks_fail_and_their_twins_pass() {
    let kept = std::env::var_os("ATTACK_IMAGES").map(PathBuf::from);
    let temporary = tempfile::tempdir().expect("a folder for the images");
    let root = kept.as_deref().unwrap_or(temporary.path());
    let mut wrong = Vec::new();
    let mut list = String::new();
    let devices = devices::nodes_can_be_made();
    if watch::measure(|| std::fs::read("/proc/self/maps"))
        .1
        .read
        .is_none_or(|read| read == 0)
    {
        announce("skipped: how much audits read: this kernel does not count it");
    }
    let cases = catalogue();
    for (number, case) in cases.iter().enumerate() {
        if case.name.contains("character device") && !devices {
            announce(&format!(
                "skipped: {}: device nodes cannot be made here",
                case.name
            ));
            continue;
        }
        let dir = folder_of(root, number, case);
        let (tops, problems) = run(case, &dir);
        wrong.extend(problems);
        list += &documents::listed(case, &tops);
        if kept.is_none() {
            std::fs::remove_dir_all(&dir).expect("our own folder");
        }
    }
    if let Some(kept) = kept {
        std::fs::write(kept.join("list.tsv"), list).expect("the list can be written");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cases.len() >= 120, "{} cases", cases.len());
}

/// Writes past the test harness, which hides what passing tests print.
fn announce(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{line}");
}
