//! Walking a backing chain from its top image down, one header at a time.

use std::sync::Arc;

use super::reference;
use crate::error::{Error, ErrorKind, Result};
use crate::image::open::OpenImage;
use crate::image::{Backing, FormatChoice, ImageFormat, ImageInfo};
use crate::io::{File, FileKind, Storage};
use crate::limits;
use crate::text;

/// How far a walk may go.
#[derive(Clone, Copy, Debug)]
pub struct ChainOptions {
    /// How the top image's format is decided.
    pub format: FormatChoice,
    /// Probe backing images whose format is not recorded, as QEMU does. Unsafe on data that a
    /// guest can write.
    pub allow_probe: bool,
    /// Images at the most; 0 means what the [`Limits`](limits::Limits) of the storage say.
    pub max_depth: usize,
    /// Whether a chain that is not whole is an error.
    pub strict: bool,
}

impl ChainOptions {
    /// The usual bounds.
    pub fn new(format: FormatChoice) -> Self {
        ChainOptions {
            format,
            allow_probe: false,
            max_depth: 0,
            strict: false,
        }
    }
}

/// A backing chain, as far as it could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The images, the top one first.
    pub images: Vec<ImageInfo>,
    /// Why the walk ended before the chain did.
    pub broken: Option<Broken>,
}

/// The place where a chain is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The name that could not be followed.
    pub filename: Vec<u8>,
    /// Why.
    pub error: Error,
}

impl Chain {
    /// The chain if it is whole, else why it is not.
    pub fn strict(self) -> Result<Chain> {
        match self.broken {
            None => Ok(self),
            Some(broken) => Err(broken.error),
        }
    }
}

/// Reads the chain under `filename`. A damaged chain is no error: it ends with why.
pub fn walk(storage: &Storage, filename: &[u8], options: &ChainOptions) -> Chain {
    walk_files(storage, filename, options, &mut drop)
}

/// The same; each file that was read goes to `keep`.
pub(super) fn walk_files(
    storage: &Storage,
    filename: &[u8],
    options: &ChainOptions,
    keep: &mut dyn FnMut(File),
) -> Chain {
    let depth = match options.max_depth {
        0 => storage.limits().depth as usize,
        depth => depth.min(limits::CHAIN_DEPTH_MAX),
    };
    let filename: Arc<[u8]> = filename.into();
    let mut head = [0u8; limits::HEAD];
    let mut seen = Seen::default();
    let mut images: Vec<ImageInfo> = Vec::with_capacity(1);
    let broken = loop {
        let (name, choice) = match images.last() {
            None => (&filename, Ok(options.format)),
            Some(image) => match below(image, options) {
                Some(next) => next,
                None => break None,
            },
        };
        let image = choice.and_then(|choice| {
            if images.len() == depth {
                let what = format!("backing chain has more than {depth} images");
                return Err(limits::above(what, "max-depth", depth as u64).in_file(name));
            }
            let image = match images.last() {
                None => OpenImage::open(storage, name.clone(), &mut head)?,
                // Within a deadline the look is free.
                Some(above) if storage.is_inline() && names_a_neighbour(above) => {
                    OpenImage::open(storage, name.clone(), &mut head)?
                }
                Some(_) => OpenImage::open_named(storage, name.clone(), &mut head)?,
            };
            let (image, file) = image.read_and_keep(choice, storage)?;
            match seen.insert(image.file.identity, images.len()) {
                Some(position) => Err(Error::new(ErrorKind::Cycle { position }).in_file(name)),
                None => {
                    keep(file);
                    Ok(image)
                }
            }
        });
        match image {
            Ok(image) => {
                // Most disks are one image; one that has a second usually has more.
                if images.len() == 1 {
                    images.reserve(USUAL_DEPTH);
                }
                images.push(image);
            }
            Err(error) => {
                let filename = name.to_vec();
                break Some(Broken { filename, error });
            }
        }
    };
    Chain { images, broken }
}

/// Room that is made for a chain once there is one.
const USUAL_DEPTH: usize = 32;

/// The image under this one: its name and how its format is known.
fn below<'a>(
    image: &'a ImageInfo,
    options: &ChainOptions,
) -> Option<(&'a Arc<[u8]>, Result<FormatChoice>)> {
    let backing = image.backing.as_ref()?;
    let name = backing.full_name();
    let choice = match &backing.format {
        Some(format) => recorded_format(format).map_err(|e| e.in_file(name)),
        None if options.allow_probe => Ok(FormatChoice::Probe),
        None => Err(match reference::parse(name) {
            Ok(reference::Reference::File(_)) => Error::new(ErrorKind::UnnamedFormat),
            _ => Error::unsupported(reference::not_a_file(name)),
        }
        .in_file(name)),
    };
    Some((name, choice))
}

/// Whether the backing file stands beside an image that is a regular file. No devices are expected
/// there, so it is opened without a look at what it is, which would cost half as much again. At the
/// worst a FIFO there is opened for an instant; an audit opens none.
fn names_a_neighbour(image: &ImageInfo) -> bool {
    let names = |backing: &Backing| {
        let (folder, name) = split(backing.full_name());
        folder == split(&image.filename).0 && !matches!(name, b"." | b"..")
    };
    image.file.kind == FileKind::Regular && image.backing.as_ref().is_some_and(names)
}

