//! `pve-native image changed`: which parts of a disk were changed.

use std::os::unix::ffi::OsStrExt;

use pve_native_core::chain::changed::Range;
use pve_native_core::{Error, Result, inspect, json};

use crate::answer::{Answer, Status};
use crate::args::Output;
use crate::args::image::Changed;
use crate::image::only;
use crate::{human, progress};

/// What the progress bar says.
const READING: &str = "reading the tables";

/// Answers the question.
pub fn run(args: &Changed, output: Output) -> Result<Answer> {
    if !matches!(output, Output::Human | Output::Json) {
        return Err(only("image changed", "human or json"));
    }
    let path = args.walk.image.path.as_bytes();
    let ranges = ranges(args, path)?;
    let text = match output {
        Output::Json => json::to_text(&ranges) + "\n",
        _ => human::changed::report(path, &ranges),
    };
    Ok(Answer::whole(text, Status::Fine))
}

fn ranges(args: &Changed, path: &[u8]) -> Result<Vec<Range>> {
    let image = &args.walk.image;
    let bounds = image.bounds()?;
    let found = match (&args.since, &args.bitmap) {
        (Some(base), _) => {
            inspect::changed_extents(path, base.as_bytes(), &args.walk.options(), bounds)
                .and_then(|work| progress::finish(READING, work))
        }
        (None, Some(name)) => inspect::bitmap_extents(path, name.as_bytes(), bounds)
            .and_then(|work| progress::finish(READING, work)),
        // Not reached: one of them is asked for on the command line.
        (None, None) => Err(Error::argument("neither --since nor --bitmap")),
    };
    found.map_err(|e| e.in_file(path))
}
