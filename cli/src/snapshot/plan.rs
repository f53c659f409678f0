//! `pve-native snapshot plan`: what is to be done to a volume, and with `--run` doing it.

use std::env;
use std::os::unix::ffi::OsStrExt;

use pve_native_core::image::json::{Names, View};
use pve_native_core::inspect::{self, PlanOptions};
use pve_native_core::snapshot::Plan;
use pve_native_core::snapshot::plan::{Site, Terms};
use pve_native_core::{Error, Result, json};

use super::graph::{Volume, read};
use super::listing::Group;
use super::run::{End, Interrupt, Lock, Runner};
use crate::answer::{Answer, Status};
use crate::args::{Output, snapshot as args};
use crate::human;
use crate::image::only;

/// Answers the question, or does it.
pub fn run(args: &args::Plan, output: Output) -> Result<Answer> {
    if !matches!(output, Output::Human | Output::Json) {
        return Err(only("snapshot plan", "human or json"));
    }
    let mut options = PlanOptions {
        snapshots: args
            .snapshots
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect(),
        size: args.size,
        to: args.to.as_ref().map(|name| name.as_bytes().to_vec()),
        online: args.online,
        terms: Terms::default(),
        bounds: args.volume.bounds()?,
    };
    args.terms.set(&mut options.terms)?;
    let wish = options.wish(args.operation.as_bytes())?;
    let path = absolute(args.path.as_bytes())?;
    let asked = || {
        let volume = read(&path, &args.volume)?;
        let mut options = options.clone();
        options.terms = with_room(options.terms, volume.group.as_ref(), &args.terms);
        let plan = inspect::plan(&volume.graph, &wish, &options);
        Ok((volume, plan))
    };
    let (volume, plan) = asked()?;
    if !args.run {
        return match plan {
            Ok(plan) => Ok(Answer::whole(shown(&plan, output), Status::Fine)),
            Err(error) => Ok(refused(error)),
        };
    }
    let interrupt = Interrupt::watch()?;
    let site = site_of(&volume)?;
    let lock = Lock::of(&volume.graph, &site)?;
    // Somebody else may have had the lock until now.
    let (_, plan) = asked()?;
    let plan = match plan {
        Ok(plan) => plan,
        Err(error) => return Ok(refused(error)),
    };
    let runner = Runner {
        site: &site,
        bounds: options.bounds,
        shown: output == Output::Human,
        interrupt: &interrupt,
        lock: &lock,
    };
    let (status, error) = match runner.run(&plan) {
        End::Done => (Status::Fine, None),
        End::Undone(error) => (Status::Error, Some(error)),
        End::InBetween(error) => (Status::No, Some(in_between(error, &volume, &site))),
    };
    let text = match (output, &error) {
        (Output::Json, _) => shown(&plan, output),
        (_, None) => human::plan::done(&plan),
        (_, Some(_)) => String::new(),
    };
    let answer = Answer::whole(text, status);
    Ok(Answer { error, ..answer })
}

fn shown(plan: &Plan, output: Output) -> String {
    match output {
        Output::Json => json::to_text(&View::new(plan, Names::Text)) + "\n",
        _ => human::plan::whole(plan),
    }
}

/// The command line was right; it is the volume that does not allow it.
fn refused(error: Error) -> Answer {
    let answer = Answer::whole(String::new(), Status::Error);
    Answer {
        error: Some(error),
        ..answer
    }
}

fn in_between(error: Error, volume: &Volume, site: &Site) -> Error {
    let subject = volume.graph.subject();
    let (scheme, path) = (
        subject.scheme().name(),
        site.path(subject.volume().as_str()),
    );
    Error::unsupported(format!(
        "{error}; the volume was left in between: pve-native snapshot diagnose --scheme {scheme} \
         --run {path}"
    ))
}

/// Where the volume's images are.
pub fn site_of(volume: &Volume) -> Result<Site> {
    let graph = &volume.graph;
    let mut own = graph.images().iter().filter(|image| !image.is_foreign());
    let image = own.next().ok_or_else(|| {
        let volume = graph.subject().volume();
        Error::unsupported(format!("volume '{volume}' has no image"))
    })?;
    Site::of(graph.subject().scheme(), &image.path)
}

/// The terms with what the listing says of the group, unless the caller has said so.
pub fn with_room(mut terms: Terms, group: Option<&Group>, said: &args::Terms) -> Terms {
    if let Some(group) = group {
        if !said.has("extent-size") {
            terms.extent_size = group.extent_size;
        }
        if !said.has("free") {
            terms.free = Some(group.free);
        }
    }
    terms
}

/// The path from the root on: then no name of a file is taken for an option or a protocol.
pub fn absolute(path: &[u8]) -> Result<Vec<u8>> {
    if path.starts_with(b"/") || path.is_empty() {
        return Ok(path.to_vec());
    }
    let folder = env::current_dir().map_err(|e| {
        let errno = e.raw_os_error().unwrap_or_default();
        Error::io("find", errno).in_file(b".")
    })?;
    Ok([folder.as_os_str().as_bytes(), b"/", path].concat())
}
