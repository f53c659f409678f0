//! VMDK images that `qemu-img` reads but does not make.

use std::path::PathBuf;

use crate::common::Images;
use crate::common::maps::assert_same_map;

/// A descriptor of this type with these lines.
fn descriptor(images: &Images, name: &str, create_type: &str, lines: &str) -> PathBuf {
    let text = format!(
        "# Disk DescriptorFile\nversion=1\nCID=1234abcd\nparentCID=ffffffff\n\
         createType=\"{create_type}\"\n# Extent description\n{lines}"
    );
    images.write(name, text)
}

fn put(bytes: &mut [u8], at: usize, field: &[u8]) {
    bytes[at..at + field.len()].copy_from_slice(field);
}

/// A sparse extent of so many sectors in grains of so many, with these grains.
fn sparse(sectors: u64, grain: u64, grains: &[u32]) -> Vec<u8> {
    let mut bytes = vec![0; 64 << 10];
    put(&mut bytes, 0, b"KDMV");
    put(&mut bytes, 4, &1u32.to_le_bytes());
    put(&mut bytes, 8, &7u32.to_le_bytes());
    put(&mut bytes, 12, &sectors.to_le_bytes());
    put(&mut bytes, 20, &grain.to_le_bytes());
    put(&mut bytes, 44, &512u32.to_le_bytes());
    put(&mut bytes, 56, &4u64.to_le_bytes());
    put(&mut bytes, 64, &16u64.to_le_bytes());
    put(&mut bytes, 4 * 512, &6u32.to_le_bytes());
    for (i, entry) in grains.iter().enumerate() {
        put(&mut bytes, 6 * 512 + i * 4, &entry.to_le_bytes());
    }
    bytes
}

/// A COWD extent of so many sectors with these grains of 8 sectors each.
fn cowd(sectors: u32, grains: &[u32]) -> Vec<u8> {
    let mut bytes = vec![0; 64 << 10];
    put(&mut bytes, 0, b"COWD");
    put(&mut bytes, 4, &1u32.to_le_bytes());
    put(&mut bytes, 12, &sectors.to_le_bytes());
    put(&mut bytes, 16, &8u32.to_le_bytes());
    put(&mut bytes, 20, &4u32.to_le_bytes());
    put(&mut bytes, 24, &sectors.div_ceil(8 * 4096).to_le_bytes());
    put(&mut bytes, 4 * 512, &8u32.to_le_bytes());
    for (i, entry) in grains.iter().enumerate() {
        put(&mut bytes, 8 * 512 + i * 4, &entry.to_le_bytes());
    }
    bytes
}

/// A seSparse extent of so many sectors with this entry of its directory and these grains.
fn se_sparse(sectors: u64, directory: u64, grains: &[u64]) -> Vec<u8> {
    let mut bytes = vec![0; 96 << 10];
    let fields = [
        (0, 0xcafe_babe),
        (8, 0x2_0000_0001),
        (16, sectors),
        (24, 8),
        (32, 64),
        (80, 1),
        (128, 2),
        (136, 1),
        (144, 8),
        (192, 100),
        (512, 0xcafe_cafe),
        (1024, directory),
    ];
    for (at, field) in fields {
        put(&mut bytes, at, &u64::to_le_bytes(field));
    }
    for (i, entry) in grains.iter().enumerate() {
        put(&mut bytes, 8 * 512 + i * 8, &entry.to_le_bytes());
    }
    bytes
}

#[test]
fn flat_extents_of_one_file_and_of_several() {
    let images = Images::in_memory();
    let file = |name: &str, length: u64| {
        use std::os::unix::fs::FileExt;
        let file = std::fs::File::create(images.path(name)).unwrap();
        file.set_len(length).unwrap();
        file.write_all_at(&[1; 20_000], 100_000).unwrap();
        file.write_all_at(&[1; 20_000], 300_000).unwrap();
    };
    file("a", 400_000);
    file("b", 1 << 20);
    file("c", 512 << 10);
    images.settle();
    let cases = [
        // One after the other in one file: one extent; in two files: two.
        "RW 200 FLAT \"b\" 0\nRW 300 FLAT \"b\" 200\n",
        "RW 200 FLAT \"b\" 0\nRW 300 FLAT \"c\" 200\n",
        "RW 200 FLAT \"b\" 0\nRW 300 FLAT \"./b\" 200\n",
        "RW 1024 VMFS \"c\"\nRW 1024 FLAT \"b\" 1024\n",
        "RW 100 FLAT \"c\" 190\nRW 100 FLAT \"c\" 1\nRW 100 FLAT \"c\" 101\n",
        // Behind the end of the file, and across it.
        "RW 4096 FLAT \"a\" 0\nRW 7 FLAT \"a\" 100000\n",
        "RW 781 FLAT \"a\" 0\nRW 1 FLAT \"a\" 781\nRW 1 FLAT \"a\" 782\n",
    ];
    for (i, lines) in cases.into_iter().enumerate() {
        let path = descriptor(&images, &format!("{i}.vmdk"), "monolithicFlat", lines);
        assert_same_map(&path, "vmdk");
    }
}

