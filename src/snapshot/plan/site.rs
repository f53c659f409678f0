//! What the steps of a plan are called where the images are: `lvm` commands for volumes of a group,
//! renaming and removing for files in a folder, `qemu-img` for both.
//!
//! Programs are named by their whole paths: daemons run with search paths of their own.

use super::step::{Action, Native, Reference};
use super::terms::{Preallocation, Terms};
use crate::error::{Error, Result};
use crate::image::ImageFormat;
use crate::snapshot::names::Scheme;
use crate::text::{folder, last_component, printable};

const QEMU_IMG: &str = "/usr/bin/qemu-img";

/// Where the images of a volume are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The folder of all of them, with a slash at its end, or empty.
    folder: String,
    /// The volume group, if they are logical volumes.
    group: Option<String>,
}

fn exec<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Action {
    Action::Exec(argv.into_iter().map(Into::into).collect())
}

impl Site {
    /// Where an image with this path.
    pub fn of(scheme: Scheme, path: &[u8]) -> Result<Self> {
        let dir = std::str::from_utf8(folder(path)).map_err(|_| {
            Error::unsupported("plans need a folder whose name is UTF-8").in_file(path)
        })?;
        let group = match scheme.is_lvm() {
            false => None,
            true => Some(last_component(dir.trim_end_matches('/').as_bytes()))
                .filter(|name| !name.is_empty())
                .map(|name| printable(name).to_string()),
        };
        if scheme.is_lvm() && group.is_none() {
            let message = "a logical volume's path is /dev, its volume group, and its name";
            return Err(Error::argument(message).in_file(path));
        }
        Ok(Site {
            folder: dir.to_owned(),
            group,
        })
    }

    /// The volume group, if the images are logical volumes.
    pub fn group(&self) -> Option<&str> {
        self.group.as_deref()
    }

    /// The path of the image with this name.
    pub fn path(&self, name: &str) -> String {
        format!("{}{name}", self.folder)
    }

    /// A volume as LVM's commands take it.
    fn volume(&self, group: &str, name: &str) -> String {
        format!("{group}/{name}")
    }

    fn volumes<'a>(&'a self, names: &'a [String]) -> impl Iterator<Item = String> + 'a {
        let group = self.group.as_deref().unwrap_or_default();
        names.iter().map(move |name| self.volume(group, name))
    }

    /// Makes a logical volume of so many bytes.
    pub fn allocate(&self, name: &str, bytes: u64, tags: &[String]) -> Action {
        let size = format!("{bytes}b");
        let mut argv = vec!["/sbin/lvcreate", "-aly", "-Wy", "--yes", "--size", &size];
        // No other node activates it by itself when it comes up.
        argv.extend(["--setautoactivation", "n", "--name", name]);
        for tag in tags {
            argv.extend(["--addtag", tag]);
        }
        argv.push(self.group.as_deref().unwrap_or_default());
        exec(argv)
    }

    /// Gives the image another name.
    pub fn rename(&self, from: &str, to: &str) -> Action {
        match &self.group {
            Some(group) => exec(["/sbin/lvrename", group, from, to]),
            None => Action::Native(Native::Rename {
                from: self.path(from),
                to: self.path(to),
            }),
        }
    }

    /// Removes these images, in this order.
    pub fn remove(&self, names: &[String]) -> Vec<Action> {
        match &self.group {
            Some(_) => {
                let argv = ["/sbin/lvremove", "--force", "--yes"].map(String::from);
                vec![exec(argv.into_iter().chain(self.volumes(names)))]
            }
            None => {
                let unlink = |name: &String| {
                    let path = self.path(name);
                    Action::Native(Native::Unlink { path })
                };
                names.iter().map(unlink).collect()
            }
        }
    }

    /// Makes a logical volume so many bytes large.
    pub fn extend(&self, name: &str, bytes: u64) -> Action {
        let group = self.group.as_deref().unwrap_or_default();
        let (size, volume) = (format!("{bytes}b"), self.volume(group, name));
        exec(["/sbin/lvextend", "--size", &size, &volume])
    }

    /// Makes the devices of these volumes available, and has the kernel look at them anew.
    pub fn activate(&self, names: &[String]) -> Action {
        let argv = ["/sbin/lvchange", "-ay"].map(String::from);
        exec(argv.into_iter().chain(self.volumes(names)))
    }

    /// Gives the devices of these volumes the sizes and places that the volumes have.
    pub fn refresh(&self, names: &[String]) -> Action {
        let argv = ["/sbin/lvchange", "--refresh"].map(String::from);
        exec(argv.into_iter().chain(self.volumes(names)))
    }

