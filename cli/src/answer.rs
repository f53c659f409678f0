//! What a command found, how it reaches the caller, and the exit status that sums it up.
//!
//! An answer comes in parts, each written before the next one is made: most have one, those that
//! may be long have many. A reader that has seen enough and closed its end (`| head`) is no failure,
//! and no further part is made for it.

use std::io::{self, Write};
use std::process::ExitCode;

use anstream::{AutoStream, ColorChoice};
use pve_native_core::{Code, Error, Result, text};

use crate::args::{Color, Output};

/// The exit status. The numbers are contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The question was answered, and all is well.
    Fine = 0,
    /// The question could not be answered.
    Error = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// The question was answered, and the answer is "no".
    No = 3,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> ExitCode {
        ExitCode::from(status as u8)
    }
}

impl Status {
    /// What it means for the command that this went wrong.
    pub fn of_failure(error: &Error) -> Status {
        match error.code() {
            Code::Argument => Status::Usage,
            _ => Status::Error,
        }
    }

    /// What it means for a chain that the walk ended with this. Storage that did not answer says
    /// nothing about the chain.
    pub fn of_broken_chain(error: &Error) -> Status {
        match error.code() {
            Code::Timeout | Code::Busy | Code::Panic | Code::Poisoned | Code::Cancelled => {
                Status::Error
            }
            _ => Status::No,
        }
    }
}

/// The parts of a text, each made when it is asked for. An error is the last of them.
pub type Parts = Box<dyn Iterator<Item = Result<String>>>;

/// What a command found.
pub struct Answer {
    /// For standard output.
    pub text: Parts,
    /// For the exit status.
    pub status: Status,
    /// For standard error.
    pub error: Option<Error>,
}

impl Answer {
    /// An answer of one part.
    pub fn whole(text: String, status: Status) -> Self {
        Answer::in_parts(std::iter::once(Ok(text)), status)
    }

    /// An answer whose parts are made while it is written.
    pub fn in_parts(text: impl Iterator<Item = Result<String>> + 'static, status: Status) -> Self {
        Answer {
            text: Box::new(text),
            status,
            error: None,
        }
    }

    /// Writes it; the result is the status to exit with.
    pub fn write(self, output: Output, color: Color) -> Status {
        if let Err(error) = write_text(self.text, output, color) {
            complain(&error);
            return Status::of_failure(&error);
        }
        if let Some(error) = &self.error {
            complain(error);
        }
        self.status
    }
}

fn write_text(parts: Parts, output: Output, color: Color) -> Result<()> {
    let choice = match (output, color) {
        (Output::Human, Color::Auto) => ColorChoice::Auto,
        (Output::Human, Color::Always) => ColorChoice::Always,
        (Output::Human, Color::Never) => ColorChoice::Never,
        // There are no colours in it to look for, and it can be long.
        _ => ColorChoice::AlwaysAnsi,
    };
    let mut out = AutoStream::new(io::stdout().lock(), choice);
    for part in parts {
        match part {
            Ok(text) => {
                if !go_on(out.write_all(text.as_bytes()))? {
                    return Ok(());
                }
            }
            // What was found before it is for the reader.
            Err(error) => {
                go_on(out.flush())?;
                return Err(error);
            }
        }
    }
    go_on(out.flush()).map(drop)
}

/// Whether there is still somebody who reads.
fn go_on(written: io::Result<()>) -> Result<bool> {
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => {
            let errno = error.raw_os_error().unwrap_or_default();
            Err(Error::io("write", errno))
        }
    }
}

/// One line on standard error.
pub fn complain(error: &Error) {
    // There is nobody to tell if standard error is closed too.
    let _ = writeln!(io::stderr(), "pve-native: {error}");
}

/// What clap has to say: help and version on standard output, all else on standard error.
pub fn explain_usage(error: &clap::Error) -> Status {
    if !error.use_stderr() {
        // Written to nobody if the reader has gone.
        let _ = error.print();
        return Status::Fine;
    }
    let message = error.render().to_string();
    // Without a question, clap's answer is the help: that needs no prefix.
    let (prefix, message) = match message.strip_prefix("error: ") {
        Some(message) => ("pve-native: ", message),
        None => ("", message.as_str()),
    };
    let mut out = String::from(prefix);
    // The arguments that are shown in it may be file names, and those may hold anything.
    for line in message.lines() {
        out.push_str(&text::printable(line.as_bytes()));
        out.push('\n');
    }
    let _ = io::stderr().write_all(out.as_bytes());
    Status::Usage
}
