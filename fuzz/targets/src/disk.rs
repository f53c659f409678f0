//! qcow2 images with something in them (QEMU's `docs/interop/qcow2`): how each cluster of the disk is
//! stored is the input's choice; refcounts and flags are right, until the input changes some fields.
//!
//! Most of such a file is zero and is not written: clusters of 64 KiB cost no more than small ones.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::input::Input;
use crate::writer;

/// In an L2 entry: the refcount is exactly one.
const COPIED: u64 = 1 << 63;
/// In an L2 entry: the cluster is compressed.
const COMPRESSED: u64 = 1 << 62;
/// In an L2 entry: it reads as zeros.
const ZERO: u64 = 1;
/// Unit of the length of compressed data.
const SECTOR: u64 = 512;
/// The smallest piece of a file that can be a hole.
const PAGE: u64 = 4096;

/// Stretches of the disk that an input describes at the most, and clusters of each.
const STRETCHES: usize = 24;
const CLUSTERS: usize = 16;

/// What an image is made to stand on.
#[derive(Default)]
pub struct Ground<'a> {
    /// Name and format of the backing file.
    pub backing: Option<(&'a [u8], &'a str)>,
    /// Name of the external data file.
    pub data_file: Option<&'a [u8]>,
}

/// An image, and what its check must say.
pub struct Disk {
    /// What of the file is not zero; later parts lie over earlier ones.
    parts: Vec<(u64, Vec<u8>)>,
    size: u64,
    /// None if fields were changed, so that nobody knows.
    pub expected: Option<Expected>,
}

/// What is known of a sound image.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// Clusters with a place in the file.
    pub allocated: u64,
    /// Those of them that are compressed.
    pub compressed: u64,
    /// Clusters of the disk.
    pub total: u64,
}

struct Builder<'a, 'b> {
    input: &'a mut Input<'b>,
    cluster_bits: u32,
    version: u32,
    extended: bool,
    data_file: bool,
    /// Whether clusters with data have any.
    filled: bool,
    /// References to each cluster of the file.
    references: Vec<u64>,
    /// Where the next compressed data goes, if there is room behind the last.
    compressed_end: u64,
    /// L2 tables: index in the L1 table, place in the file, entries up to the last one in use.
    tables: Vec<(u64, u64, Vec<u8>)>,
    parts: Vec<(u64, Vec<u8>)>,
    expected: Expected,
}

impl Disk {
    /// The image that the input describes.
    pub fn new(input: &mut Input<'_>, ground: &Ground<'_>) -> Self {
        let cluster_bits = input.pick(&[9, 9, 10, 9, 14, 9, 12, 16]);
        let version = 2 + u32::from(input.below(4) != 0);
        let mut builder = Builder {
            extended: version == 3 && cluster_bits >= 14 && input.flag(),
            data_file: version == 3 && ground.data_file.is_some(),
            filled: input.flag(),
            input,
            cluster_bits,
            version,
            references: vec![1],
            compressed_end: 0,
            tables: Vec::new(),
            parts: Vec::new(),
            expected: Expected::default(),
        };
        builder.build(ground)
    }

    /// A file that is the disk, with a page of data at each of these places.
    pub fn flat(size: u64, data: impl Iterator<Item = u64>) -> Self {
        let parts = data.filter(|at| at + PAGE <= size);
        Disk {
            parts: parts.map(|at| (at, vec![1; PAGE as usize])).collect(),
            size,
            expected: None,
        }
    }

    /// The whole file, which should be a small one.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.size as usize];
        for (at, part) in &self.parts {
            bytes[*at as usize..][..part.len()].copy_from_slice(part);
        }
        bytes
    }

    /// Writes the file, its zeros as holes.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let file = File::create(path)?;
        file.set_len(self.size)?;
        self.parts
            .iter()
            .try_for_each(|(at, part)| file.write_all_at(part, *at))
    }
}

