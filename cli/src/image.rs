//! `pve-native image …`: asks the core about images.

use std::os::unix::ffi::OsStrExt;

use pve_native_core::chain::{Chain, ChainOptions};
use pve_native_core::image::ImageInfo;
use pve_native_core::image::json::{Names, View};
use pve_native_core::{Error, Result, inspect, json};

use crate::answer::{Answer, Status};
use crate::args::{self, ImageCommand, Output};
use crate::{dot, human};

/// Answers one question.
pub fn run(command: &ImageCommand, output: Output) -> Result<Answer> {
    match command {
        ImageCommand::Info(args) => info(args, output),
        ImageCommand::Chain(args) => chain(args, output),
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
    };
    Ok(Answer {
        text,
        status: status_of(&image),
        error: None,
    })
}

fn chain(args: &args::Chain, output: Output) -> Result<Answer> {
    let path = args.image.path.as_bytes();
    let options = ChainOptions {
        allow_probe: args.allow_probe,
        max_depth: args.max_depth.unwrap_or_default(),
        strict: args.strict,
        ..ChainOptions::new(args.image.format())
    };
    let bounds = args.image.bounds()?;
    let chain = inspect::chain(path, &options, bounds).map_err(|e| e.in_file(path))?;
    let (status, error) = verdict(&chain, path);
    let text = match output {
        Output::Json => json::to_text(&View::new(&chain, Names::Text)) + "\n",
        Output::Human => human::chain::tree(&chain),
        Output::Dot => dot::chain(&chain),
    };
    Ok(Answer {
        text,
        status,
        // Where images were found, the answer itself tells what is wrong below them.
        error: error.filter(|_| status == Status::Error),
    })
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