/// The folder, with its slash, and the name in it.
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    path.split_at(path.iter().rposition(|&b| b == b'/').map_or(0, |at| at + 1))
}

/// What a format recorded in a header says.
pub(crate) fn recorded_format(name: &[u8]) -> Result<FormatChoice> {
    ImageFormat::from_name(name)
        .map(FormatChoice::Named)
        .ok_or_else(|| Error::unsupported(format!("unknown format '{}'", text::printable(name))))
}

/// Which files the chain has been through, and at which of its images. The first of them are
/// searched, the others hashed.
#[derive(Default)]
pub(super) struct Seen {
    list: Vec<((u64, u64), usize)>,
    map: std::collections::HashMap<(u64, u64), usize>,
}

/// Up to here a search through the list is cheaper than hashing.
const SEARCHED: usize = 64;

impl Seen {
    /// Remembers a file; its position if it was there already.
    pub(super) fn insert(&mut self, identity: (u64, u64), position: usize) -> Option<usize> {
        if let Some(found) = self.position(identity) {
            return Some(found);
        }
        if position < SEARCHED {
            self.list.push((identity, position));
        } else {
            self.map.insert(identity, position);
        }
        None
    }

    /// Where the chain has been through this file.
    pub(super) fn position(&self, identity: (u64, u64)) -> Option<usize> {
        let listed = self.list.iter().find(|&&(seen, _)| seen == identity);
        match listed {
            Some(&(_, position)) => Some(position),
            None if self.map.is_empty() => None,
            None => self.map.get(&identity).copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    /// A qcow2 image of one cluster on this backing file; nothing is recorded without a format.
    fn image(path: &Path, backing: &str, format: Option<&str>) {
        let mut bytes = vec![0u8; 512];
        let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
        put(0, b"QFI\xfb\0\0\0\x03");
        put(8, &256u64.to_be_bytes());
        put(16, &(backing.len() as u32).to_be_bytes());
        put(20, &9u32.to_be_bytes());
        put(48, &512u64.to_be_bytes());
        put(56, &1u32.to_be_bytes());
        put(96, &4u32.to_be_bytes());
        put(100, &104u32.to_be_bytes());
        if let Some(format) = format {
            put(104, &0xe279_2acau32.to_be_bytes());
            put(108, &(format.len() as u32).to_be_bytes());
            put(112, format.as_bytes());
        }
        put(256, backing.as_bytes());
        std::fs::write(path, bytes).unwrap();
    }

    fn chain(path: &Path, max_depth: usize) -> Chain {
        let options = ChainOptions {
            max_depth,
            ..ChainOptions::new(FormatChoice::Named(ImageFormat::Qcow2))
        };
        walk(&Storage::inline(), path.as_os_str().as_bytes(), &options)
    }

    fn broken(chain: Chain) -> (usize, Broken) {
        (
            chain.images.len(),
            chain.broken.expect("the chain is broken"),
        )
    }

    #[test]
    fn what_is_not_named_is_not_probed() {
        let dir = tempfile::tempdir().unwrap();
        image(&dir.path().join("top"), "base", None);
        std::fs::write(dir.path().join("base"), [0; 512]).unwrap();
        let (depth, broken) = broken(chain(&dir.path().join("top"), 0));
        assert_eq!((depth, broken.error.code()), (1, Code::UnnamedFormat));
        assert!(broken.filename.ends_with(b"/base"));
    }

    #[test]
    fn an_unknown_format_is_not_guessed() {
        let dir = tempfile::tempdir().unwrap();
        image(&dir.path().join("top"), "top", Some("QCOW2"));
        let (depth, broken) = broken(chain(&dir.path().join("top"), 0));
        assert_eq!((depth, broken.error.code()), (1, Code::Unsupported));
    }

    #[test]
    fn a_circle_that_names_hide_is_found_after_one_round() {
        let dir = tempfile::tempdir().unwrap();
        image(&dir.path().join("a"), "./b", Some("qcow2"));
        image(&dir.path().join("b"), "./c", Some("qcow2"));
        std::fs::hard_link(dir.path().join("a"), dir.path().join("c")).unwrap();
        let (depth, broken) = broken(chain(&dir.path().join("a"), 0));
        assert_eq!((depth, broken.error.code()), (2, Code::Cycle));
        assert_eq!(broken.error.kind(), &ErrorKind::Cycle { position: 0 });
    }

    #[test]
    fn long_chains_end_at_the_limit_and_circles_in_them_are_found() {
        let dir = tempfile::tempdir().unwrap();
        let path = |i: usize| dir.path().join(i.to_string());
        for i in 0..300 {
            image(&path(i), &(i + 1).to_string(), Some("qcow2"));
        }
        image(&path(300), "150", Some("qcow2"));
        let (depth, at_limit) = broken(chain(&path(0), 0));
        assert_eq!(
            (depth, at_limit.error.code()),
            (limits::CHAIN_DEPTH, Code::Limit)
        );
        let (depth, circle) = broken(chain(&path(0), 1000));
        assert_eq!(depth, 301);
        assert_eq!(circle.error.kind(), &ErrorKind::Cycle { position: 150 });
    }
}
