//! What is not as usual in a graph, image by image, and then of the whole.

use std::collections::HashMap;

use super::topology::is_passing;
use super::{Content, Finding, FindingCode, Graph, Image, Layout, Place, Role, named_format};
use crate::chain::Severity::{self, Error, Info, Warning};
use crate::error::Code;
use crate::image::ImageFormat;
use crate::image::qcow2::Qcow2Info;
use crate::limits;
use crate::snapshot::names::{ImageName, Part, Scheme, Standing};
use crate::text::{last_component, printable};

/// All findings; `leaves` are the images that could be the current one.
pub(super) fn findings(graph: &Graph, leaves: &[usize]) -> Vec<Finding> {
    let mut judge = Judge {
        graph,
        findings: Vec::new(),
        image: None,
    };
    judge.volume(leaves);
    let mut twins = Twins::default();
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
#[derive(Default)]
struct Twins<'a> {
    parts: HashMap<&'a str, usize>,
    files: HashMap<(u64, u64), usize>,
}

struct Judge<'a> {
    graph: &'a Graph,
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
        let name = shown(&image.name);
        match &image.content {
            Content::Read(_) => {}
            Content::Inactive => {
                let what = match self.graph.subject.scheme().is_lvm() {
                    true => "is not active",
                    false => "is gone",
                };
                self.found(FindingCode::Inactive, Warning, format!("'{name}' {what}"));
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
        let name = shown(&image.name);
        match (&image.role, image.place) {
            (_, Place::Cycle) => {
                self.found(
                    FindingCode::Cycle,
                    Error,
                    format!("'{name}' stands on itself"),
                );
            }
            (Role::Member(member), _) if member.standing == Standing::Unfinished => {
                let message = format!("'{name}' was being made");
                self.found(FindingCode::Unfinished, Warning, message);
            }
            (Role::Member(member), _) if member.standing != Standing::Kept => {
                let message = format!("'{name}' was being removed");
                self.found(FindingCode::Removed, Info, message);
            }
            (Role::Foreign(_), Place::Line(order)) => self.foreign(image, order),
            (Role::Foreign(_), _) => {}
            (_, Place::Branch(_)) => {
                let message = format!("'{name}' branches off below the current image");
                self.found(FindingCode::Branch, Warning, message);
            }
            (_, Place::Unlinked) if self.graph.current().is_some() => {
                let message = format!("'{name}' is no part of the current image's chain");
                self.found(FindingCode::Unlinked, Warning, message);
            }
            _ => {}
        }
        let stood_on = |&child: &usize| self.graph.images[child].is_kept();
        if is_passing(image) && image.children.iter().any(stood_on) {
            let message =
                format!("'{name}' does not count, but an image of the volume stands on it");
            self.found(FindingCode::PassingInUse, Error, message);
        }
    }

    /// An image of no snapshot on the line: the base below all others, or a stranger among them.
    fn foreign(&mut self, image: &Image, order: usize) {
        let graph = self.graph;
        let own = graph
            .line
            .iter()
            .rposition(|&i| !graph.images[i].is_foreign());
        let name = shown(&image.name);
        let first_below = own.map_or(0, |own| own + 1);
        if order < first_below {
            let message = format!("'{name}' is no image of the volume, but stands among them");
            self.found(FindingCode::Stranger, Error, message);
        } else if order == first_below {
            let message = format!("the volume stands on '{name}', which is not its own");
            self.found(FindingCode::ForeignBase, Info, message);
        }
    }

    fn name(&mut self, image: &Image) {
        let subject = &self.graph.subject;
        let name = shown(&image.name);
        match &image.role {
            Role::Member(member) => {
                let full = ImageName {
                    volume: subject.volume().clone(),
                    part: member.part.clone(),
                    standing: member.standing,
                };
                match subject.scheme().parse(&image.name) {
                    Some(parsed) if parsed == full => {}
                    Some(parsed) => {
                        let message = format!("'{name}' is also the name of the {parsed}");
                        self.found(FindingCode::AmbiguousName, Warning, message);
                    }
                    None => {
                        let message = format!("'{name}' does not say which volume it belongs to");
                        self.found(FindingCode::AmbiguousName, Warning, message);
                    }
                }
                if !image.listed && self.is_apart(image) {
                    let message = format!("'{}' lies in another folder", shown(&image.path));
                    self.found(FindingCode::Elsewhere, Warning, message);
                }
            }
            Role::Foreign(_) => {
                let volume = subject.volume();
                if subject.scheme().parse_for(volume, &image.name).is_some() {
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
        let folder = |path: &'a [u8]| &path[..path.len() - last_component(path).len()];
        let above = image.children.first();
        above.is_some_and(|&above| {
            let above = &self.graph.images[above].path;
            folder(above) != &image.path[..image.path.len() - last_component(&image.path).len()]
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
        if let Some(info) = image.info() {
            let first = *twins.files.entry(info.file.identity).or_insert(index);
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
        let (name, below) = (shown(&image.name), shown(&parent.name));
        let read_as = parent.info().map(|info| info.format);
        let expected = named_format(&self.graph.subject, &parent.role).or(read_as);
        match (&backing.format, expected) {
            (None, _) => {
                let message = format!("'{name}' does not record the format of '{below}'");
                self.found(FindingCode::UnnamedFormat, Error, message);
            }
            (Some(recorded), Some(expected))
                if ImageFormat::from_name(recorded) != Some(expected) =>
            {
                let message = format!(
                    "'{name}' records that '{below}' is '{}', but it is {}",
                    shown(recorded),
                    expected.name()
                );
                self.found(FindingCode::RecordedFormat, Error, message);
            }
            _ => {}
        }
        if backing.name().starts_with(b"/") && !parent.is_foreign() {
            let message = format!("'{name}' names '{below}' by its whole path");
            self.found(FindingCode::AbsoluteName, Info, message);
        }
        let (Some(size), Some(base)) = (image.virtual_size(), parent.virtual_size()) else {
            return;
        };
        let sizes = format!("the disk of '{name}' has {size} bytes, that of '{below}' {base}");
        if size < base {
            self.found(FindingCode::Shrunk, Warning, sizes);
        } else if size > base {
            self.found(FindingCode::Grown, Info, sizes);
        }
    }

    fn inside(&mut self, image: &Image) {
        let Some(info) = image.info() else { return };
        let name = shown(&image.name);
        if info.qcow2().is_some_and(|qcow2| qcow2.header.corrupt()) {
            let message = format!("'{name}' is marked as corrupt");
            self.found(FindingCode::MarkedCorrupt, Error, message);
        }
        if info.qcow2().is_some_and(Qcow2Info::has_data_file) {
            let message = format!("the data of '{name}' lie in another file");
            self.found(FindingCode::DataFile, Warning, message);
        }
        let external = self.graph.subject.scheme() != Scheme::Internal;
        if external && !info.metadata.snapshots.is_empty() {
            let message = format!("'{name}' has snapshots within");
            self.found(FindingCode::InternalSnapshots, Info, message);
        }
    }
}