    /// Takes the devices of these volumes away, and lets nobody write to them again.
    pub fn write_protect(&self, names: &[String]) -> Action {
        let argv = ["/sbin/lvchange", "-an", "-pr"].map(String::from);
        exec(argv.into_iter().chain(self.volumes(names)))
    }

    /// Sets and removes tags of these volumes.
    pub fn tag(&self, names: &[String], add: &[String], remove: &[String]) -> Action {
        let mut argv = vec!["/sbin/lvchange".to_owned()];
        for (option, tags) in [("--deltag", remove), ("--addtag", add)] {
            for tag in tags {
                argv.extend([option.to_owned(), tag.clone()]);
            }
        }
        exec(argv.into_iter().chain(self.volumes(names)))
    }

    /// Writes an empty qcow2 image. What it stands on need not be there yet.
    pub fn format(&self, name: &str, on: Option<&Reference>, size: u64, terms: &Terms) -> Action {
        let layout = &terms.layout;
        let mut options = format!("cluster_size={}", 1u64 << layout.cluster_bits);
        if layout.refcount_order != 4 {
            options += &format!(",refcount_bits={}", 1u32 << layout.refcount_order);
        }
        if layout.extended_l2 {
            options += ",extended_l2=on";
        }
        if terms.preallocation != Preallocation::Off {
            options += &format!(",preallocation={}", terms.preallocation.name());
        }
        let mut argv = vec![QEMU_IMG.to_owned()];
        argv.extend(["create", "-q", "-f", "qcow2", "-o", &options].map(String::from));
        if let Some(on) = on {
            argv.extend(["-u", "-b", &on.name, "-F", on.format.name()].map(String::from));
        }
        argv.extend([self.path(name), size.to_string()]);
        exec(argv)
    }

    /// Records what an image stands on, and changes nothing else.
    pub fn refer(&self, name: &str, on: Option<&Reference>) -> Action {
        let mut argv = vec![QEMU_IMG, "rebase", "-u", "-f", "qcow2"];
        argv.extend(backing_arguments(on));
        let path = self.path(name);
        argv.push(&path);
        exec(argv)
    }

    /// Moves into an image what lies between it and what it is to stand on.
    ///
    /// QEMU writes the new name into the header before it writes out the tables that it has in
    /// memory; cut off in between, data would be lost. With `writethrough` the tables are written
    /// first.
    pub fn stream(&self, name: &str, on: Option<&Reference>) -> Action {
        let mut argv = vec![
            QEMU_IMG,
            "rebase",
            "-p",
            "-t",
            "writethrough",
            "-f",
            "qcow2",
        ];
        argv.extend(backing_arguments(on));
        let path = self.path(name);
        argv.push(&path);
        exec(argv)
    }

    /// Moves what an image, and those between, hold into one below it. The image keeps what it has,
    /// so that it can be done again.
    pub fn commit(&self, name: &str, into: &str) -> Action {
        let path = self.path(name);
        let argv = [
            QEMU_IMG, "commit", "-p", "-d", "-f", "qcow2", "-b", into, &path,
        ];
        exec(argv)
    }

    /// Makes the disk larger.
    pub fn resize(&self, name: &str, format: ImageFormat, size: u64) -> Action {
        let (path, size) = (self.path(name), size.to_string());
        exec([QEMU_IMG, "resize", "-q", "-f", format.name(), &path, &size])
    }

    /// Takes (`-c`), applies (`-a`) or removes (`-d`) a snapshot within an image.
    pub fn internal(&self, name: &str, what: &str, snapshot: &str) -> Action {
        let path = self.path(name);
        exec([QEMU_IMG, "snapshot", what, snapshot, &path])
    }

    /// Gives back clusters that are counted, but not used; with `all`, repairs what can be.
    pub fn repair(&self, name: &str, format: ImageFormat, all: bool) -> Action {
        let path = self.path(name);
        let what = if all { "all" } else { "leaks" };
        exec([
            QEMU_IMG,
            "check",
            "-q",
            "-f",
            format.name(),
            "-r",
            what,
            &path,
        ])
    }
}

/// The new backing file of a rebase. An empty name means none.
fn backing_arguments(on: Option<&Reference>) -> Vec<&str> {
    match on {
        Some(on) => vec!["-F", on.format.name(), "-b", &on.name],
        None => vec!["-b", ""],
    }
}
