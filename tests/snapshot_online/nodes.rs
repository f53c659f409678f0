//! QEMU's block nodes as far as plans change them, and the files that they have open. A file is known
//! by the name that it had before the plan, whatever it is called later.

use std::collections::BTreeMap;

use pve_native_core::snapshot::plan::{Action, Guest, Native, Step};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// A node for a format: what it stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Format {
    file: String,
    backing: Option<String>,
}

/// A node for a file: the name under which it was opened, and which file that was.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Open {
    name: String,
    file: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nodes {
    top: String,
    used: String,
    formats: BTreeMap<String, Format>,
    files: BTreeMap<String, Open>,
    /// Which file has which name.
    names: BTreeMap<String, usize>,
    /// A stream that is to be finalized: the node that is copied to, and what it is to stand on.
    stream: Option<(String, Option<String>)>,
    running: bool,
}

fn last(path: &Value) -> String {
    path.as_str()
        .unwrap()
        .rsplit('/')
        .next()
        .unwrap()
        .to_owned()
}

/// What qemu-server calls the nodes of an image, after its own words.
fn node_names(image: &str, guest: &Guest) -> (String, String) {
    let stem = image.strip_suffix(".qcow2").unwrap_or(image);
    let snapshot = match stem {
        "vm-100-disk-0" => String::new(),
        stem => {
            let ours = stem.strip_prefix("vm-100-disk-0-snap-");
            let lvm = stem.strip_prefix("snap_vm-100-disk-0_");
            let dir = stem.strip_prefix("snap-");
            let dir = dir.and_then(|stem| stem.strip_suffix("-vm-100-disk-0"));
            format!("snap={},", ours.or(lvm).or(dir).expect(image))
        }
    };
    let text = format!("drive={},{snapshot}volid={}", guest.drive, guest.volid);
    let digest = Sha256::digest(text.as_bytes());
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    (format!("f{}", &hex[..30]), format!("e{}", &hex[..30]))
}

impl Nodes {
    /// Those of a chain that qemu-server has started, from below.
    pub fn of_chain(names: &[String], guest: &Guest) -> Self {
        let mut nodes = Nodes {
            top: format!("drive-{}", guest.drive),
            used: String::new(),
            formats: BTreeMap::new(),
            files: BTreeMap::new(),
            names: BTreeMap::new(),
            stream: None,
            running: true,
        };
        for name in names {
            let (format, file) = node_names(name, guest);
            let number = nodes.make(name);
            let open = Open {
                name: name.clone(),
                file: number,
            };
            nodes.files.insert(file.clone(), open);
            let below = std::mem::replace(&mut nodes.used, format.clone());
            let backing = Some(below).filter(|below| !below.is_empty());
            nodes.formats.insert(format, Format { file, backing });
        }
        nodes
    }

    fn make(&mut self, name: &str) -> usize {
        let number = 1 + self.names.values().max().unwrap_or(&0);
        self.names.insert(name.to_owned(), number);
        number
    }

    pub fn take(&mut self, step: &Step, plan: &str) {
        self.act(&step.action, &format!("{} of {plan}", step.id));
    }

    pub fn act(&mut self, action: &Action, about: &str) {
        match action {
            Action::Native(Native::Rename { from, to }) => self.rename(from, to, about),
            Action::Native(Native::Unlink { path }) => self.remove(path, about),
            Action::Exec(argv) => match argv[0].rsplit('/').next().unwrap() {
                "lvrename" => self.rename(&argv[2], &argv[3], about),
                "lvremove" => {
                    for volume in argv[1..].iter().filter(|word| !word.starts_with('-')) {
                        self.remove(volume, about);
                    }
                }
                "qemu-img" => {
                    assert_eq!(argv[1], "create", "{about}");
                    self.make(argv[argv.len() - 2].rsplit('/').next().unwrap());
                }
                "lvcreate" | "lvextend" => {}
                other => panic!("{other}: {about}"),
            },
            Action::Qmp {
                execute,
                arguments,
                may_be_gone,
                ..
            } => {
                let node = |key: &str| arguments[key].as_str().unwrap().to_owned();
                match execute.as_str() {
                    "stop" => assert!(std::mem::take(&mut self.running), "{about}"),
                    "cont" => self.running = true,
                    "blockdev-add" => self.add(&Value::Object(arguments.clone()), about),
                    "blockdev-del" => self.delete(&node("node-name"), *may_be_gone, about),
                    "blockdev-reopen" => self.reopen(&arguments["options"][0], about),
                    "blockdev-snapshot" => {
                        let (lower, upper) = (node("node"), node("overlay"));
                        assert_eq!(self.used, lower, "{about}");
                        let format = self.formats.get_mut(&upper).expect(about);
                        assert_eq!(format.backing.replace(lower), None, "{about}");
                        self.used = upper;
                    }
                    "block-stream" => {
                        let (device, base) = (node("device"), arguments.get("base-node"));
                        let base = base.map(|base| base.as_str().unwrap().to_owned());
                        self.stream = Some((device, base));
                    }
                    "block-commit" => {
                        let (top, base) = (node("top-node"), node("base-node"));
                        assert!(self.formats.contains_key(&base), "{about}");
                        if self.used == top {
                            assert!(arguments.get("backing-file").is_none(), "{about}");
                        } else {
                            let upper = self.formats.values_mut();
                            let mut upper = upper.filter(|f| f.backing.as_ref() == Some(&top));
                            upper.next().expect(about).backing = Some(base);
                        }
                    }
                    "job-complete" => {
                        assert!(!self.running, "{about}");
                        // The lowest node that is not what the guest uses is in the making.
                        let passing = self.files.iter().find(|(_, open)| {
                            open.name.starts_with("new-") || open.name.ends_with(".new")
                        });
                        let file = passing.expect(about).0.clone();
                        let node = self.formats.iter().find(|(_, f)| f.file == file);
                        self.used = node.expect(about).0.clone();
                    }
                    "change-backing-file" => {
                        let node = node("image-node-name");
                        assert!(self.formats.contains_key(&node), "{about}");
                    }
                    "job-finalize" => {
                        let (device, base) = self.stream.take().expect(about);
                        self.formats.get_mut(&device).expect(about).backing = base;
                    }
                    "job-cancel" => self.stream = None,
                    "block_resize" => assert_eq!(node("node-name"), self.top, "{about}"),
                    other => panic!("{other}: {about}"),
                }
            }
        }
    }

