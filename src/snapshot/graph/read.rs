//! Reading what a graph is made of: the images of a listing and all that they lead to, or a chain
//! that was walked already.
//!
//! An image of the volume is read in the format that its name says, whatever another image records
//! of it; any other image only in the one that is recorded, and none is ever probed.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::neighbours::neighbours;
use super::{Content, Graph, Image, Listed, Place, Role, Subject, named_format};
use crate::chain::reference::{self, Reference};
use crate::chain::walk::recorded_format;
use crate::chain::{Chain, ChainOptions, walk};
use crate::error::{Code, Error, ErrorKind, Result};
use crate::image::open::OpenImage;
use crate::image::{Backing, FormatChoice, ImageFormat};
use crate::io::{Folder, Links, Storage, is_suspended};
use crate::limits;
use crate::snapshot::names::{Scheme, legacy};
use crate::text::{folder, last_component};

/// What was read, before it is put in order.
pub(super) struct Draft {
    pub subject: Subject,
    pub images: Vec<Image>,
    /// Whether overlays with the names of the layout of 2024 may belong to a volume of ours.
    pub has_sibling: bool,
    /// Whether two of the images are one file.
    pub has_twins: bool,
    /// See [`Graph::neighbours`].
    pub neighbours: BTreeSet<Box<[u8]>>,
}

impl Graph {
    /// The graph of the chain under an image of the volume. It shows what QEMU would see: below an
    /// image that is recorded with a wrong format there is nothing. An error only if storage did not
    /// answer in time.
    pub fn from_chain(subject: Subject, chain: Chain) -> Result<Graph> {
        let Chain { images, broken } = chain;
        let top = images.first().map(|image| Arc::clone(&image.filename));
        let top_folder = top.as_deref().map(folder).unwrap_or_default();
        let in_folder: HashSet<&[u8]> = images
            .iter()
            .filter(|image| folder(&image.filename) == top_folder)
            .map(|image| last_component(&image.filename))
            .collect();
        let roles: Vec<Role> = images
            .iter()
            .map(|image| {
                let name = last_component(&image.filename);
                let elsewhere = folder(&image.filename) != top_folder;
                match elsewhere && in_folder.contains(name) {
                    true => foreign(&subject, name),
                    false => role(&subject, name),
                }
            })
            .collect();
        let mut drafted: Vec<Image> = Vec::with_capacity(images.len() + 1);
        for (info, role) in images.into_iter().zip(roles) {
            let path = Arc::clone(&info.filename);
            let mut image = image(path, role, Content::Read(Box::new(info)));
            image.parent = Some(drafted.len() + 1);
            drafted.push(image);
        }
        let mut below = None;
        if let Some(broken) = broken {
            if let ErrorKind::Cycle { position } = *broken.error.kind() {
                below = Some(position);
            } else {
                let content = unreadable(broken.error, Content::Missing)?;
                let role = role(&subject, last_component(&broken.filename));
                drafted.push(image(broken.filename.into(), role, content));
            }
        }
        if let Some(last) = drafted.last_mut() {
            last.parent = below;
        }
        let draft = Draft {
            subject,
            images: drafted,
            has_sibling: false,
            has_twins: false,
            neighbours: BTreeSet::new(),
        };
        Ok(draft.finish())
    }

    /// The same, read from storage. Without a format the volume's name decides.
    pub fn from_path(
        storage: &Storage,
        subject: Subject,
        path: &[u8],
        format: Option<FormatChoice>,
    ) -> Result<Graph> {
        let named = named_format(&subject, &role(&subject, last_component(path)));
        let named = named.map_or(FormatChoice::Extension, FormatChoice::Named);
        let options = ChainOptions {
            max_depth: limits::GRAPH_IMAGES,
            ..ChainOptions::new(format.unwrap_or(named))
        };
        Self::from_chain(subject, walk(storage, path, &options))
    }

