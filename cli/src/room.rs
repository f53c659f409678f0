//! `pve-native image measure`, `headroom` and `cost`: how large images become, whether there is room
//! for them, and what merging them moves.

use std::os::unix::ffi::OsStrExt;

use pve_native_core::chain::ChainOptions;
use pve_native_core::image::FormatChoice;
use pve_native_core::image::json::{Names, View};
use pve_native_core::{Error, Result, inspect, json};

use crate::answer::{Answer, Status};
use crate::args::{Output, image as args};
use crate::image::only;
use crate::{human, progress};

/// What the progress bar says.
const READING: &str = "reading the tables";

/// How large an image would become.
pub fn measure(args: &args::Measure, output: Output) -> Result<Answer> {
    plain("image measure", output)?;
    let options = args.create_options();
    let measure = match (&args.path, args.size) {
        (Some(path), _) => {
            let path = path.as_bytes();
            let source = args.source_format.unwrap_or(FormatChoice::Extension);
            let chain = ChainOptions::new(source);
            let work = inspect::measure_image(path, &chain, args.format, options, args.bounds());
            let work = work.and_then(|work| progress::finish(READING, work));
            work.map_err(|e| match e.code() {
                pve_native_core::Code::Argument => e,
                _ => e.in_file(path),
            })?
        }
        (None, Some(size)) => inspect::measure_size(size, args.format, options)?,
        // Not reached: one of them is asked for on the command line.
        (None, None) => return Err(Error::argument("neither PATH nor --size")),
    };
    let text = match output {
        Output::Json => json::to_text(&measure) + "\n",
        _ => human::room::measure(&measure),
    };
    Ok(Answer::whole(text, Status::Fine))
}

/// Whether a device has room for all of an image's disk.
pub fn headroom(args: &args::Headroom, output: Output) -> Result<Answer> {
    plain("image headroom", output)?;
    let path = args.image.path.as_bytes();
    let bounds = args.image.bounds()?;
    let work = inspect::headroom(path, args.image.format(), args.device_size, bounds);
    let work = work.and_then(|work| progress::finish(READING, work));
    let room = work.map_err(|e| e.in_file(path))?;
    let text = match output {
        Output::Json => json::to_text(&room) + "\n",
        _ => human::room::headroom(path, &room),
    };
    let status = match room.short_by {
        None | Some(0) => Status::Fine,
        Some(_) => Status::No,
    };
    Ok(Answer::whole(text, status))
}

/// What merging each image of a chain with the one below it would move.
pub fn cost(args: &args::Walk, output: Output) -> Result<Answer> {
    plain("image cost", output)?;
    let path = args.image.path.as_bytes();
    let work = inspect::merge_costs(path, &args.options(), args.image.bounds()?);
    let work = work.and_then(|work| progress::finish(READING, work));
    let costs = work.map_err(|e| e.in_file(path))?;
    let text = match output {
        Output::Json => json::to_text(&View::new(&costs, Names::Text)) + "\n",
        _ => human::room::costs(&costs),
    };
    Ok(Answer::whole(text, Status::Fine))
}

/// Only texts and documents.
fn plain(command: &str, output: Output) -> Result<()> {
    match output {
        Output::Human | Output::Json => Ok(()),
        _ => Err(only(command, "human or json")),
    }
}
