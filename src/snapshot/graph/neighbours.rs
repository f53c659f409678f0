//! Which volumes stand beside that of a graph, so that no plan gives an image a name that one of them
//! has, or that would make it theirs.

use std::collections::BTreeSet;

use super::{Image, Listed, Role, Subject};
use crate::snapshot::names::{ImageName, Part, Scheme, VolumeName, legacy};

/// See [`Graph::neighbours`](super::Graph::neighbours).
pub(super) fn neighbours(
    subject: &Subject,
    images: &[Image],
    listing: &[Listed],
) -> BTreeSet<Box<[u8]>> {
    let scheme = subject.scheme();
    let mut names = BTreeSet::new();
    let current = |volume: &VolumeName| {
        let image = ImageName::new(volume.clone(), Part::Current);
        scheme
            .form(&image)
            .ok()
            .map(|name| Box::from(name.as_bytes()))
    };
    let mut wanted: BTreeSet<Box<[u8]>> = BTreeSet::new();
    for image in images {
        if let Role::Foreign(Some(name)) = &image.role {
            wanted.extend(current(&name.volume));
        }
    }
    if !wanted.is_empty() {
        let listed = listing
            .iter()
            .filter(|listed| wanted.contains(&*listed.name));
        names.extend(listed.map(|listed| Box::from(listed.name.as_slice())));
    }
    let would_be = match scheme {
        Scheme::LvmQcow2 if legacy::can_have_overlays(subject.volume()) => {
            let name = format!("{}.qcow2", subject.volume());
            VolumeName::new(scheme, name.as_bytes()).ok()
        }
        _ => None,
    };
    let raw = match scheme {
        Scheme::LvmQcow2 => VolumeName::new(scheme, subject.volume().stem().as_bytes()).ok(),
        _ => None,
    };
    if let Some(raw) = raw.filter(|raw| raw != subject.volume()) {
        let raw = raw.as_str().as_bytes();
        let listed = listing.iter().filter(|listed| listed.name == raw);
        names.extend(listed.map(|listed| Box::from(listed.name.as_slice())));
    }
    if let Some(volume) = would_be {
        let own = |listed: &&Listed| scheme.parse_for(&volume, &listed.name).is_some();
        let own = listing.iter().filter(own);
        names.extend(own.map(|listed| Box::from(listed.name.as_slice())));
    }
    names
}