    /// The graph of all images of the volume in a listing, and of what they lead to. An error only
    /// if the volume has more than [`limits::GRAPH_IMAGES`] images, or if storage did not answer in
    /// time.
    pub fn from_volumes(storage: &Storage, subject: Subject, listing: &[Listed]) -> Result<Graph> {
        let mut own: Vec<(&Listed, Role)> = Vec::new();
        for listed in listing {
            let role = role(&subject, &listed.name);
            if !matches!(role, Role::Foreign(_)) {
                own.push((listed, role));
            }
        }
        if own.len() > limits::GRAPH_IMAGES {
            let what = format!("volume '{}' has {} images", subject.volume(), own.len());
            let most = limits::GRAPH_IMAGES as u64;
            return Err(limits::above(what, "the limit", most));
        }
        own.sort_by(|(a, _), (b, _)| (&a.name, &a.path).cmp(&(&b.name, &b.path)));
        own.dedup_by(|(a, _), (b, _)| (&a.name, &a.path) == (&b.name, &b.path));
        let sibling = format!("{}.qcow2", subject.volume().stem());
        let has_sibling = legacy::can_have_overlays(subject.volume())
            && listing.iter().any(|l| l.name == sibling.as_bytes());
        let folder = own.first().map(|(first, _)| storage.folder_of(&first.path));
        let mut reader = Reader {
            storage,
            folder: folder.unwrap_or_default(),
            subject: &subject,
            listing,
            listed: HashMap::new(),
            head: [0; limits::GRAPH_HEAD],
            images: Vec::with_capacity(own.len() + 1),
            by_path: HashMap::with_capacity(own.len()),
            by_identity: HashMap::with_capacity(own.len()),
            suspended: HashSet::new(),
            has_twins: false,
        };
        reader.look_for_suspended()?;
        for (listed, role) in own {
            reader.read_listed(listed, role)?;
        }
        reader.follow_all()?;
        let (images, has_twins) = (reader.images, reader.has_twins);
        let neighbours = neighbours(&subject, &images, listing);
        let draft = Draft {
            subject,
            images,
            has_sibling,
            has_twins,
            neighbours,
        };
        Ok(draft.finish())
    }
}

/// An image that stands on nothing yet.
fn image(path: Arc<[u8]>, role: Role, content: Content) -> Image {
    let name = Arc::clone(&path);
    image_called(last_component(&name), path, role, content)
}

/// The same with the name that a listing has for it.
fn image_called(name: &[u8], path: Arc<[u8]>, role: Role, content: Content) -> Image {
    Image {
        name: name.into(),
        path,
        role,
        content,
        listed: false,
        size: None,
        tags: Vec::new(),
        parent: None,
        children: Vec::new(),
        place: Place::Unlinked,
    }
}

/// What an image with this name is to the volume.
fn role(subject: &Subject, name: &[u8]) -> Role {
    let volume = subject.volume();
    if let Some(member) = subject.scheme().parse_for(volume, name) {
        return Role::Member(member);
    }
    let overlay = match subject.scheme() {
        Scheme::LvmQcow2 => legacy::overlay_of(volume, name),
        _ => None,
    };
    overlay.map_or_else(|| foreign(subject, name), Role::Overlay)
}

fn foreign(subject: &Subject, name: &[u8]) -> Role {
    Role::Foreign(subject.scheme().parse(name).map(Box::new))
}

/// What it means that an image could not be read; `gone` if it is not there. An error if the whole
/// call cannot go on.
fn unreadable(error: Error, gone: Content) -> Result<Content> {
    match error.code() {
        Code::Timeout | Code::Busy | Code::Cancelled | Code::Panic | Code::Poisoned => Err(error),
        Code::Io if error.would_block() => Err(error),
        Code::Io if matches!(error.errno(), libc::ENOENT | libc::ENOTDIR | libc::ENXIO) => Ok(gone),
        _ => Ok(Content::Unread(error)),
    }
}

struct Reader<'a> {
    storage: &'a Storage,
    /// Where the images of the listing lie.
    folder: Folder,
    subject: &'a Subject,
    listing: &'a [Listed],
    /// The listing by path; filled when something is looked for that is not the volume's own.
    listed: HashMap<&'a [u8], &'a Listed>,
    head: [u8; limits::GRAPH_HEAD],
    images: Vec<Image>,
    by_path: HashMap<Arc<[u8]>, usize>,
    by_identity: HashMap<(u64, u64), usize>,
    /// Devices that must not be opened, whatever name leads to them.
    suspended: HashSet<(u64, u64)>,
    has_twins: bool,
}

impl<'a> Reader<'a> {
    /// Looking a device up does not open it.
    fn look_for_suspended(&mut self) -> Result<()> {
        for listed in self.listing.iter().filter(|listed| listed.suspended) {
            match self.storage.find(&listed.path, Links::Symbolic) {
                Ok(found) => drop(self.suspended.insert(found.meta().identity)),
                Err(error) => drop(unreadable(error, Content::Inactive)?),
            }
        }
        Ok(())
    }

    fn read_listed(&mut self, listed: &Listed, role: Role) -> Result<()> {
        let path: Arc<[u8]> = listed.path.as_slice().into();
        let format = named_format(self.subject, &role).unwrap_or(ImageFormat::Raw);
        let mut read = || {
            OpenImage::open_in(
                self.storage,
                &self.folder,
                Arc::clone(&path),
                &mut self.head,
            )?
            .read(FormatChoice::Named(format), self.storage)
        };
        let content = match listed.suspended {
            true => Content::Inactive,
            false => match read() {
                Ok(info) => Content::Read(Box::new(info)),
                Err(error) => unreadable(error, Content::Inactive)?,
            },
        };
        let image = image_called(&listed.name, path, role, content);
        self.add(mark_listed(image, listed));
        Ok(())
    }

