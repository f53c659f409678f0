//! Graphs of real chains: `qemu-img` makes the images as Proxmox VE's plugins would, names and
//! headers are broken by hand, and what comes of it is compared with what the plugins would say.

#[path = "../common/mod.rs"]
mod common;
mod damage;
mod large;
mod layouts;
mod shapes;

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use common::random::Random;
use common::{Images, qemu_img};
use pve_native_core::error::Code;
use pve_native_core::image::json::{Names, View};
use pve_native_core::image::{FormatChoice, ImageFormat};
use pve_native_core::io::Storage;
use pve_native_core::limits;
use pve_native_core::snapshot::graph::{
    Content, FindingCode, Graph, Layout, Listed, Place, Role, SnapshotInfo, Subject,
};
use pve_native_core::snapshot::names::{ImageName, Part, Scheme, SnapshotName, VolumeName};
use serde_json::{Value, json};

#[path = "../support/writer.rs"]
#[allow(dead_code, reason = "other programs use the rest")]
mod writer;

const EXTERNAL: [Scheme; 3] = [Scheme::LvmQcow2, Scheme::PveDir, Scheme::PveLvm];

/// A folder with the images of one volume.
struct Folder {
    images: Images,
    scheme: Scheme,
    volume: VolumeName,
}

impl Folder {
    fn new(scheme: Scheme) -> Self {
        Self::of(scheme, "vm-100-disk-0.qcow2")
    }

