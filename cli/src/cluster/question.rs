//! The question of `cluster status`: a document, or a folder with captured broadcasts, and what the
//! command line says over it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use pve_native_core::cluster::matrix::{Member, Mode};
use pve_native_core::cluster::status::{Document, Options};
use pve_native_core::{Error, Result, limits};

use crate::args::cluster::Status;
use crate::input::{bounded, failed, wrong};

/// What a captured broadcast may end with besides its node's name.
const EXTENSIONS: [&str; 2] = ["json", "txt"];
/// The file that has options.
const OPTIONS: &str = "options.json";
/// The folder with what nodes say of applying the configuration.
const APPLY: &str = "apply";

/// Reads the question.
pub fn read(args: &Status) -> Result<Document> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let options = Options {
        now: now.map_or(0.0, |now| now.as_secs_f64().floor()),
        ..Options::default()
    };
    let path = Path::new(&args.path);
    let mut document = match args.path != "-" && path.is_dir() {
        true => folder(path, options)?,
        false => {
            let text = bounded(path.as_os_str(), limits::CLUSTER_DOCUMENT)?;
            Document::of_text(&text, options).map_err(|error| wrong(&error, path))?
        }
    };
    let options = &mut document.options;
    if let Some(mode) = args.mode.as_deref().and_then(Mode::from_name) {
        options.mode = mode;
    }
    options.now = args.now.unwrap_or(options.now);
    if let Some(names) = &args.members {
        let online = |name: &String| (name.clone(), Member::Online);
        options.members = Some(names.iter().map(online).collect());
    }
    Ok(document)
}

fn folder(path: &Path, mut options: Options) -> Result<Document> {
    let mut room = limits::CLUSTER_DOCUMENT;
    let mut files = captured(path)?;
    if let Some(file) = files.remove(OPTIONS) {
        let text = bounded(file.as_os_str(), room)?;
        let read = options.set_text(&text);
        read.map_err(|error| wrong(&error, &file))?;
    }
    let apply = path.join(APPLY);
    if apply.is_dir() {
        options.apply.extend(by_node(captured(&apply)?, &mut room)?);
    }
    let nodes = by_node(files, &mut room)?.into_iter().collect();
    Ok(Document { options, nodes })
}

/// The files of a folder by their names. A FIFO would hang whoever opens it: only plain files are taken.
fn captured(folder: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let refused = |error: &io::Error| failed(error, folder.as_os_str());
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(|error| refused(&error))? {
        let entry = entry.map_err(|error| refused(&error))?;
        let (name, path) = (entry.file_name(), entry.path());
        let is_file = fs::metadata(&path).is_ok_and(|found| found.is_file());
        if name.as_bytes().starts_with(b".") || !is_file {
            continue;
        }
        let Ok(name) = name.into_string() else {
            let error = Error::format("the name of a node is not UTF-8");
            return Err(error.in_file(path.as_os_str().as_bytes()));
        };
        files.insert(name, path);
        if files.len() > limits::CLUSTER_NODES + 1 {
            let most = limits::CLUSTER_NODES;
            let error = Error::limit(format!("it has more than {most} files"));
            return Err(error.in_file(folder.as_os_str().as_bytes()));
        }
    }
    Ok(files)
}

/// What is in files, by the names of nodes. `room` is how many bytes there may still be.
fn by_node(
    files: BTreeMap<String, PathBuf>,
    room: &mut usize,
) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut nodes = BTreeMap::new();
    for (name, path) in files {
        let node = match name.rsplit_once('.') {
            Some((node, extension)) if EXTENSIONS.contains(&extension) => node.to_string(),
            _ => name,
        };
        let mut raw = bounded(path.as_os_str(), limits::BROADCAST_READ.min(*room))?;
        *room -= raw.len();
        // Editors and `echo` leave one, and in a compressed broadcast it does not belong.
        if raw.last() == Some(&b'\n') {
            raw.pop();
        }
        if nodes.insert(node, raw).is_some() {
            let error = Error::format("another file is of the same node");
            return Err(error.in_file(path.as_os_str().as_bytes()));
        }
    }
    Ok(nodes)
}
