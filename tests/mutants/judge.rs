//! Judges one image: what we say of it against what `qemu-img` says, and what it cost us.

use std::io::Write;
use std::panic::catch_unwind;
use std::path::Path;
use std::time::Instant;

use super::oracle::{Answer, Oracle};
use super::ours::{Cost, Ours};

/// What we may say of an image that QEMU reads; `docs/differences.md` says why.
const STRICTER: [(&str, &str); 8] = [
    ("vpc", "blocks of 2147483648 bytes"),
    ("vhdx", "region at"),
    ("vmdk", "disk is too big"),
    ("vmdk", "a descriptor within an extent"),
    ("vmdk", "neither a regular file nor a block device"),
    ("", "max-block-table-bytes"),
    ("", "max-read-bytes"),
    ("vhdx", "bytes in use"),
];

/// What was found, image by image.
#[derive(Default)]
struct Tally {
    images: usize,
    read: usize,
    refused: usize,
    /// QEMU died or was still busy when its time was up; we refused it too.
    crashed: usize,
    hung: usize,
    /// We refused what QEMU reads, for a documented reason.
    stricter: usize,
    /// Our audit calls it safe under one of the presets.
    safe: usize,
    most: Cost,
    failures: Vec<String>,
}

/// Both who are asked.
pub struct Judge {
    oracle: Oracle,
    tally: Tally,
    started: Instant,
}

impl Judge {
    pub fn new() -> Self {
        Judge {
            oracle: Oracle::new(),
            tally: Tally::default(),
            started: Instant::now(),
        }
    }

    /// Asks both about the image; without `format` both guess it.
    pub fn judge(&mut self, path: &Path, format: &str, probe: bool, what: &dyn Fn() -> String) {
        self.tally.images += 1;
        let named = Some(format).filter(|_| !probe);
        let ours = match catch_unwind(|| Ours::ask(path, format, named)) {
            Ok(ours) => ours,
            Err(_) => return self.fail(what, "we panic"),
        };
        self.tally.most = self.tally.most.max(ours.cost);
        if let Err(beyond) = ours.cost.check() {
            return self.fail(what, &beyond);
        }
        let theirs = self.oracle.ask(path, named);
        match self.verdict(&ours, &theirs, format) {
            Ok(()) => {}
            // Once more, and with a process of its own: only that is the last word.
            Err(_) => {
                let ours = Ours::ask(path, format, named);
                let theirs = Oracle::ask_anew(path, named);
                if let Err(difference) = self.verdict(&ours, &theirs, format) {
                    self.fail(what, &difference);
                }
            }
        }
    }

    fn verdict(&mut self, ours: &Ours, theirs: &Answer, format: &str) -> Result<(), String> {
        if let Some(preset) = ours
            .safe
            .first()
            .filter(|_| !matches!(theirs, Answer::Read(_)))
        {
            return Err(format!(
                "our audit calls it safe for {preset:?}, but {theirs:?}"
            ));
        }
        let count = match (&ours.info, theirs) {
            (Ok(ours), Answer::Read(theirs)) if ours == theirs => &mut self.tally.read,
            (Ok(ours), Answer::Read(theirs)) => return Err(difference(ours, theirs)),
            (Ok(_), theirs) => return Err(format!("we read it, but {theirs:?}")),
            (Err(_), Answer::Refused(_)) => &mut self.tally.refused,
            (Err(_), Answer::Crashed(_)) => &mut self.tally.crashed,
            (Err(_), Answer::Hung) => &mut self.tally.hung,
            (Err(ours), Answer::Read(_)) => {
                let known = |(of, text): &(&str, &str)| {
                    (of.is_empty() || *of == format) && ours.contains(text)
                };
                if !STRICTER.iter().any(known) {
                    return Err(format!("only we refuse it: {ours}"));
                }
                &mut self.tally.stricter
            }
        };
        *count += 1;
        self.tally.safe += usize::from(!ours.safe.is_empty());
        Ok(())
    }

    /// Prints what was found, and fails if anything was wrong.
    pub fn report(self, of: &str) {
        let tally = self.tally;
        // Past the test harness, which hides what passing tests print.
        let _ = writeln!(
            std::io::stderr(),
            "mutants of {of} in {:.1} s: {} read by both, {} refused by both, {} only by us, as \
             documented, {} safe by our audit; QEMU crashed on {}, hung on {}; at most {} KiB \
             allocated, {} KiB read, {} KiB of block tables, {} steps",
            self.started.elapsed().as_secs_f64(),
            tally.read,
            tally.refused,
            tally.stricter,
            tally.safe,
            tally.crashed,
            tally.hung,
            tally.most.allocated / 1024,
            tally.most.used.bytes_read / 1024,
            tally.most.used.block_table_bytes / 1024,
            tally.most.used.steps,
        );
        let shown = &tally.failures[..tally.failures.len().min(40)];
        let text = shown.join("\n");
        assert!(
            shown.is_empty(),
            "{} of {} images:\n{text}",
            tally.failures.len(),
            tally.images
        );
        // Mutants that all end the same way say nothing.
        let some = tally.images / 20;
        let few = tally.images < 100;
        assert!(few || tally.read > some && tally.refused > some, "{of}");
    }

    fn fail(&mut self, what: &dyn Fn() -> String, why: &str) {
        self.tally.failures.push(format!("{}: {why}", what()));
    }
}

/// The lines that differ.
fn difference(ours: &str, theirs: &str) -> String {
    let differ: Vec<String> = ours
        .lines()
        .zip(theirs.lines())
        .filter(|(ours, theirs)| ours != theirs)
        .take(3)
        .map(|(ours, theirs)| format!("ours {}, QEMU's {}", ours.trim(), theirs.trim()))
        .collect();
    format!("the answers differ: {}", differ.join("; "))
}
