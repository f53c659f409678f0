//! The graph of a volume's images, as every face asks for it: from the chain under an image or from
//! a listing, of a volume that the caller names or that the images' names say.

use crate::error::{Error, Result};
use crate::image::FormatChoice;
use crate::io::{Bounds, Storage};
use crate::snapshot::graph::{Graph, Listed, Subject};
use crate::snapshot::names::Scheme;
use crate::text::printable;

/// Which volume a graph is about, and what it may cost.
#[derive(Clone, Copy, Debug)]
pub struct GraphOptions<'a> {
    /// How its images are called.
    pub scheme: Scheme,
    /// What Proxmox VE calls the volume; None leaves it to the names of the images.
    pub volname: Option<&'a [u8]>,
    /// ID of the storage, which is needed only for the volume IDs of answers.
    pub storage: Option<&'a [u8]>,
    /// How long storage may take, and what each image may cost.
    pub bounds: Bounds,
}

impl<'a> GraphOptions<'a> {
    /// Of the volume that the images' names say, without a volume ID, a time-out or limits of the
    /// caller's.
    pub fn new(scheme: Scheme) -> Self {
        GraphOptions {
            scheme,
            volname: None,
            storage: None,
            bounds: Bounds::default(),
        }
    }

    /// The options of a caller who names everything as text.
    pub fn from_caller(
        scheme: &'a [u8],
        volname: Option<&'a [u8]>,
        storage: Option<&'a [u8]>,
        bounds: Bounds,
    ) -> Result<Self> {
        Ok(GraphOptions {
            scheme: Scheme::from_name(scheme)?,
            volname,
            storage,
            bounds,
        })
    }

    /// The volume: the one that is named, or the one that the image at `path` belongs to.
    pub fn subject_of(&self, path: &[u8]) -> Result<Subject> {
        self.subject(|| Subject::of_image(self.scheme, path, self.storage))
    }

    fn subject(&self, of_image: impl FnOnce() -> Result<Subject>) -> Result<Subject> {
        match self.volname {
            Some(volname) => Subject::new(self.scheme, volname, self.storage),
            None => of_image(),
        }
    }
}

/// The graph of the chain under the image at `path`. Without a format its name decides: the image
/// of a volume has the format that its name says.
///
/// What cannot be read is in the graph; an error only if the arguments make no sense or storage does
/// not answer in time.
pub fn graph_of_chain(
    path: &[u8],
    format: Option<FormatChoice>,
    options: &GraphOptions<'_>,
) -> Result<Graph> {
    check_path("path", path)?;
    let subject = options.subject_of(path)?;
    Graph::from_path(&Storage::for_call(options.bounds), subject, path, format)
}

/// The graph of a volume's images in a listing, which may hold other volumes' images as well. Without
/// a volume's name all images in it must be of one volume.
pub fn graph_of_volumes(listing: &[Listed], options: &GraphOptions<'_>) -> Result<Graph> {
    for listed in listing {
        check_path("path of a volume", &listed.path)?;
    }
    let subject = options.subject(|| only_volume(listing, options))?;
    Graph::from_volumes(&Storage::for_call(options.bounds), subject, listing)
}

/// The volume that all images of a listing belong to.
fn only_volume(listing: &[Listed], options: &GraphOptions<'_>) -> Result<Subject> {
    let scheme = options.scheme;
    let mut found = None;
    for listed in listing {
        let Some(image) = scheme.parse(&listed.name) else {
            continue;
        };
        match &found {
            None => found = Some((image.volume, &listed.path)),
            Some((volume, _)) if *volume == image.volume => {}
            Some((volume, _)) => {
                let other = image.volume;
                return Err(Error::argument(format!(
                    "volname is needed: the listing has images of '{volume}' and of '{other}'"
                )));
            }
        }
    }
    match found {
        // Only the path has the owner's folder.
        Some((volume, path)) => match Subject::of_image(scheme, path, options.storage) {
            Ok(subject) if *subject.volume() == volume => Ok(subject),
            _ => Subject::new(scheme, volume.as_str().as_bytes(), options.storage),
        },
        None => Err(Error::argument(format!(
            "volname is needed: the listing has no image's name in the layout {}",
            scheme.name()
        ))),
    }
}

fn check_path(what: &str, path: &[u8]) -> Result<()> {
    if path.is_empty() {
        return Err(Error::argument(format!("{what} is empty")));
    }
    if path.contains(&0) {
        let path = printable(path);
        return Err(Error::argument(format!(
            "{what} '{path}' contains a NUL byte"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(path: &str) -> Listed {
        Listed {
            name: path.rsplit('/').next().unwrap_or_default().into(),
            path: path.into(),
            ..Listed::default()
        }
    }

    fn volume_of(scheme: Scheme, paths: &[&str]) -> Result<String> {
        let listing: Vec<Listed> = paths.iter().map(|path| listed(path)).collect();
        let options = GraphOptions {
            storage: Some(b"san"),
            ..GraphOptions::new(scheme)
        };
        let graph = graph_of_volumes(&listing, &options)?;
        let volid = graph.subject().volid(b"x").unwrap_or_default();
        Ok(format!(
            "{} {}",
            graph.subject().volume(),
            printable(&volid)
        ))
    }

    #[test]
    fn the_only_volume_of_a_listing_need_not_be_named() {
        let snapshot = "/nowhere/100/snap-ab-vm-100-disk-0.qcow2";
        let current = "/nowhere/100/vm-100-disk-0.qcow2";
        let volume = volume_of(Scheme::PveDir, &[snapshot, current]).unwrap();
        assert_eq!(volume, "vm-100-disk-0.qcow2 san:100/x");
        let lvm = ["/nowhere/root", "/nowhere/vm-100-disk-0-snap-ab.qcow2"];
        let volume = volume_of(Scheme::LvmQcow2, &lvm).unwrap();
        assert_eq!(volume, "vm-100-disk-0.qcow2 san:x");
    }

    #[test]
    fn what_could_be_several_volumes_must_be_named() {
        let two = [
            "/nowhere/vm-100-disk-0.qcow2",
            "/nowhere/vm-100-disk-1.qcow2",
        ];
        for paths in [&two[..], &["/nowhere/root"], &[]] {
            let error = volume_of(Scheme::PveLvm, paths).unwrap_err();
            assert!(
                error.to_string().starts_with("volname is needed"),
                "{error}"
            );
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for path in ["", "a\0b"] {
            let mut listed = listed("/nowhere/vm-100-disk-0.qcow2");
            listed.path = path.into();
            let options = GraphOptions {
                volname: Some(b"vm-100-disk-0.qcow2"),
                ..GraphOptions::new(Scheme::PveDir)
            };
            let code = |error: Error| error.code();
            let argument = Some(crate::Code::Argument);
            let graph = graph_of_volumes(&[listed], &options);
            assert_eq!(graph.err().map(code), argument);
            let graph = graph_of_chain(path.as_bytes(), None, &options);
            assert_eq!(graph.err().map(code), argument);
        }
    }
}
