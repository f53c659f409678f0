//! Whether an image, and every file that it names, may be used: each image of the chain is read
//! and judged against a [`Policy`], and nothing is opened before the policy allows it.
//!
//! The answer is a list of findings with stable codes. A hostile image is never an error; that
//! the caller's own image is not there, that its policy contradicts itself, or that storage does
//! not answer in time, is.

mod extents;
mod finding;
mod gate;
mod hidden;
mod image;
mod json;
mod layout;

pub use crate::severity::Severity;
pub use finding::{Finding, FindingCode};

use std::sync::Arc;

use super::policy::Policy;
use super::reference;
use super::walk::{Broken, Chain, Seen, recorded_format};
use crate::error::{Error, ErrorKind, Result};
use crate::image::open::OpenImage;
use crate::image::qcow2::{Qcow2Info, offset_of};
use crate::image::{FormatChoice, ImageFormat, ImageInfo, probe};
use crate::io::{Bounds, File, Found, Source, Storage};
use crate::limits;
use extents::ExtentGate;
use gate::{Gate, Naming, Refused, ends_the_audit, shown};

/// What an audit says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// The images that were read, and why the walk ended early if it did.
    pub chain: Chain,
    /// What was found, in the order of the chain.
    pub findings: Vec<Finding>,
}

impl Audit {
    /// Whether the chain may be used under the policy.
    pub fn is_safe(&self) -> bool {
        self.first_error().is_none()
    }

    /// The first finding that forbids its use.
    pub fn first_error(&self) -> Option<&Finding> {
        self.findings
            .iter()
            .find(|finding| finding.severity == Severity::Error)
    }

    /// The audit, or the first finding that forbids the use of the chain.
    pub fn or_error(self) -> Result<Audit> {
        match self.first_error() {
            Some(finding) => Err(finding.to_error()),
            None => Ok(self),
        }
    }
}

/// Audits the chain under `filename`. An image above a limit of the call is a finding.
pub fn audit(filename: &[u8], policy: &Policy, bounds: impl Into<Bounds>) -> Result<Audit> {
    walk(filename, policy, bounds.into(), None)
}

/// The files of one audited image, still open within the deadline: to close one can hang too.
pub(super) struct Kept {
    /// The image itself.
    pub image: File,
    /// Its external data file, if it has one.
    pub data: Option<File>,
}

/// Audits and, if asked to, keeps open what was audited: the very files that were read.
pub(super) fn walk(
    filename: &[u8],
    policy: &Policy,
    bounds: Bounds,
    kept: Option<&mut Vec<Kept>>,
) -> Result<Audit> {
    let storage = Storage::for_call(bounds);
    let own_depth = policy.max_depth != 0;
    let mut policy = policy.settled()?;
    if !own_depth {
        policy.max_depth = storage.limits().depth as usize;
    }
    let top = match reference::parse(filename)? {
        reference::Reference::File(path) => path.into_owned(),
        _ => {
            return Err(Error::unsupported(reference::not_a_file(filename)).in_file(filename));
        }
    };
    let mut walk = Walk {
        gate: Gate::new(&storage, &policy, &top)?,
        images: Vec::new(),
        seen: Seen::default(),
        kept,
    };
    let broken = walk.run(top, filename.starts_with(b"file:"))?;
    Ok(Audit {
        chain: Chain {
            images: walk.images,
            broken,
        },
        findings: walk.gate.into_findings(),
    })
}

struct Walk<'a, 'k> {
    gate: Gate<'a>,
    images: Vec<ImageInfo>,
    seen: Seen,
    kept: Option<&'k mut Vec<Kept>>,
}

/// The next image to look at.
struct Next {
    path: Arc<[u8]>,
    found: Found,
    choice: FormatChoice,
}

