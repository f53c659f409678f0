//! The one who is watched: asks the library one question between two marks.

use std::time::Duration;

use pve_native_core::chain::{ChainOptions, Policy, audit, pin};
use pve_native_core::image::{FormatChoice, ImageFormat};
use pve_native_core::inspect;

/// Names that do not exist; looking for them marks the place in the trace.
pub const BEGIN: &str = "/strace-begin";
pub const END: &str = "/strace-end";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    Info,
    Chain,
    Audit,
    Pin,
}

impl Question {
    pub const ALL: [Question; 4] = [
        Question::Info,
        Question::Chain,
        Question::Audit,
        Question::Pin,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Question::Info => "info",
            Question::Chain => "chain",
            Question::Audit => "audit",
            Question::Pin => "pin",
        }
    }
}

/// `QUESTION PATH FORMAT TIMEOUT ROOT`
pub fn run(args: &[String]) {
    let [question, path, format, timeout, root] = args else {
        panic!("five arguments");
    };
    let question = Question::ALL.into_iter().find(|q| q.name() == question);
    let question = question.expect("a question");
    let _ = std::fs::metadata(BEGIN);
    ask(question, path.as_bytes(), format, timeout, root);
    let _ = std::fs::metadata(END);
}

/// Asks and forgets the answer; whether it was one.
pub fn ask(question: Question, path: &[u8], format: &str, timeout: &str, root: &str) -> bool {
    let timeout = timeout.parse().ok().map(Duration::from_secs_f64);
    let format = ImageFormat::from_name(format.as_bytes()).expect("a format");
    let format = FormatChoice::Named(format);
    let policy = Policy {
        format,
        allow_data_file: true,
        roots: vec![root.as_bytes().to_vec()],
        ..Policy::default()
    };
    match question {
        Question::Info => inspect::info(path, format, timeout).is_ok(),
        Question::Chain => inspect::chain(path, &ChainOptions::new(format), timeout)
            .is_ok_and(|chain| chain.broken.is_none()),
        Question::Audit => audit(path, &policy, timeout).is_ok_and(|audit| audit.is_safe()),
        Question::Pin => pin(path, &policy, timeout).is_ok(),
    }
}
