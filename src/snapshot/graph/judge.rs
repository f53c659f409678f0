//! What is not as usual in a graph, image by image, and then of the whole.

use std::collections::HashMap;

use super::topology::is_passing;
use super::{Content, Finding, FindingCode, Graph, Image, Layout, Place, Role, named_format};
use crate::chain::Severity::{self, Error, Info, Warning};
use crate::error::Code;
use crate::image::ImageFormat;
use crate::image::qcow2::Qcow2Info;
use crate::limits;
use crate::snapshot::names::{Part, Scheme, Standing};
use crate::text::{folder, printable};

/// All findings; `leaves` are the images that could be the current one, and `has_twins` is whether two
/// of them are one file.
pub(super) fn findings(graph: &Graph, leaves: &[usize], has_twins: bool) -> Vec<Finding> {
    let mut judge = Judge {
        graph,
        own_depth: graph.own_depth(),
        ambiguous: graph.subject.is_ambiguous(),
        findings: Vec::new(),
        image: None,
    };
    judge.volume(leaves);
    let mut twins = Twins {
        parts: HashMap::with_capacity(graph.images.len()),
        files: has_twins.then(HashMap::new),
    };
    for index in 0..graph.images.len() {
        judge.image = Some(index);
        let image = &graph.images[index];
        judge.content(image);
        judge.place(image);
        judge.name(image);
        judge.twins(image, &mut twins, index);
        judge.backing(image);
        judge.inside(image);
    }
    judge.findings
}

/// The first image of each state, and of each file.
struct Twins<'a> {
    parts: HashMap<&'a str, usize>,
    files: Option<HashMap<(u64, u64), usize>>,
}

struct Judge<'a> {
    graph: &'a Graph,
    own_depth: usize,
    ambiguous: bool,
    findings: Vec<Finding>,
    image: Option<usize>,
}

/// A name as a sentence shows it.
fn shown(name: &[u8]) -> String {
    let mut text = printable(name).into_owned();
    if let Some((end, _)) = text.char_indices().nth(limits::AUDIT_SHOWN) {
        text.replace_range(end.., "...");
    }
    text
}

impl<'a> Judge<'a> {
    fn found(&mut self, code: FindingCode, severity: Severity, message: String) {
        let name = match self.image {
            Some(index) => self.graph.images[index].name.clone(),
            None => self.graph.subject.volume().as_str().as_bytes().into(),
        };
        self.findings.push(Finding {
            code,
            severity,
            image: self.image,
            name,
            message,
        });
    }

    fn volume(&mut self, leaves: &[usize]) {
        let graph = self.graph;
        let volume = graph.subject.volume();
        if !graph.images.iter().any(Image::is_kept) {
            let message = format!("volume '{volume}' has no image");
            return self.found(FindingCode::NoImage, Error, message);
        }
        match graph.current() {
            None if leaves.len() > 1 => {
                let names = leaves.iter().take(3).map(|&index| {
                    let name = shown(&graph.images[index].name);
                    format!("'{name}'")
                });
                let names: Vec<String> = names.collect();
                let more = if leaves.len() > 3 { ", ..." } else { "" };
                let names = names.join(", ");
                let message = format!(
                    "which image of '{volume}' is the current one cannot be told: {names}{more} are on top"
                );
                self.found(FindingCode::NoCurrent, Error, message);
            }
            None => {
                let message = format!("no image of '{volume}' is on top of the others");
                self.found(FindingCode::NoCurrent, Error, message);
            }
            Some(image) if graph.layout == Layout::Named => self.named_current(image),
            Some(_) => {
                let message = format!("volume '{volume}' has the layout of 2024");
                self.found(FindingCode::OverlayLayout, Info, message);
            }
        }
    }