impl Walk<'_, '_> {
    fn run(&mut self, top: Vec<u8>, prefixed: bool) -> Result<Option<Broken>> {
        let mut head = [0; limits::HEAD];
        let found = match self.gate.find_top(&top, prefixed)? {
            Ok(found) => found,
            Err(Refused(error)) => {
                let filename = top;
                return Ok(Some(Broken { filename, error }));
            }
        };
        let mut next = Next {
            path: top.into(),
            found,
            choice: self.gate.policy.format,
        };
        loop {
            let path = Arc::clone(&next.path);
            let below = match self.image(next, &mut head) {
                Ok(()) => self.below()?,
                Err(error) if ends_the_audit(&error) => return Err(error),
                Err(error) => Err(Broken {
                    filename: path.to_vec(),
                    error,
                }),
            };
            next = match below {
                Ok(Some(below)) => below,
                Ok(None) => return Ok(None),
                Err(broken) => return Ok(Some(broken)),
            };
        }
    }

    /// Reads one image and reports what it gives away. An error is reported as well.
    fn image(&mut self, next: Next, head: &mut [u8; limits::HEAD]) -> Result<()> {
        let path = next.path;
        let before = self.gate.errors();
        self.read(&path, next.found, next.choice, head)
            .inspect_err(|error| {
                // What the gate has turned away is reported already.
                if self.gate.errors() == before {
                    self.gate.report(Finding::from_error(error, &path));
                }
            })
    }

    fn read(
        &mut self,
        path: &Arc<[u8]>,
        found: Found,
        choice: FormatChoice,
        head: &mut [u8; limits::HEAD],
    ) -> Result<()> {
        let gate = &self.gate;
        let position = self.images.len();
        self.seen.insert(found.meta().identity, position);
        let (file, length) = found.open(head)?;
        // Known before anything is read, so that no reader sees what it is not allowed to.
        let format = match choice {
            FormatChoice::Named(format) => format,
            FormatChoice::Extension => ImageFormat::from_extension(path),
            FormatChoice::Probe => probe::probe(&Source::new(&file, &head[..length]), path)
                .map_err(|e| e.in_file(path))?,
        };
        if !gate.policy.allows_format(format) {
            let message = format!("the format {} is not allowed here", format.name());
            let finding = Finding::error(FindingCode::FormatNotAllowed, path, message);
            let error = finding.to_error();
            gate.report(finding);
            return Err(error);
        }
        let limits = gate.storage.limits();
        let image = OpenImage::new(Arc::clone(path), file, &head[..length], limits);
        let opener = ExtentGate {
            gate,
            image: path,
            seen: &self.seen,
        };
        let (mut info, file) = image.read_and_keep(FormatChoice::Named(format), &opener)?;
        let source = Source::new(&file, &head[..length])
            .with_limits(limits)
            .after(info.used);
        image::look(gate, &info, &source).map_err(|e| e.in_file(path))?;
        info.used = source.used();
        let data = match info.qcow2() {
            Some(qcow2) => data_file(gate, path, qcow2, &self.seen)?,
            None => None,
        };
        if let Some(data) = &data {
            self.seen.insert(data.meta().identity, position);
        }
        if let Some(kept) = &mut self.kept {
            kept.push(Kept { image: file, data });
        }
        self.images.push(info);
        Ok(())
    }