    fn rename(&mut self, from: &str, to: &str, about: &str) {
        let [from, to] = [from, to].map(|path| path.rsplit('/').next().unwrap());
        let file = self.names.remove(from).expect(about);
        assert_eq!(self.names.insert(to.to_owned(), file), None, "{about}");
    }

    fn remove(&mut self, path: &str, about: &str) {
        let name = path.rsplit('/').next().unwrap();
        // One that is gone is no error.
        let Some(file) = self.names.remove(name) else {
            return;
        };
        let users: Vec<_> = self.files.iter().filter(|(_, o)| o.file == file).collect();
        assert!(users.is_empty(), "{name} is in use: {users:?} {about}");
    }

    fn add(&mut self, options: &Value, about: &str) {
        let name = options["node-name"].as_str().unwrap().to_owned();
        if let Some(path) = options.get("filename") {
            let name_of_file = last(path);
            // It is there, and it is that: what is opened may not have another name next.
            let file = *self.names.get(&name_of_file).expect(about);
            assert_eq!(options["locking"], "off", "{about}");
            let open = Open {
                name: name_of_file,
                file,
            };
            assert_eq!(self.files.insert(name, open), None, "{about}");
            return;
        }
        let file = match &options["file"] {
            Value::String(file) => {
                let known = self.files.contains_key(file) || self.formats.contains_key(file);
                assert!(known, "{about}");
                file.clone()
            }
            below => {
                self.add(below, about);
                below["node-name"].as_str().unwrap().to_owned()
            }
        };
        let backing = options.get("backing").and_then(Value::as_str);
        let backing = backing.map(str::to_owned);
        let known = |node: &String| self.formats.contains_key(node);
        assert!(backing.as_ref().is_none_or(known), "{about}");
        let format = Format { file, backing };
        assert_eq!(self.formats.insert(name, format), None, "{about}");
    }

    fn reopen(&mut self, options: &Value, about: &str) {
        let node = options["node-name"].as_str().unwrap();
        let file = options["file"].as_str().unwrap();
        if node == self.top {
            assert!(!self.running, "{about}");
            assert!(self.formats.contains_key(file), "{about}");
            self.used = file.to_owned();
            return;
        }
        let backing = options.get("backing").and_then(Value::as_str);
        assert!(
            backing.is_none_or(|node| self.formats.contains_key(node)),
            "{about}"
        );
        // Its file may be opened anew from now on: it must be called so.
        let open = &self.files[file];
        if !open.name.starts_with("new-") && !open.name.ends_with(".new") {
            assert_eq!(self.names.get(&open.name), Some(&open.file), "{about}");
        }
        let format = self.formats.get_mut(node).expect(about);
        assert_eq!(format.file, file, "{about}");
        format.backing = backing.map(str::to_owned);
    }

    fn delete(&mut self, node: &str, may_be_gone: bool, about: &str) {
        let user = self.formats.iter().find(|(name, format)| {
            format.backing.as_deref() == Some(node) || format.file == node && *name != node
        });
        assert!(
            user.is_none() && self.used != node,
            "{node}: {user:?} {about}"
        );
        let gone = self.formats.remove(node).is_none() && self.files.remove(node).is_none();
        assert!(!gone || may_be_gone, "{about}");
    }

    /// No node is left over, and each has the file open that is called as it says.
    pub fn must_be_in_order(&self, about: &str) {
        assert!(self.running, "{about}");
        let mut names = self.names.clone();
        let mut next = Some(self.used.clone());
        let mut seen = 0;
        while let Some(node) = next {
            let format = &self.formats[&node];
            let open = &self.files[&format.file];
            assert_eq!(names.remove(&open.name), Some(open.file), "{about}");
            next = format.backing.clone();
            seen += 1;
        }
        assert!(names.is_empty(), "{names:?}: {about}");
        let all = (self.formats.len(), self.files.len());
        assert_eq!(all, (seen, seen), "nodes are left over: {self:#?} {about}");
    }
}
