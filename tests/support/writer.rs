//! A small writer of qcow2 images (QEMU's `docs/interop/qcow2`), for what qemu-img does not make:
//! odd headers, unknown extensions, snapshots with machine state, broken tables.

/// Magic of the extension that holds the backing format's name.
pub const BACKING_FORMAT: u32 = 0xe279_2aca;
/// Magic of the feature name table.
pub const FEATURE_NAMES: u32 = 0x6803_f857;
/// Magic of the bitmaps extension.
pub const BITMAPS: u32 = 0x2385_2875;
/// Magic of the LUKS header's extension.
pub const CRYPTO: u32 = 0x0537_be77;
/// Magic of the extension that holds the data file's name.
pub const DATA_FILE: u32 = 0x4441_5441;

/// An internal snapshot.
#[derive(Clone, Default)]
pub struct Snapshot {
    pub id: Vec<u8>,
    pub name: Vec<u8>,
    pub vm_state_size: u32,
    pub date: (u32, u32),
    pub vm_clock_nsec: u64,
    /// 64-bit state size, disk size, instruction count: as many bytes of it as there are.
    pub extra: Vec<u8>,
}

/// A persistent bitmap.
#[derive(Clone)]
pub struct Bitmap {
    pub name: Vec<u8>,
    pub flags: u32,
    pub granularity_bits: u8,
    /// Entries of its table.
    pub table: Vec<u64>,
}

/// An image to be written; [`build`](Image::build) lays it out.
#[derive(Clone)]
pub struct Image {
    pub version: u32,
    pub cluster_bits: u32,
    pub size: u64,
    pub crypt_method: u32,
    pub incompatible: u64,
    pub compatible: u64,
    pub autoclear: u64,
    pub refcount_order: u32,
    pub header_length: u32,
    pub compression_type: u8,
    pub extensions: Vec<(u32, Vec<u8>)>,
    /// Whether the list of extensions has its end mark.
    pub end_mark: bool,
    pub backing: Option<Vec<u8>>,
    pub snapshots: Vec<Snapshot>,
    pub bitmaps: Vec<Bitmap>,
}

impl Default for Image {
    fn default() -> Self {
        Image {
            version: 3,
            cluster_bits: 16,
            size: 1 << 20,
            crypt_method: 0,
            incompatible: 0,
            compatible: 0,
            autoclear: 0,
            refcount_order: 4,
            header_length: 104,
            compression_type: 0,
            extensions: Vec::new(),
            end_mark: true,
            backing: None,
            snapshots: Vec::new(),
            bitmaps: Vec::new(),
        }
    }
}

/// An image of 1 MiB on a backing file.
pub fn standing_on(backing: &[u8], format: Option<&str>) -> Vec<u8> {
    let format = format.map(|format| (BACKING_FORMAT, format.as_bytes().to_vec()));
    let image = Image {
        backing: Some(backing.to_vec()),
        extensions: format.into_iter().collect(),
        ..Image::default()
    };
    image.build().bytes
}

/// A written image, and where its parts lie.
pub struct Layout {
    pub bytes: Vec<u8>,
    pub extensions: usize,
    pub snapshots: usize,
    pub bitmaps: usize,
    pub bitmap_tables: usize,
}