    /// The image under the last one, if it has one that may be followed.
    fn below(&self) -> Result<std::result::Result<Option<Next>, Broken>> {
        let Some(image) = self.images.last() else {
            return Ok(Ok(None));
        };
        let Some(backing) = &image.backing else {
            return Ok(Ok(None));
        };
        let gate = &self.gate;
        let offset = image.qcow2().map(|data| data.header.backing_file_offset);
        let naming = Naming {
            image: &image.filename,
            what: "backing file",
            offset,
        };
        let report = |code, message: String| {
            let mut finding = Finding::error(code, naming.image, message);
            finding.offset = offset;
            let error = finding.to_error();
            gate.report(finding);
            error
        };
        let name = backing.full_name();
        let broken = |error| {
            let filename = name.to_vec();
            Ok(Err(Broken { filename, error }))
        };
        let shown = shown(backing.name());
        let path = gate.judge_name(naming, backing.name(), name);
        if gate.policy.deny_backing {
            let message = format!("the image stands on a backing file, '{shown}'");
            report(FindingCode::BackingFile, message);
            return Ok(Ok(None));
        }
        let unnamed = || {
            format!(
                "the format of the backing file '{shown}' is not recorded: QEMU would guess it \
                 from bytes that a guest may have written"
            )
        };
        let choice = match backing.format.as_deref() {
            Some(format) => recorded_format(format).inspect_err(|error| {
                let message = format!("the backing file '{shown}': {error}");
                report(FindingCode::Unsupported, message);
            }),
            None if gate.policy.allow_unnamed_format => {
                let mut finding =
                    Finding::error(FindingCode::UnnamedFormat, naming.image, unnamed());
                finding.offset = offset;
                gate.report(finding.with_severity(Severity::Warning));
                Ok(FormatChoice::Probe)
            }
            None => Err(report(FindingCode::UnnamedFormat, unnamed())),
        };
        let (path, choice) = match (path, choice) {
            (Ok(Some(path)), Ok(choice)) => (path, choice),
            (Ok(None), Ok(_)) => return Ok(Ok(None)),
            (Err(Refused(error)), _) | (_, Err(error)) => return broken(error),
        };
        if self.images.len() == gate.policy.max_depth {
            let most = gate.policy.max_depth;
            let message = format!("the chain has more than {most} images");
            return broken(report(FindingCode::TooDeep, message));
        }
        let found = match gate.find_named(naming, &path)? {
            Ok(found) => found,
            Err(Refused(error)) => return broken(error),
        };
        if let Some(position) = self.seen.position(found.meta().identity) {
            let message = format!(
                "the backing file '{shown}' is image {position} of the chain, which would never end"
            );
            report(FindingCode::Cycle, message);
            return broken(Error::new(ErrorKind::Cycle { position }).in_file(&path));
        }
        Ok(Ok(Some(Next {
            path: path.into(),
            found,
            choice,
        })))
    }
}

/// Judges an external data file; gives it open.
fn data_file(
    gate: &Gate<'_>,
    image: &[u8],
    qcow2: &Qcow2Info,
    seen: &Seen,
) -> Result<Option<File>> {
    let report = |code, message: String| {
        let finding = Finding::error(code, image, message);
        gate.report(finding.at(offset_of::INCOMPATIBLE_FEATURES));
    };
    let name = match (qcow2.has_data_file(), &qcow2.extensions.data_file) {
        (false, None) => return Ok(None),
        (false, Some(name)) => {
            let message = format!(
                "the image names an external data file, '{}', that it says it does not have",
                shown(name)
            );
            report(FindingCode::DataFileUnused, message);
            return Ok(None);
        }
        (true, None) => {
            let message = "the image says that its data lies in an external file, but names none";
            report(FindingCode::DataFileUnnamed, message.into());
            return Ok(None);
        }
        (true, Some(name)) => name,
    };
    let shown = shown(name);
    let naming = Naming {
        image,
        what: "data file",
        offset: None,
    };
    let path = if name.is_empty() {
        let message = "the name of the external data file is empty";
        report(FindingCode::DataFileUnnamed, message.into());
        None
    } else {
        gate.judge_name(naming, name, name).unwrap_or(None)
    };
    if !gate.policy.allow_data_file {
        let message = format!("the image's data lies in an external file, '{shown}'");
        report(FindingCode::DataFile, message);
        return Ok(None);
    }
    let Some(path) = path else { return Ok(None) };
    if !path.starts_with(b"/") {
        let message = format!(
            "the data file '{shown}' has no absolute name: QEMU looks for it in the working \
             folder of whoever opens the image, not beside the image"
        );
        report(FindingCode::RelativeName, message);
    }
    let found = gate.find_named(naming, &path)?;
    let Ok(found) = found.and_then(|found| gate.not_an_image(naming, found, seen)) else {
        return Ok(None);
    };
    let (file, _) = found.open(&mut [])?;
    Ok(Some(file))
}
