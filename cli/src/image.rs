//! `pve-native image …`: asks the core about images.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use pve_native_core::chain::{self, Chain, ChainOptions, Policy};
use pve_native_core::image::ImageInfo;
use pve_native_core::image::json::{Names, View};
use pve_native_core::{Code, Error, Result, inspect, json};

use crate::answer::{Answer, Status};
use crate::args::image::ImageCommand;
use crate::args::{Output, image as args};
use crate::{changed, check, dot, human, map, room};

/// Answers one question.
pub fn run(command: &ImageCommand, output: Output) -> Result<Answer> {
    match command {
        ImageCommand::Info(args) => info(args, output),
        ImageCommand::Chain(args) => chain(args, output),
        ImageCommand::Map(args) => map::run(args, output),
        ImageCommand::Check(args) => check::run(args, output),
        ImageCommand::Changed(args) => changed::run(args, output),
        ImageCommand::Measure(args) => room::measure(args, output),
        ImageCommand::Headroom(args) => room::headroom(args, output),
        ImageCommand::Cost(args) => room::cost(args, output),
        ImageCommand::Audit(args) => audit(args, output),
    }
}

fn info(args: &args::Image, output: Output) -> Result<Answer> {
    let path = args.path.as_bytes();
    let bounds = args.bounds()?;
    let image = inspect::info(path, args.format(), bounds).map_err(|e| e.in_file(path))?;
    let text = match output {
        Output::Human => human::info::sheet(&image),
        Output::Json => json::to_text(&View::new(&image, Names::Text)) + "\n",
        Output::Dot => dot::image(&image),
        _ => return Err(only("image info", "human, json or dot")),
    };
    Ok(Answer::whole(text, status_of(&image)))
}

fn chain(args: &args::Chain, output: Output) -> Result<Answer> {
    let path = args.walk.image.path.as_bytes();
    let options = ChainOptions {
        strict: args.strict,
        ..args.walk.options()
    };
    let bounds = args.walk.image.bounds()?;
    let chain = inspect::chain(path, &options, bounds).map_err(|e| e.in_file(path))?;
    let (status, error) = verdict(&chain, path);
    let text = match output {
        Output::Json => json::to_text(&View::new(&chain, Names::Text)) + "\n",
        Output::Human => human::chain::tree(&chain),
        Output::Dot => dot::chain(&chain),
        _ => return Err(only("image chain", "human, json or dot")),
    };
    Ok(Answer {
        // Where images were found, the answer itself tells what is wrong below them.
        error: error.filter(|_| status == Status::Error),
        ..Answer::whole(text, status)
    })
}

fn audit(args: &args::Audit, output: Output) -> Result<Answer> {
    let path = args.image.path.as_bytes();
    let policy = policy(args)?;
    let audit = chain::audit(path, &policy, args.image.bounds()?).map_err(|e| match e.code() {
        // The policy's fault, not the image's.
        Code::Argument => e,
        _ => e.in_file(path),
    })?;
    let text = match output {
        Output::Human => human::audit::report(path, &audit),
        Output::Json => json::to_text(&View::new(&audit, Names::Text)) + "\n",
        // A picture of the chain alone would look as if all were well.
        _ => return Err(only("image audit", "human or json")),
    };
    let status = match audit.is_safe() {
        true => Status::Fine,
        false => Status::No,
    };
    Ok(Answer::whole(text, status))
}

/// This command has no other kinds of output.
pub fn only(command: &str, kinds: &str) -> Error {
    Error::argument(format!("{command} has {kinds} output only"))
}

fn policy(args: &args::Audit) -> Result<Policy> {
    let bytes = |names: &[OsString]| names.iter().map(|name| name.as_bytes().to_vec()).collect();
    let mut policy = Policy {
        preset: args.preset.unwrap_or_default(),
        format: args.image.format(),
        roots: bytes(&args.roots),
        formats: Vec::new(),
        protocols: bytes(&args.allow_protocol),
        deny_backing: args.deny_backing,
        allow_data_file: args.allow_data_file,
        allow_unnamed_format: args.allow_unnamed_format,
        same_device: args.same_device,
        max_depth: args.max_depth.unwrap_or_default(),
        max_virtual_size: args.max_virtual_size.unwrap_or_default(),
        symlinks: args.symlinks,
    };
    for format in &args.allow_format {
        policy.allow_format(format.as_bytes())?;
    }
    Ok(policy)
}

/// How the chain is, and why it is broken if it is.
fn verdict(chain: &Chain, path: &[u8]) -> (Status, Option<Error>) {
    match &chain.broken {
        Some(broken) => {
            let error = broken.error.clone().in_file(path);
            (Status::of_broken_chain(&error), Some(error))
        }
        None => {
            let corrupt = chain
                .images
                .iter()
                .any(|image| status_of(image) == Status::No);
            let status = if corrupt { Status::No } else { Status::Fine };
            (status, None)
        }
    }
}

fn status_of(image: &ImageInfo) -> Status {
    match image.qcow2() {
        Some(qcow2) if qcow2.header.corrupt() => Status::No,
        _ => Status::Fine,
    }
}