    fn add(&mut self, image: Image) -> usize {
        let index = self.images.len();
        self.by_path.entry(Arc::clone(&image.path)).or_insert(index);
        if let Some(info) = image.info() {
            let first = self.by_identity.entry(info.file.identity);
            self.has_twins |= *first.or_insert(index) != index;
        }
        self.images.push(image);
        index
    }

    /// Finds what each image stands on; what was not known is read, and followed in its turn.
    fn follow_all(&mut self) -> Result<()> {
        let mut next = 0;
        while let Some(image) = self.images.get_mut(next) {
            // Out of the way of those that are added.
            let content = std::mem::replace(&mut image.content, Content::Missing);
            if let Content::Read(info) = &content {
                if let Some(backing) = &info.backing {
                    self.images[next].parent = Some(self.follow(next, backing)?);
                }
            }
            self.images[next].content = content;
            next += 1;
        }
        Ok(())
    }

    fn follow(&mut self, above: usize, backing: &Backing) -> Result<usize> {
        let name = backing.full_name();
        if let Some(&index) = self.by_path.get(name) {
            return Ok(index);
        }
        let path: Arc<[u8]> = match reference::parse(name) {
            Ok(Reference::File(Cow::Borrowed(path))) if path.len() == name.len() => {
                Arc::clone(name)
            }
            Ok(Reference::File(path)) => path.into(),
            _ => {
                let error = Error::unsupported(reference::not_a_file(name)).in_file(name);
                let role = Role::Foreign(None);
                return Ok(self.add(image(Arc::clone(name), role, Content::Unread(error))));
            }
        };
        if let Some(&index) = self.by_path.get(&path) {
            return Ok(index);
        }
        let role = self.role_of(above, &path);
        if self.listed.is_empty() {
            let by_path = self.listing.iter().map(|l| (l.path.as_slice(), l));
            self.listed = by_path.collect();
        }
        let listed = self.listed.get(&*path).copied();
        // What is listed and has no device is not active.
        let gone = listed.map_or(Content::Missing, |_| Content::Inactive);
        let content = match self.may_hang(&path, listed) {
            true => Content::Inactive,
            false => match self.read(&path, &role, backing) {
                Ok(Known::At(index)) => {
                    // The next image that names it so finds it at once.
                    self.by_path.insert(path, index);
                    return Ok(index);
                }
                Ok(Known::Read(content)) => content,
                Err(error) => unreadable(error, gone)?,
            },
        };
        let image = image(path, role, content);
        Ok(self.add(match listed {
            Some(listed) => mark_listed(image, listed),
            None => image,
        }))
    }

    /// Whether what lies at this path may be suspended. A rename that was killed leaves a device under
    /// its new name, suspended, while the listing has the old one.
    fn may_hang(&self, path: &[u8], listed: Option<&Listed>) -> bool {
        match listed {
            Some(listed) => listed.suspended,
            None => {
                let beside = |listed: &Listed| folder(&listed.path) == folder(path);
                self.listing.iter().any(|l| l.suspended && beside(l))
            }
        }
    }

    /// An image of the volume lies beside the others; what has such a name elsewhere is another.
    fn role_of(&self, above: usize, path: &[u8]) -> Role {
        let above = &self.images[above];
        let name = last_component(path);
        match !above.is_foreign() && folder(&above.path) == folder(path) {
            true => role(self.subject, name),
            false => foreign(self.subject, name),
        }
    }

    fn read(&mut self, path: &Arc<[u8]>, role: &Role, backing: &Backing) -> Result<Known> {
        let found = self.storage.find(path, Links::Symbolic)?;
        if let Some(&index) = self.by_identity.get(&found.meta().identity) {
            return Ok(Known::At(index));
        }
        if self.suspended.contains(&found.meta().identity) || is_suspended(found.meta()) {
            return Ok(Known::Read(Content::Inactive));
        }
        if self.images.len() >= limits::GRAPH_IMAGES {
            let most = limits::GRAPH_IMAGES as u64;
            let what = "too many images";
            return Err(limits::above(what, "the limit of a volume", most).in_file(path));
        }
        let choice = match (named_format(self.subject, role), &backing.format) {
            (Some(format), _) => FormatChoice::Named(format),
            (None, Some(recorded)) => recorded_format(recorded).map_err(|e| e.in_file(path))?,
            (None, None) => return Err(Error::new(ErrorKind::UnnamedFormat).in_file(path)),
        };
        let (file, length) = found.open(&mut self.head)?;
        let limits = self.storage.limits();
        let open = OpenImage::new(Arc::clone(path), file, &self.head[..length], limits);
        let info = open.read(choice, self.storage)?;
        Ok(Known::Read(Content::Read(Box::new(info))))
    }
}

/// What a name leads to.
enum Known {
    /// An image that is there already.
    At(usize),
    /// Another one.
    Read(Content),
}

fn mark_listed(mut image: Image, listed: &Listed) -> Image {
    image.listed = true;
    image.size = listed.size;
    image.tags = listed.tags.clone();
    image
}