    fn of(scheme: Scheme, volume: &str) -> Self {
        Folder {
            images: Images::in_memory(),
            scheme,
            volume: VolumeName::new(scheme, volume.as_bytes()).unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.images.path(name)
    }

    /// The name of the current image, or of a snapshot's.
    fn name(&self, snapshot: &str) -> String {
        let part = match snapshot {
            "current" => Part::Current,
            name => Part::snapshot(SnapshotName::new(name.as_bytes()).unwrap()),
        };
        let image = ImageName::new(self.volume.clone(), part);
        self.scheme.form(&image).unwrap()
    }

    /// An image of this name, on that backing file.
    fn create(&self, name: &str, backing: Option<(&str, &str)>, size: &str) {
        let mut args = vec!["create", "-q", "-u", "-f", "qcow2"];
        if let Some((file, format)) = backing {
            args.extend(["-b", file]);
            if !format.is_empty() {
                args.extend(["-F", format]);
            }
        }
        let path = self.path(name);
        args.extend([path.to_str().unwrap(), size]);
        let output = qemu_img(&args);
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {message}");
    }

    /// As Proxmox VE takes a snapshot: the current image is renamed, a new one made on it.
    fn snapshot(&self, snapshot: &str) {
        let (current, name) = (self.name("current"), self.name(snapshot));
        fs::rename(self.path(&current), self.path(&name)).unwrap();
        self.create(&current, Some((&name, "qcow2")), "1M");
    }

    /// A volume with these snapshots.
    fn with_snapshots(scheme: Scheme, snapshots: &[&str]) -> Self {
        let folder = Folder::new(scheme);
        folder.create(&folder.name("current"), None, "1M");
        snapshots.iter().for_each(|name| folder.snapshot(name));
        folder
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    fn subject(&self) -> Subject {
        let volname = match self.scheme.is_lvm() {
            true => self.volume.to_string(),
            false => format!("100/{}", self.volume),
        };
        Subject::new(self.scheme, volname.as_bytes(), Some(b"store")).unwrap()
    }

    /// All that lies in the folder.
    fn listing(&self) -> Vec<Listed> {
        let mut names: Vec<_> = fs::read_dir(self.path(""))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        names
            .iter()
            .map(|n| self.listed(n.to_str().unwrap()))
            .collect()
    }

    fn listed(&self, name: &str) -> Listed {
        Listed {
            name: name.into(),
            path: bytes(&self.path(name)),
            ..Listed::default()
        }
    }

    fn by_listing(&self) -> Graph {
        graph(self.subject(), &self.listing())
    }

    fn along(&self, name: &str) -> Graph {
        let path = bytes(&self.path(name));
        Graph::from_path(&Storage::inline(), self.subject(), &path, None).unwrap()
    }

    /// Both ways, which must agree on the line and the snapshots.
    fn graphs(&self) -> [Graph; 2] {
        let graphs = [self.by_listing(), self.along(&self.name("current"))];
        assert_eq!(info(&graphs[0]), info(&graphs[1]));
        assert_eq!(graphs[0].names(), graphs[1].names());
        graphs
    }

    /// What Proxmox VE 9's plugins make of `qemu-img info --backing-chain`.
    fn upstream(&self) -> Value {
        let path = self.path(&self.name("current"));
        let path = path.to_str().unwrap();
        let args = [
            "info",
            "-U",
            "--output=json",
            "--backing-chain",
            "-f",
            "qcow2",
            path,
        ];
        let chain: Value = serde_json::from_slice(&qemu_img(&args).stdout).unwrap();
        let stem = self.volume.stem();
        let state = |path: &str| -> Option<String> {
            let name = path.rsplit('/').next().unwrap();
            if name == self.volume.as_str() {
                return Some("current".into());
            }
            let snapshot = match self.scheme {
                Scheme::PveDir => name
                    .strip_prefix("snap-")?
                    .strip_suffix(&format!("-{}", self.volume))?,
                Scheme::PveLvm => name
                    .strip_prefix(&format!("snap_{stem}_"))?
                    .strip_suffix(".qcow2")?,
                _ => name
                    .strip_prefix(&format!("{stem}-snap-"))?
                    .strip_suffix(".qcow2")?,
            };
            Some(snapshot.into())
        };
        let mut all = serde_json::Map::new();
        let mut child: Option<String> = None;
        for image in chain.as_array().unwrap() {
            let file = image["filename"].as_str().unwrap();
            let Some(name) = state(file) else { continue };
            let folder = if self.scheme.is_lvm() { "" } else { "100/" };
            let volname = format!("{folder}{}", file.rsplit('/').next().unwrap());
            let mut entry = json!({
                "order": all.len(), "file": file, "volname": volname,
                "volid": format!("store:{volname}"), "virtual-size": image["virtual-size"],
            });
            if let Some(parent) = image["backing-filename"].as_str().and_then(state) {
                entry["parent"] = parent.into();
            }
            if let Some(child) = child.replace(name.clone()) {
                entry["child"] = child.into();
            }
            all.insert(name, entry);
        }
        Value::Object(all)
    }
}

fn bytes(path: &Path) -> Vec<u8> {
    path.as_os_str().as_bytes().to_vec()
}

fn graph(subject: Subject, listing: &[Listed]) -> Graph {
    Graph::from_volumes(&Storage::inline(), subject, listing).unwrap()
}

fn info(graph: &Graph) -> Value {
    serde_json::to_value(View::new(&graph.snapshot_info(), Names::Text)).unwrap()
}

fn current(graph: &Graph) -> &str {
    std::str::from_utf8(&graph.current().expect("there is a current image").name).unwrap()
}

fn names(graph: &Graph) -> Vec<&str> {
    let names = graph.names().into_iter();
    names
        .map(|name| std::str::from_utf8(name).unwrap())
        .collect()
}

/// Code and image of all findings.
fn findings(graph: &Graph) -> Vec<(&'static str, &str)> {
    let all = graph.findings().iter();
    all.map(|f| (f.code.name(), std::str::from_utf8(&f.name).unwrap()))
        .collect()
}

fn has(graph: &Graph, code: FindingCode) -> bool {
    graph.findings().iter().any(|finding| finding.code == code)
}

fn blockers<'a>(graph: &'a Graph, snapshot: &str) -> Vec<&'a str> {
    let all = graph.blockers(snapshot.as_bytes()).unwrap().into_iter();
    all.map(|name| std::str::from_utf8(name).unwrap()).collect()
}
