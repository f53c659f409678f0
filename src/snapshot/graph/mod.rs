//! The images of one volume: which stands on which, which one the guest writes to, which snapshots
//! they hold, and everything about them that is not as it should be.
//!
//! A graph comes from a chain ([`Graph::from_chain`]) or from a listing of the volume group or folder
//! ([`Graph::from_volumes`]). Nothing that an image says is fatal: what is broken is part of the graph,
//! with a [`Finding`]. All algorithms are iterative and take time in proportion to the images.

mod dot;
mod finding;
mod json;
mod judge;
mod neighbours;
mod read;
mod states;
mod subject;
mod text;
mod topology;

pub use finding::{Finding, FindingCode};
pub use states::{InternalSnapshot, SnapshotEntry, SnapshotInfo, State};
pub use subject::{Listed, Subject};

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::error::Error;
use crate::image::{Backing, ImageFormat, ImageInfo};
use crate::snapshot::names::{ImageName, Member, Part, SnapshotName, Standing};

/// What an image is to the volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// One of its images.
    Member(Member),
    /// What was written after this snapshot, in the layout of 2024.
    Overlay(SnapshotName),
    /// No image of this volume: the base of a linked clone, or a stranger. With what its name says,
    /// if that is the name of another volume's image.
    Foreign(Option<Box<ImageName>>),
}

/// What could be read of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Its header.
    Read(Box<ImageInfo>),
    /// It is listed, but cannot be found: a logical volume that is not active or whose device is
    /// suspended, or a file that is gone since.
    Inactive,
    /// An image names it, but it cannot be found.
    Missing,
    /// It cannot be read, or was not: why.
    Unread(Error),
}

/// Where an image stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// On the way from the current image down: so many images below it. What follows behind the
    /// volume's own images is the base.
    Line(usize),
    /// It leads to the line, whose image so many below the current one it stands on.
    Branch(usize),
    /// It does not lead to the line: what was once a part of it, or never became one.
    Unlinked,
    /// It stands on itself.
    Cycle,
}

/// An image in a graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Its name in the volume group or folder.
    pub name: Box<[u8]>,
    /// The path it was read from, or could not be.
    pub path: Arc<[u8]>,
    /// What it is to the volume.
    pub role: Role,
    /// What could be read of it.
    pub content: Content,
    /// Whether the listing had it. In a graph from a chain nothing is listed.
    pub listed: bool,
    /// Bytes of the volume or file as the listing says.
    pub size: Option<u64>,
    /// LVM's tags, from the listing.
    pub tags: Vec<Vec<u8>>,
    /// Index of the image it stands on.
    pub parent: Option<usize>,
    /// Indices of the images that stand on it, in rising order.
    pub children: Vec<usize>,
    /// Where it stands.
    pub place: Place,
}

impl Image {
    /// Its header, if it could be read.
    pub fn info(&self) -> Option<&ImageInfo> {
        match &self.content {
            Content::Read(info) => Some(info),
            _ => None,
        }
    }

    /// What it says that it stands on.
    pub fn backing(&self) -> Option<&Backing> {
        self.info().and_then(|info| info.backing.as_ref())
    }

    /// Bytes of the disk that the guest sees, if that could be read.
    pub fn virtual_size(&self) -> Option<u64> {
        self.info().and_then(|info| info.metadata.virtual_size)
    }

    /// Which image of the volume it is, by its name.
    pub fn part(&self) -> Option<&Part> {
        match &self.role {
            Role::Member(member) => Some(&member.part),
            Role::Overlay(_) | Role::Foreign(_) => None,
        }
    }

    /// Whether it is an image of the volume that counts: neither unfinished nor removed.
    pub fn is_kept(&self) -> bool {
        match &self.role {
            Role::Member(member) => member.standing == Standing::Kept,
            Role::Overlay(_) => true,
            Role::Foreign(_) => false,
        }
    }

    /// Whether it is no image of the volume.
    pub fn is_foreign(&self) -> bool {
        matches!(self.role, Role::Foreign(_))
    }
}

/// How the images are to be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// An image holds the state that its name says.
    Named,
    /// As in 2024: an overlay's name says since when it was written to, and the state at that time is
    /// what it stands on.
    Overlays,
}

/// The images of one volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graph {
    subject: Subject,
    layout: Layout,
    images: Vec<Image>,
    line: Vec<usize>,
    findings: Vec<Finding>,
    neighbours: BTreeSet<Box<[u8]>>,
}

impl Graph {
    /// The volume.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// How the images are to be understood.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// All images. Those of a listing stand in the order of their names, whatever order they came in;
    /// then come the others that they lead to.
    pub fn images(&self) -> &[Image] {
        &self.images
    }

    /// The image that the guest writes to: the one on which no other stands. None if that cannot be
    /// told.
    pub fn current(&self) -> Option<&Image> {
        self.line.first().map(|&index| &self.images[index])
    }

    /// Indices of the images from the current one down, as far as they could be followed.
    pub fn line(&self) -> &[usize] {
        &self.line
    }

    /// The first image below all of the volume's own, if there is one: a linked clone's base.
    pub fn base(&self) -> Option<&Image> {
        let below = self.line.get(self.own_depth());
        below.map(|&index| &self.images[index])
    }

    /// Images on the line down to the last one of the volume's own.
    fn own_depth(&self) -> usize {
        let own = |&index: &usize| !self.images[index].is_foreign();
        self.line.iter().rposition(own).map_or(0, |last| last + 1)
    }

    /// The format that an image has by its name, if it is the volume's own.
    pub fn named_format(&self, image: &Image) -> Option<ImageFormat> {
        named_format(&self.subject, &image.role)
    }

    /// Names in the listing that matter to this volume, though they are not its own: the current images
    /// of volumes on whose images it stands; of a raw volume, those of the one that it would become if
    /// it was adopted, and of that one, the raw volume.
    pub fn neighbours(&self) -> &BTreeSet<Box<[u8]>> {
        &self.neighbours
    }

    /// What is not as usual, in the order of the images.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }
}

/// The format that the image has by its name, if it is the volume's own.
fn named_format(subject: &Subject, role: &Role) -> Option<ImageFormat> {
    match role {
        Role::Member(member) => Some(member.format(subject.volume())),
        Role::Overlay(_) => Some(ImageFormat::Qcow2),
        Role::Foreign(_) => None,
    }
}