impl Image {
    /// The image's bytes; the refcounts say nothing.
    pub fn build(&self) -> Layout {
        let cluster = 1usize << self.cluster_bits;
        let mut bytes = vec![0; cluster];
        let mut place = |content: &[u8]| {
            let at = bytes.len();
            bytes.extend_from_slice(content);
            bytes.resize(bytes.len().next_multiple_of(cluster), 0);
            at
        };
        let refcount_table = place(&[0; 8]);
        let l1_entries = self.l1_entries();
        let l1 = place(&vec![0; l1_entries * 8]);
        let snapshots = place(&self.snapshot_table());
        let first_table = place(&[]);
        let mut tables = Vec::new();
        for bitmap in &self.bitmaps {
            let table: Vec<u8> = bitmap.table.iter().flat_map(|e| e.to_be_bytes()).collect();
            tables.push(place(&table));
        }
        let directory = self.bitmap_directory(&tables);
        let bitmaps = place(&directory);

        let mut head = Vec::new();
        head.extend(b"QFI\xfb");
        head.extend(self.version.to_be_bytes());
        head.extend([0; 12]);
        head.extend(self.cluster_bits.to_be_bytes());
        head.extend(self.size.to_be_bytes());
        head.extend(self.crypt_method.to_be_bytes());
        head.extend((l1_entries as u32).to_be_bytes());
        head.extend((l1 as u64).to_be_bytes());
        head.extend((refcount_table as u64).to_be_bytes());
        head.extend(1u32.to_be_bytes());
        head.extend((self.snapshots.len() as u32).to_be_bytes());
        head.extend((snapshots as u64).to_be_bytes());
        if self.version > 2 {
            head.extend(self.incompatible.to_be_bytes());
            head.extend(self.compatible.to_be_bytes());
            head.extend(self.autoclear.to_be_bytes());
            head.extend(self.refcount_order.to_be_bytes());
            head.extend(self.header_length.to_be_bytes());
            head.push(self.compression_type);
            head.resize(self.header_length as usize, 0);
        }
        let extensions = head.len();
        let mut list = self.extensions.clone();
        if !self.bitmaps.is_empty() {
            let mut body = (self.bitmaps.len() as u32).to_be_bytes().to_vec();
            body.extend([0; 4]);
            body.extend((directory.len() as u64).to_be_bytes());
            body.extend((bitmaps as u64).to_be_bytes());
            list.push((BITMAPS, body));
        }
        for (magic, body) in &list {
            head.extend(magic.to_be_bytes());
            head.extend((body.len() as u32).to_be_bytes());
            head.extend(body);
            head.resize(head.len().next_multiple_of(8), 0);
        }
        if self.end_mark {
            head.extend([0; 8]);
        }
        if let Some(name) = &self.backing {
            let at = head.len() as u64;
            head[8..16].copy_from_slice(&at.to_be_bytes());
            head[16..20].copy_from_slice(&(name.len() as u32).to_be_bytes());
            head.extend(name);
        }
        assert!(
            head.len() <= cluster,
            "the header has to fit into a cluster"
        );
        bytes[..head.len()].copy_from_slice(&head);
        Layout {
            bytes,
            extensions,
            snapshots,
            bitmaps,
            bitmap_tables: first_table,
        }
    }

    fn l1_entries(&self) -> usize {
        let entry_bits = if self.incompatible & 16 != 0 { 4 } else { 3 };
        let covered = 1u64 << (2 * self.cluster_bits - entry_bits);
        self.size.div_ceil(covered) as usize
    }

    fn snapshot_table(&self) -> Vec<u8> {
        let mut table: Vec<u8> = Vec::new();
        for snapshot in &self.snapshots {
            table.resize(table.len().next_multiple_of(8), 0);
            table.extend([0; 12]);
            table.extend((snapshot.id.len() as u16).to_be_bytes());
            table.extend((snapshot.name.len() as u16).to_be_bytes());
            table.extend(snapshot.date.0.to_be_bytes());
            table.extend(snapshot.date.1.to_be_bytes());
            table.extend(snapshot.vm_clock_nsec.to_be_bytes());
            table.extend(snapshot.vm_state_size.to_be_bytes());
            table.extend((snapshot.extra.len() as u32).to_be_bytes());
            table.extend(&snapshot.extra);
            table.extend(&snapshot.id);
            table.extend(&snapshot.name);
        }
        table
    }

    fn bitmap_directory(&self, tables: &[usize]) -> Vec<u8> {
        let mut directory: Vec<u8> = Vec::new();
        for (bitmap, &table) in self.bitmaps.iter().zip(tables) {
            directory.extend((table as u64).to_be_bytes());
            directory.extend((bitmap.table.len() as u32).to_be_bytes());
            directory.extend(bitmap.flags.to_be_bytes());
            directory.extend([1, bitmap.granularity_bits]);
            directory.extend((bitmap.name.len() as u16).to_be_bytes());
            directory.extend([0; 4]);
            directory.extend(&bitmap.name);
            directory.resize(directory.len().next_multiple_of(8), 0);
        }
        directory
    }
}