impl Builder<'_, '_> {
    fn build(&mut self, ground: &Ground<'_>) -> Disk {
        let cluster = 1u64 << self.cluster_bits;
        let clusters = self.stretches();
        self.expected.total = clusters;
        // A disk may end in the middle of its last cluster, in whole sectors.
        let cut = u64::from(self.input.u8()) * SECTOR % cluster;
        let disk_size = (clusters * cluster).saturating_sub(cut);
        let l1_entries = clusters.div_ceil(self.l2_entries());
        let l1 = self.take((l1_entries * 8).div_ceil(cluster).max(1));
        for (index, table, entries) in std::mem::take(&mut self.tables) {
            let entry = (table | COPIED).to_be_bytes().to_vec();
            self.parts.push((l1 + index * 8, entry));
            self.parts.push((table, entries));
        }
        let order = match self.version {
            2 => 4,
            _ => self.input.pick(&[4, 4, 0, 1, 3, 5, 6]),
        };
        let refcount_table = self.take(1);
        let sound = self.refcounts(refcount_table, order);
        let crypt = u32::from(self.input.below(16) == 15);
        let head = self.header(
            ground,
            (disk_size, crypt),
            (l1_entries, l1),
            (refcount_table, order),
        );
        self.parts.push((0, head));
        let size = self.references.len() as u64 * cluster;
        let changes = match self.input.below(4) {
            0 => 1 + self.input.below(4),
            _ => 0,
        };
        let mut places = vec![0, l1, refcount_table];
        places.extend(self.parts.iter().map(|(at, _)| *at));
        for _ in 0..changes {
            self.change(&places);
        }
        let expected = (sound && changes == 0).then(|| std::mem::take(&mut self.expected));
        let mut parts = std::mem::take(&mut self.parts);
        parts.retain(|(at, part)| at + part.len() as u64 <= size);
        Disk {
            parts,
            size,
            expected,
        }
    }

    /// Lays out the disk; returns how many clusters it has.
    fn stretches(&mut self) -> u64 {
        let mut position = 0;
        for _ in 0..1 + self.input.below(STRETCHES) {
            let kind = self.input.below(9);
            let count = 1 + self.input.below(CLUSTERS) as u64;
            match kind {
                0 => position += count,
                // Whole tables that are not there.
                1 => {
                    let entries = self.l2_entries();
                    position = (position / entries + 1 + count % 3) * entries;
                }
                _ => {
                    for _ in 0..count {
                        self.cluster(position, kind);
                        position += 1;
                    }
                }
            }
        }
        position
    }

    fn cluster(&mut self, position: u64, kind: usize) {
        let guest = position << self.cluster_bits;
        let (entry, bitmap) = match kind {
            // Zeros are a mark of version 3.
            2 if self.extended => (0, self.input.u64() << 32),
            2 if self.version == 3 => (ZERO, 0),
            // In a data file, the place of the first cluster is no place.
            3 if self.version == 3 && !self.extended && (!self.data_file || guest > 0) => {
                (self.data(guest) | ZERO, 0)
            }
            4 if !self.data_file => (self.compressed(), 0),
            // Somewhere else than behind the last one.
            5 => {
                self.take(1);
                if let Some(last) = self.references.last_mut() {
                    *last = 0;
                }
                self.whole(guest)
            }
            _ => self.whole(guest),
        };
        self.put(position, entry, bitmap);
    }

    /// A cluster of data, some of it perhaps.
    fn whole(&mut self, guest: u64) -> (u64, u64) {
        let entry = self.data(guest);
        let bitmap = match (self.extended, self.input.below(4)) {
            (false, _) => 0,
            (true, 0) => 0xffff_ffff,
            (true, _) => {
                let allocated = u64::from(self.input.u32());
                (u64::from(self.input.u32()) & !allocated) << 32 | allocated
            }
        };
        (entry, bitmap)
    }

    fn data(&mut self, guest: u64) -> u64 {
        self.expected.allocated += 1;
        if self.data_file {
            return guest | COPIED;
        }
        let host = self.take(1);
        if self.filled {
            self.parts.push((host, vec![1]));
        }
        host | COPIED
    }

    fn compressed(&mut self) -> u64 {
        let cluster = 1u64 << self.cluster_bits;
        let length = 1 + u64::from(self.input.u8()) * (cluster - 1) / 255;
        let mut at = self.compressed_end;
        // Only if nothing was put behind it meanwhile.
        let end = self.references.len() as u64 * cluster;
        if at.next_multiple_of(cluster) != end || at == end {
            at = self.take(1);
            self.references[(at / cluster) as usize] = 0;
        }
        while self.references.len() as u64 * cluster < at + length {
            self.references.push(0);
        }
        for index in at / cluster..=(at + length - 1) / cluster {
            self.references[index as usize] += 1;
        }
        self.compressed_end = at + length;
        self.expected.allocated += 1;
        self.expected.compressed += 1;
        let sectors = (at % SECTOR + length).div_ceil(SECTOR);
        COMPRESSED | (sectors - 1) << (62 - (self.cluster_bits - 8)) | at
    }

