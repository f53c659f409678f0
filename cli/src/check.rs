//! `pve-native image check`: whether the tables of an image are sound.

use std::os::unix::ffi::OsStrExt;

use pve_native_core::image::json::{Names, View};
use pve_native_core::{Result, inspect, json};

use crate::answer::{Answer, Status};
use crate::args::Output;
use crate::args::image::Image;
use crate::image::only;
use crate::{human, progress};

/// Answers the question.
pub fn run(args: &Image, output: Output) -> Result<Answer> {
    if !matches!(output, Output::Human | Output::Json) {
        return Err(only("image check", "human or json"));
    }
    let path = args.path.as_bytes();
    let check = inspect::check(path, args.format(), args.bounds()?);
    let checked = check.and_then(|check| progress::finish("checking", check));
    let checked = checked.map_err(|e| e.in_file(path))?;
    let text = match output {
        Output::Json => json::to_text(&View::new(&checked, Names::Text)) + "\n",
        _ => human::check::report(path, &checked),
    };
    let status = match checked.is_sound() {
        true => Status::Fine,
        false => Status::No,
    };
    Ok(Answer::whole(text, status))
}
