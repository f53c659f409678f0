//! `pve-native cluster …`: how healthy LUNs are, and what a node tells the others of that.

mod question;
mod status;
pub mod view;

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use pve_native_core::cluster::broadcast::{Summary, SummaryOptions};
use pve_native_core::cluster::multipathd::transports;
use pve_native_core::{Error, Result, limits};

use crate::answer::{Answer, Status};
use crate::args::Output;
use crate::args::cluster::{ClusterCommand, Summarize};
use crate::human;
use crate::image::only;
use crate::input::read_most;

/// Answers one question.
pub fn run(command: &ClusterCommand, output: Output) -> Result<Answer> {
    match command {
        ClusterCommand::Status(args) => status::run(args, output),
        ClusterCommand::Summarize(args) => summarize(args, output),
    }
}

fn summarize(args: &Summarize, output: Output) -> Result<Answer> {
    if !matches!(output, Output::Human | Output::Json) {
        return Err(only("cluster summarize", "human or json"));
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let mut options = SummaryOptions {
        sysfs: args.sysfs.as_ref().map(PathBuf::from),
        limit: usize::try_from(args.limit).unwrap_or(usize::MAX),
        time: args.time.or(now.ok().map(|now| now.as_secs())),
        seq: args.seq,
        ..SummaryOptions::default()
    };
    if let Some(path) = &args.sizes {
        let failed = |error: Error| error.in_file(path.as_bytes());
        options.set_sizes(&read(path)?).map_err(failed)?;
    }
    if let Some(path) = &args.paths {
        options.transports = transports(&String::from_utf8_lossy(&read(path)?));
    }
    let summary = Summary::of_reply(&read(&args.file)?, &options)?;
    let fitted = summary.fit(options.time, options.seq, options.limit)?;
    let text = match output {
        Output::Human => human::cluster::summary(&summary, &fitted, options.limit),
        // All forms are text.
        _ => String::from_utf8_lossy(&fitted.payload).into_owned(),
    };
    Ok(Answer::whole(text, Status::Fine))
}

/// A file, or standard input for `-`, as far as a reply of multipathd may be long and a byte more.
fn read(path: &OsString) -> Result<Vec<u8>> {
    read_most(path, limits::MULTIPATHD_REPLY)
}
