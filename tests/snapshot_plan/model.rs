//! What the guest has written: the disk as it should be now, and as it was at each snapshot.

use std::collections::BTreeMap;
use std::process::Command;

use super::common::qemu_img;
use super::common::random::Random;
use super::group::Group;

/// Bytes that are written at a time.
const BLOCK: u64 = 32 << 10;

/// One byte for each block: what it is filled with.
pub type Disk = Vec<u8>;

/// A volume, and what it should hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// What Proxmox VE calls it.
    pub volume: String,
    /// The current state.
    pub disk: Disk,
    /// The states of the snapshots, the oldest first.
    pub snapshots: Vec<(String, Disk)>,
}

impl Model {
    pub fn new(group: &Group, volume: &str, blocks: usize) -> Self {
        group.allocate(volume, blocks as u64 * BLOCK);
        Model {
            volume: volume.to_owned(),
            disk: vec![0; blocks],
            snapshots: Vec::new(),
        }
    }

    pub fn size(&self) -> u64 {
        self.disk.len() as u64 * BLOCK
    }

    pub fn bytes(blocks: usize) -> u64 {
        blocks as u64 * BLOCK
    }

    /// The guest writes to a few places.
    pub fn write(&mut self, group: &Group, random: &mut Random) {
        let graph = group.graph(&self.volume);
        let current = graph.current().unwrap();
        let format = current.info().unwrap().format.name();
        let mut commands = Vec::new();
        for _ in 0..1 + random.below(5) {
            let block = random.below(self.disk.len());
            let count = 1 + random.below(6.min(self.disk.len() - block));
            let (at, length) = (Self::bytes(block), Self::bytes(count));
            // Zeros hide what is below.
            let byte = random.below(5) as u8 * 37;
            commands.push(match byte {
                0 => format!("write -z {at} {length}"),
                byte => format!("write -P {byte} {at} {length}"),
            });
            self.disk[block..block + count].fill(byte);
        }
        let mut qemu_io = Command::new("qemu-io");
        qemu_io.args(["-f", format]);
        for command in &commands {
            qemu_io.args(["-c", command]);
        }
        let path = String::from_utf8(current.path.to_vec()).unwrap();
        let before = std::fs::metadata(&path).unwrap().len();
        let output = qemu_io.arg(&path).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{text}");
        assert!(!text.contains("failed"), "{text}");
        if group.scheme.is_lvm() {
            let after = std::fs::metadata(&path).unwrap().len();
            assert!(after <= before, "the volume was too small: {path}");
        }
    }

    /// What is not as it should be: compared with what QEMU reads of each state.
    pub fn differs(&self, group: &Group) -> Option<String> {
        let graph = group.graph(&self.volume);
        let expected: Vec<&str> = self
            .snapshots
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        let names: Vec<String> = graph
            .names()
            .iter()
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .collect();
        if names != expected {
            return Some(format!("snapshots {names:?} instead of {expected:?}"));
        }
        let states: BTreeMap<&str, &Disk> = self
            .snapshots
            .iter()
            .map(|(name, disk)| (name.as_str(), disk))
            .chain([("current", &self.disk)])
            .collect();
        if graph.states().len() != states.len() {
            return Some("there is no current state".into());
        }
        for state in graph.states() {
            let name = state.snapshot.map_or("current", |name| name.as_str());
            let image = &graph.images()[graph.line()[state.order]];
            let Some(info) = image.info() else {
                return Some(format!("the image of '{name}' cannot be read"));
            };
            let path = String::from_utf8(image.path.to_vec()).unwrap();
            match read(group, &path, info.format.name()) {
                Err(error) => return Some(format!("'{name}' cannot be read: {error}")),
                Ok(disk) if disk != *states[name] => {
                    return Some(format!("'{name}' holds\n{disk:?}, not\n{:?}", states[name]));
                }
                Ok(_) => {}
            }
        }
        None
    }

    /// An error in any image, as `qemu-img check` sees it.
    pub fn is_unsound(&self, group: &Group) -> Option<String> {
        let graph = group.graph(&self.volume);
        for image in graph.images() {
            let Some(info) = image.info().filter(|info| info.qcow2().is_some()) else {
                continue;
            };
            let path = String::from_utf8(image.path.to_vec()).unwrap();
            let output = qemu_img(&["check", "-q", "-f", info.format.name(), &path]);
            if !output.status.success() {
                let text = String::from_utf8_lossy(&output.stderr).into_owned();
                return Some(format!("{path}: {text}"));
            }
        }
        None
    }
}

/// The disk that QEMU sees.
fn read(group: &Group, path: &str, format: &str) -> Result<Disk, String> {
    let raw = group.folder().parent().unwrap().join("read.raw");
    let raw = raw.to_str().unwrap();
    let output = qemu_img(&["convert", "-q", "-f", format, "-O", "raw", path, raw]);
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let bytes = std::fs::read(raw).unwrap();
    let blocks = bytes.chunks(BLOCK as usize).map(|block| {
        match block.iter().all(|byte| *byte == block[0]) {
            true => block[0],
            false => 255,
        }
    });
    Ok(blocks.collect())
}
