//! The volume's own images from the current one down, as plans need them: complete, and without
//! anything that is broken.

use crate::chain::Severity;
use crate::error::{Error, Result};
use crate::snapshot::graph::{Finding, FindingCode, Graph, Image, Layout};
use crate::snapshot::names::{Part, SnapshotName};
use crate::text::printable;

/// The images of a volume that is in order, the current one first.
pub struct Line<'a> {
    /// Each with its name and what it is.
    pub images: Vec<Own<'a>>,
}

/// One of them.
#[derive(Clone)]
pub struct Own<'a> {
    /// Its name.
    pub name: String,
    /// What it is.
    pub part: &'a Part,
    /// What was read of it.
    pub image: &'a Image,
}

/// An error with what was found, which keeps a plan from being made.
pub fn refuse(finding: &Finding) -> Error {
    let text = finding.message.trim_end_matches('.');
    let code = finding.code.name();
    Error::argument(format!("{text} ({code}): see what a diagnosis says"))
}

/// An error if anything is wrong with the line, or with the volume as a whole.
pub fn check(graph: &Graph) -> Result<()> {
    let on_line = |finding: &&Finding| {
        let image = finding.image;
        image.is_none_or(|index| graph.line().contains(&index))
    };
    let errors = graph
        .findings()
        .iter()
        .filter(|f| f.severity == Severity::Error);
    if let Some(finding) = errors.clone().find(on_line) {
        return Err(refuse(finding));
    }
    let inactive = |finding: &&Finding| finding.code == FindingCode::Inactive;
    match graph.findings().iter().filter(inactive).find(on_line) {
        Some(finding) => Err(refuse(finding)),
        None => Ok(()),
    }
}

impl<'a> Line<'a> {
    /// The line of a volume with images of its own for each snapshot.
    pub fn new(graph: &'a Graph) -> Result<Self> {
        check(graph)?;
        let volume = graph.subject().volume();
        if graph.layout() == Layout::Overlays {
            return Err(Error::argument(format!(
                "volume '{volume}' has the layout of 2024: convert it first"
            )));
        }
        let own = graph.line().iter().map(|&index| &graph.images()[index]);
        let own = own.take_while(|image| !image.is_foreign());
        let images = own.map(|image| {
            let part = image.part().ok_or_else(|| {
                let name = printable(&image.name);
                Error::argument(format!("'{name}' is no image of volume '{volume}'"))
            })?;
            let text = |bytes: &[u8]| std::str::from_utf8(bytes).map(str::to_owned);
            let unreadable = |_| {
                let message = "plans need names that are UTF-8";
                Error::unsupported(message).in_file(&image.path)
            };
            if let Some(backing) = image.backing() {
                text(backing.name()).map_err(unreadable)?;
            }
            let name = text(&image.name).map_err(unreadable)?;
            Ok(Own { name, part, image })
        });
        let images: Vec<Own<'a>> = images.collect::<Result<_>>()?;
        match images.first().map(|own| own.part) {
            Some(Part::Current) => Ok(Line { images }),
            _ => Err(Error::argument(format!(
                "volume '{volume}' has no current image: see what a diagnosis says"
            ))),
        }
    }

    /// The current image.
    pub fn current(&self) -> &Own<'a> {
        &self.images[0]
    }

    /// The place of a snapshot on it.
    pub fn position(&self, name: &SnapshotName) -> Option<usize> {
        let is = |own: &Own<'_>| own.part.snapshot_name() == Some(name);
        self.images.iter().position(is)
    }

    /// Whether any of these images stand on it.
    pub fn snapshots(&self) -> impl Iterator<Item = &SnapshotName> {
        self.images
            .iter()
            .filter_map(|own| own.part.snapshot_name())
    }
}

impl Own<'_> {
    /// Bytes of its disk.
    pub fn virtual_size(&self) -> Result<u64> {
        self.image.virtual_size().ok_or_else(|| {
            let message = "the size of the disk is not known";
            Error::unsupported(message).in_file(&self.image.path)
        })
    }
}