    fn named_current(&mut self, current: &Image) {
        let graph = self.graph;
        let volume = graph.subject.volume();
        if current.part() == Some(&Part::Current) {
            return;
        }
        let top = shown(&current.name);
        let is_current = |image: &&Image| image.is_kept() && image.part() == Some(&Part::Current);
        if graph.images.iter().any(|image| is_current(&image)) {
            let message = format!("'{top}' stands on top of '{volume}'");
            return self.found(FindingCode::CurrentNotTop, Error, message);
        }
        let message = format!("volume '{volume}' has no current image: '{top}' is on top");
        self.found(FindingCode::CurrentMissing, Error, message);
        let base = graph
            .base()
            .filter(|base| *base.name == *volume.stem().as_bytes());
        if base.is_some() && graph.subject.scheme() == Scheme::LvmQcow2 {
            let message = format!(
                "the images of '{volume}' stand on '{}', as in the layout of 2024",
                volume.stem()
            );
            self.found(FindingCode::OverlayLayout, Warning, message);
        }
    }

    fn content(&mut self, image: &Image) {
        match &image.content {
            Content::Read(_) => {}
            Content::Inactive => {
                let what = match self.graph.subject.scheme().is_lvm() {
                    true => "is not active",
                    false => "is gone",
                };
                let message = format!("'{}' {what}", shown(&image.name));
                self.found(FindingCode::Inactive, Warning, message);
            }
            Content::Missing => {
                let message = format!("'{}' is not there", shown(&image.path));
                self.found(FindingCode::Missing, Error, message);
            }
            Content::Unread(error) => {
                let code = match error.code() {
                    Code::Format => FindingCode::WrongFormat,
                    Code::Corrupt => FindingCode::Corrupt,
                    Code::Limit => FindingCode::TooDeep,
                    Code::UnnamedFormat => FindingCode::UnnamedFormat,
                    _ => FindingCode::Unreadable,
                };
                let message = shown(error.to_string().as_bytes());
                self.found(code, Error, message);
            }
        }
    }

    fn place(&mut self, image: &Image) {
        if let Role::Foreign(_) = image.role {
            if let Place::Line(order) = image.place {
                self.foreign(image, order);
            }
        }
        let linked = self.graph.current().is_some();
        let standing = match &image.role {
            Role::Member(member) => member.standing,
            Role::Overlay(_) | Role::Foreign(_) => Standing::Kept,
        };
        let (code, severity, what) = match (image.place, standing) {
            (Place::Cycle, _) => (FindingCode::Cycle, Error, "stands on itself"),
            (_, Standing::Unfinished) => (FindingCode::Unfinished, Warning, "was being made"),
            (_, Standing::Removed(_)) => (FindingCode::Removed, Info, "was being removed"),
            _ if image.is_foreign() => return,
            (Place::Branch(_), _) => {
                let what = "branches off below the current image";
                (FindingCode::Branch, Warning, what)
            }
            (Place::Unlinked, _) if linked => {
                let what = "is no part of the current image's chain";
                (FindingCode::Unlinked, Warning, what)
            }
            _ => return,
        };
        let name = shown(&image.name);
        self.found(code, severity, format!("'{name}' {what}"));
        let stood_on = |&child: &usize| self.graph.images[child].is_kept();
        if is_passing(image) && image.children.iter().any(stood_on) {
            let message =
                format!("'{name}' does not count, but an image of the volume stands on it");
            self.found(FindingCode::PassingInUse, Error, message);
        }
    }

    /// An image of no snapshot on the line: the base below all others, or a stranger among them.
    fn foreign(&mut self, image: &Image, order: usize) {
        let name = shown(&image.name);
        if order < self.own_depth {
            let message = format!("'{name}' is no image of the volume, but stands among them");
            self.found(FindingCode::Stranger, Error, message);
        } else if order == self.own_depth {
            let message = format!("the volume stands on '{name}', which is not its own");
            self.found(FindingCode::ForeignBase, Info, message);
        }
    }

    fn name(&mut self, image: &Image) {
        let subject = &self.graph.subject;
        let (scheme, volume) = (subject.scheme(), subject.volume());
        match &image.role {
            Role::Member(member) => {
                let parsed = self.ambiguous.then(|| scheme.parse(&image.name));
                let other = parsed.flatten().filter(|parsed| {
                    let same = (&parsed.part, parsed.standing) == (&member.part, member.standing);
                    parsed.volume != *volume || !same
                });
                if let Some(other) = other {
                    let name = shown(&image.name);
                    let message = format!("'{name}' is also the name of the {other}");
                    self.found(FindingCode::AmbiguousName, Warning, message);
                }
                if !image.listed && self.is_apart(image) {
                    let message = format!("'{}' lies in another folder", shown(&image.path));
                    self.found(FindingCode::Elsewhere, Warning, message);
                }
            }
            Role::Foreign(_) => {
                if scheme.parse_for(volume, &image.name).is_some() {
                    let path = shown(&image.path);
                    let message = format!("'{path}' is called like an image of the volume");
                    self.found(FindingCode::Elsewhere, Warning, message);
                }
            }
            Role::Overlay(_) => {}
        }
    }

