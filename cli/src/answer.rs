//! What a command found, how it reaches the caller, and the exit status that sums it up.
//!
//! The whole text is made before any of it is written. A reader that has seen enough and closed
//! its end (`| head`) is no failure.

use std::io::{self, Write};
use std::process::ExitCode;

use anstream::{AutoStream, ColorChoice};
use pve_native_core::{Code, Error, text};

use crate::args::Color;

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

/// What a command found.
#[derive(Debug)]
pub struct Answer {
    /// For standard output.
    pub text: String,
    /// For the exit status.
    pub status: Status,
    /// For standard error.
    pub error: Option<Error>,
}

impl Answer {
    /// Writes it; the result is the status to exit with.
    pub fn write(&self, color: Color) -> Status {
        if let Err(status) = self.write_text(color) {
            return status;
        }
        if let Some(error) = &self.error {
            complain(error);
        }
        self.status
    }

    fn write_text(&self, color: Color) -> Result<(), Status> {
        let choice = match color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        };
        let mut out = AutoStream::new(io::stdout().lock(), choice);
        let written = out
            .write_all(self.text.as_bytes())
            .and_then(|()| out.flush());
        match written {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                complain(&Error::io(
                    "write",
                    error.raw_os_error().unwrap_or_default(),
                ));
                Err(Status::Error)
            }
            _ => Ok(()),
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