#[test]
fn sparse_extents_of_all_kinds() {
    let images = Images::in_memory();
    images.write(
        "s",
        sparse(100, 8, &[0, 1, 2, 1, 24, 32, 40, 0, 100, 9000, 0, 1, 64]),
    );
    images.write("t", sparse(1000, 128, &[1, 0, 256, 384, 0, 9, 137]));
    images.write("odd", sparse(1000, 24, &[16, 40, 64, 1, 0]));
    images.write(
        "o",
        cowd(100, &[0, 1, 0, 24, 32, 40, u32::MAX, 0, 100, 1, 1, 1, 8]),
    );
    images.write("f", vec![1; 50_000]);
    let cases = [
        "RW 96 SPARSE \"s\"\n",
        "RW 1000 SPARSE \"t\"\nRW 50 FLAT \"f\" 3\n",
        // The last grain of one extent reaches over into the next.
        "RW 100 SPARSE \"s\"\nRW 1000 SPARSE \"t\"\n",
        "RW 1000 SPARSE \"t\"\nRW 100 SPARSE \"s\"\nRW 100 VMFSSPARSE \"o\"\n",
        "RW 100 SPARSE \"s\"\nRW 2 FLAT \"f\" 0\nRW 1 FLAT \"f\" 5\nRW 1000 SPARSE \"t\"\n",
        "RW 100 VMFSSPARSE \"o\"\n",
        "RW 1000 SPARSE \"odd\"\nRW 100 VMFSSPARSE \"o\"\n",
        "RW 100 SPARSE \"s\"\nRW 100 SPARSE \"s\"\n",
    ];
    for (i, lines) in cases.into_iter().enumerate() {
        let path = descriptor(&images, &format!("{i}.vmdk"), "twoGbMaxExtentSparse", lines);
        assert_same_map(&path, "vmdk");
    }
    // A lone file has its descriptor inside.
    let mut bytes = sparse(100, 8, &[0, 1, 2, 1, 24, 32]);
    let text = b"CID=1234abcd\nparentCID=ffffffff\ncreateType=\"monolithicSparse\"\n";
    put(&mut bytes, 512, text);
    let path = images.write("alone.vmdk", bytes);
    assert_same_map(&path, "vmdk");
}

#[test]
fn se_sparse_extents() {
    let images = Images::in_memory();
    const THERE: u64 = 0x1000_0000_0000_0000;
    let grains = [
        0,
        0x1000_0000_0000_0000,
        0x2000_0000_0000_0000,
        0x3000_0000_0000_0000,
        0x3001_0000_0000_0000,
        0x3000_0000_0000_0001,
        0x3fff_0000_0000_0001,
        0x2fff_0000_0000_0001,
    ];
    let cases = [
        (THERE, grains.to_vec()),
        (0, grains.to_vec()),
        (THERE | 1, grains.to_vec()),
        (THERE | 0xffff_ffff, grains.to_vec()),
        (THERE >> 1, grains.to_vec()),
        (THERE, vec![0, 5]),
        (THERE, vec![0, 0x4000_0000_0000_0000]),
        (THERE, vec![0x3000_000f_ffff_ffff, 0x3001_000f_ffff_ffff]),
    ];
    for (i, (directory, grains)) in cases.into_iter().enumerate() {
        images.write("e", se_sparse(100, directory, &grains));
        let lines = "RW 100 SESPARSE \"e\"\n";
        let path = descriptor(&images, &format!("{i}.vmdk"), "seSparse", lines);
        assert_same_map(&path, "vmdk");
    }
}