    /// Whether the path leads to another folder than that of the image above.
    fn is_apart(&self, image: &Image) -> bool {
        let above = image.children.first();
        above.is_some_and(|&above| {
            let above = &self.graph.images[above].path;
            folder(above) != folder(&image.path)
        })
    }

    fn twins(&mut self, image: &'a Image, twins: &mut Twins<'a>, index: usize) {
        if let (Some(part), true) = (image.part(), image.is_kept()) {
            if let Some(snapshot) = part.snapshot_name() {
                let first = *twins.parts.entry(snapshot.as_str()).or_insert(index);
                if first != index {
                    let other = shown(&self.graph.images[first].name);
                    let name = shown(&image.name);
                    let message =
                        format!("'{other}' and '{name}' are both images of snapshot '{snapshot}'");
                    self.found(FindingCode::Duplicate, Error, message);
                    return;
                }
            }
        }
        if let (Some(info), Some(files)) = (image.info(), &mut twins.files) {
            let first = *files.entry(info.file.identity).or_insert(index);
            if first != index {
                let other = shown(&self.graph.images[first].path);
                let message = format!("'{other}' and '{}' are one file", shown(&image.path));
                self.found(FindingCode::Duplicate, Error, message);
            }
        }
    }

    fn backing(&mut self, image: &Image) {
        let (Some(backing), Some(parent)) = (image.backing(), image.parent) else {
            return;
        };
        let parent = &self.graph.images[parent];
        let names = || (shown(&image.name), shown(&parent.name));
        let read_as = parent.info().map(|info| info.format);
        let expected = named_format(&self.graph.subject, &parent.role).or(read_as);
        let recorded = backing.format.as_ref();
        match (recorded, expected) {
            (None, _) => {
                let (name, below) = names();
                let message = format!("'{name}' does not record the format of '{below}'");
                self.found(FindingCode::UnnamedFormat, Error, message);
            }
            (Some(recorded), Some(expected))
                if ImageFormat::from_name(recorded) != Some(expected) =>
            {
                let (name, below) = names();
                let (recorded, expected) = (shown(recorded), expected.name());
                let message = format!(
                    "'{name}' records that '{below}' is '{recorded}', but it is {expected}"
                );
                self.found(FindingCode::RecordedFormat, Error, message);
            }
            _ => {}
        }
        if backing.name().starts_with(b"/") && !parent.is_foreign() {
            let (name, below) = names();
            let message = format!("'{name}' names '{below}' by its whole path");
            self.found(FindingCode::AbsoluteName, Info, message);
        }
        let (Some(size), Some(base)) = (image.virtual_size(), parent.virtual_size()) else {
            return;
        };
        if size != base {
            let (code, severity) = match size < base {
                true => (FindingCode::Shrunk, Warning),
                false => (FindingCode::Grown, Info),
            };
            let (name, below) = names();
            let sizes = format!("the disk of '{name}' has {size} bytes, that of '{below}' {base}");
            self.found(code, severity, sizes);
        }
    }

    fn inside(&mut self, image: &Image) {
        let Some(info) = image.info() else { return };
        let name = || shown(&image.name);
        if info.qcow2().is_some_and(|qcow2| qcow2.header.corrupt()) {
            let message = format!("'{}' is marked as corrupt", name());
            self.found(FindingCode::MarkedCorrupt, Error, message);
        }
        if info.qcow2().is_some_and(Qcow2Info::has_data_file) {
            let message = format!("the data of '{}' lie in another file", name());
            self.found(FindingCode::DataFile, Warning, message);
        }
        let external = self.graph.subject.scheme() != Scheme::Internal;
        if external && !info.metadata.snapshots.is_empty() {
            let message = format!("'{}' has snapshots within", name());
            self.found(FindingCode::InternalSnapshots, Info, message);
        }
    }
}