    /// Writes an L2 entry, into a table that is made if it is not there.
    fn put(&mut self, position: u64, entry: u64, bitmap: u64) {
        let index = position / self.l2_entries();
        if self.tables.last().is_none_or(|(last, _, _)| *last != index) {
            let place = self.take(1);
            self.tables.push((index, place, Vec::new()));
        }
        let words = [entry, bitmap].map(u64::to_be_bytes).concat();
        let bytes = if self.extended { 16 } else { 8 };
        let at = (position % self.l2_entries()) as usize * bytes;
        if let Some((_, _, table)) = self.tables.last_mut() {
            table.resize(at, 0);
            table.extend(&words[..bytes]);
        }
    }

    fn l2_entries(&self) -> u64 {
        1 << (self.cluster_bits - if self.extended { 4 } else { 3 })
    }

    /// The next clusters of the file, each with one reference.
    fn take(&mut self, clusters: u64) -> u64 {
        let at = self.references.len();
        self.references.resize(at + clusters as usize, 1);
        (at as u64) << self.cluster_bits
    }

    /// Writes the refcounts; false if they are too narrow for what there is to say.
    fn refcounts(&mut self, table: u64, order: u32) -> bool {
        let per_block = (1usize << (self.cluster_bits + 3)) >> order;
        let mut blocks = Vec::new();
        while blocks.len() * per_block < self.references.len() {
            blocks.push(self.take(1));
        }
        let most = u64::MAX >> (64 - (1 << order));
        for (index, (counts, block)) in self.references.chunks(per_block).zip(blocks).enumerate() {
            let entry = block.to_be_bytes().to_vec();
            self.parts.push((table + index as u64 * 8, entry));
            let mut bytes = Vec::new();
            for group in counts.chunks(8 >> order.min(3)) {
                if order >= 3 {
                    bytes.extend(&group[0].min(most).to_be_bytes()[8 - (1 << (order - 3))..]);
                    continue;
                }
                // Narrow ones begin at the lowest bit of a byte.
                let place = |(at, &count): (usize, &u64)| (count.min(most) as u8) << (at << order);
                bytes.push(group.iter().enumerate().map(place).fold(0, |a, b| a | b));
            }
            self.parts.push((block, bytes));
        }
        self.references.iter().all(|&count| count <= most)
    }

    fn header(
        &self,
        ground: &Ground<'_>,
        (disk_size, crypt): (u64, u32),
        (l1_entries, l1): (u64, u64),
        (refcount_table, order): (u64, u32),
    ) -> Vec<u8> {
        let mut head = b"QFI\xfb".to_vec();
        head.extend(self.version.to_be_bytes());
        head.extend([0; 12]);
        head.extend(self.cluster_bits.to_be_bytes());
        head.extend(disk_size.to_be_bytes());
        head.extend(crypt.to_be_bytes());
        head.extend((l1_entries as u32).to_be_bytes());
        head.extend(l1.to_be_bytes());
        head.extend(refcount_table.to_be_bytes());
        head.extend(1u32.to_be_bytes());
        head.extend([0; 12]);
        if self.version == 3 {
            let incompatible = u64::from(self.extended) << 4 | u64::from(self.data_file) << 2;
            head.extend(incompatible.to_be_bytes());
            head.extend([0; 16]);
            head.extend(order.to_be_bytes());
            head.extend(104u32.to_be_bytes());
        }
        let mut extension = |magic: u32, body: &[u8]| {
            head.extend(magic.to_be_bytes());
            head.extend((body.len() as u32).to_be_bytes());
            head.extend(body);
            head.resize(head.len().next_multiple_of(8), 0);
        };
        if let Some((_, format)) = ground.backing {
            extension(writer::BACKING_FORMAT, format.as_bytes());
        }
        if let Some(name) = ground.data_file.filter(|_| self.data_file) {
            extension(writer::DATA_FILE, name);
        }
        extension(0, &[]);
        if let Some((name, _)) = ground.backing {
            let at = head.len() as u64;
            head[8..16].copy_from_slice(&at.to_be_bytes());
            head[16..20].copy_from_slice(&(name.len() as u32).to_be_bytes());
            head.extend(name);
        }
        head
    }

    /// Changes one number in one of the structures.
    fn change(&mut self, places: &[u64]) {
        let place = places[usize::from(self.input.u16()) % places.len()];
        let at = place + u64::from(self.input.u8());
        let width = 1 << self.input.below(4);
        let value = match self.input.below(4) {
            0 => self.input.u64(),
            1 => u64::from(self.input.u16()) << self.cluster_bits,
            2 => u64::from(self.input.u8()),
            _ => self
                .input
                .pick(&[0, 1, COPIED, COMPRESSED, u64::MAX, 1 << 56, 1 << 20]),
        };
        let bytes = value.to_be_bytes()[8 - width..].to_vec();
        self.parts.push((at, bytes));
    }
}
