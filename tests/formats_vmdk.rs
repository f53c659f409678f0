//! VMDK images that `qemu-img` reads but does not make, written by hand.

mod common;

use std::path::{Path, PathBuf};

use common::{Images, assert_both_refuse, assert_same, assert_same_as, our_info};

/// A descriptor of this type with these lines.
fn descriptor(create_type: &str, lines: &str) -> String {
    format!(
        "# Disk DescriptorFile\nversion=1\nCID=1234abcd\nparentCID=ffffffff\n\
         createType=\"{create_type}\"\n# Extent description\n{lines}"
    )
}

/// A file with these numbers at these offsets.
fn file(magic: &[u8], length: usize, fields: &[(usize, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![0; length];
    bytes[..magic.len()].copy_from_slice(magic);
    for (at, field) in fields {
        bytes[*at..at + field.len()].copy_from_slice(field);
    }
    bytes
}

/// A COWD extent of so many sectors in grains of so many.
fn cowd(sectors: u32, grain: u32) -> Vec<u8> {
    let directory_entries = sectors.div_ceil(grain.max(1) * 4096);
    file(
        b"COWD",
        8192,
        &[
            (4, &1u32.to_le_bytes()),
            (12, &sectors.to_le_bytes()),
            (16, &grain.to_le_bytes()),
            (20, &4u32.to_le_bytes()),
            (24, &directory_entries.to_le_bytes()),
        ],
    )
}

/// A seSparse extent of so many sectors.
fn se_sparse(sectors: u64) -> Vec<u8> {
    file(
        &0xcafe_babeu64.to_le_bytes(),
        8192,
        &[
            (8, &0x2_0000_0001u64.to_le_bytes()),
            (16, &sectors.to_le_bytes()),
            (24, &8u64.to_le_bytes()),
            (32, &64u64.to_le_bytes()),
            (80, &1u64.to_le_bytes()),
            (128, &2u64.to_le_bytes()),
            (136, &1u64.to_le_bytes()),
            (512, &0xcafe_cafeu64.to_le_bytes()),
        ],
    )
}

/// A hosted sparse extent of so many sectors in grains of 64 KiB.
fn hosted(sectors: u64) -> Vec<u8> {
    file(
        b"KDMV",
        65536,
        &[
            (4, &1u32.to_le_bytes()),
            (8, &3u32.to_le_bytes()),
            (12, &sectors.to_le_bytes()),
            (20, &128u64.to_le_bytes()),
            (44, &512u32.to_le_bytes()),
            (48, &21u64.to_le_bytes()),
            (56, &26u64.to_le_bytes()),
            (64, &128u64.to_le_bytes()),
        ],
    )
}

/// Images with one extent of each kind, and a descriptor to be compared.
struct Bench {
    images: Images,
    path: PathBuf,
}

impl Bench {
    fn new() -> Self {
        let images = Images::new();
        images.write("cowd", cowd(8192, 16));
        images.write("se", se_sparse(4096));
        images.write("hosted", hosted(20480));
        images.write("flat", vec![0; 1 << 20]);
        images.write("empty", "");
        let path = images.path("a.vmdk");
        Bench { images, path }
    }

    #[track_caller]
    fn assert_same(&self, create_type: &str, lines: &str) {
        self.images.write("a.vmdk", descriptor(create_type, lines));
        assert_same(&self.path, "vmdk");
        let ours = our_info(&self.path, Some("vmdk"));
        assert!(ours.is_ok(), "{ours:?}");
    }

    #[track_caller]
    fn assert_both_refuse(&self, create_type: &str, lines: &str) {
        self.images.write("a.vmdk", descriptor(create_type, lines));
        assert_both_refuse(&self.path, "vmdk");
    }
}

#[test]
fn kinds_of_extents() {
    let bench = Bench::new();
    bench.assert_same("vmfs", "RW 2048 VMFS \"flat\"\n");
    bench.assert_same("vmfsSparse", "RW 1 VMFSSPARSE \"cowd\"\n");
    bench.assert_same("seSparse", "RW 1 SESPARSE \"se\"\n");
    bench.assert_same("monolithicFlat", "RW 2048 FLAT \"flat\" 0\n");
    bench.assert_same("twoGbMaxExtentSparse", "RW 1 SPARSE \"hosted\"\n");
    bench.assert_same("vmfs", "RW 8 FLAT \"empty\" 77\r\nRW 16 VMFS \"flat\"");
    // The word only says how to read a file, not which of the sparse formats it has.
    bench.assert_same("vmfs", "RW 1 SPARSE \"cowd\"\nRW 1 VMFSSPARSE \"hosted\"\n");
}

#[test]
fn unlike_extents_leave_no_cluster_size() {
    let bench = Bench::new();
    bench.assert_same("vmfs", "RW 2048 VMFS \"flat\"\nRW 1 SPARSE \"hosted\"\n");
    bench.assert_same("vmfs", "RW 1 SPARSE \"hosted\"\nRW 1 SPARSE \"hosted\"\n");
    bench.assert_same("vmfs", "RW 2048 VMFS \"flat\"\nRW 1 FLAT \"flat\" 9\n");
    bench.images.write("cowd0", cowd(8192, 0));
    bench.assert_same("vmfs", "RW 1 SPARSE \"cowd0\"\n");
}

#[test]
fn names_of_extents() {
    let bench = Bench::new();
    let absolute = bench.images.path("flat");
    bench.assert_same("vmfs", &format!("RW 8 VMFS \"{}\"\n", absolute.display()));
    std::fs::create_dir(bench.images.path("d")).unwrap();
    bench.assert_same("vmfs", "RW 8 VMFS \"./d/../flat\"\n");
    bench.images.write("a:b", "");
    bench.assert_same("vmfs", "RW 8 VMFS \"a:b\"\n");
    bench.images.write("name with 'quote", "");
    bench.assert_same("vmfs", "RW 8 VMFS \"name with 'quote\"\n");
    bench.assert_both_refuse("vmfs", "RW 8 VMFS \"d\"\n");
    bench.assert_both_refuse("vmfs", "RW 8 VMFS \"nowhere\"\n");
    let long = "x".repeat(511);
    bench.assert_both_refuse("vmfs", &format!("RW 8 VMFS \"{long}\"\n"));
    bench.assert_both_refuse("vmfs", &format!("RW 8 VMFS \"/{}flat\"\n", "/".repeat(600)));
}

#[test]
fn lines_are_read_as_scanf_reads_them() {
    let bench = Bench::new();
    for lines in [
        "RW 8 VMFS \"flat\"\nRW 16 VMFS \"flat\"\n",
        "\nRW 8 VMFS \"flat\"\n\n\nRW 8 VMFS \"flat\"\n",
        "  RW\t8\n VMFS \"flat\"\n",
        "RW 8 VMFS\"flat\"\n",
        "RW+8 VMFS \"flat\"\nRW 8 VMFS \"flat\"\n",
        "RW 8 VMFS \"flat\nRW 8 VMFS \"flat\"\n",
        "RW 8 FLAT \"flat\"\n 512\n",
        "RDONLY 8 VMFS \"flat\"\nRW 8 VMFS \"flat\"\n",
        "RW 0 VMFS \"flat\"\nRW -8 VMFS \"flat\"\nRW 8 VMFS \"flat\"\n",
        "RW 8 ZERO \"flat\"\nRW 8 VMFS \"flat\"\n",
    ] {
        bench.images.write("a.vmdk", descriptor("vmfs", lines));
        assert_same_as(&bench.path, Some("vmdk"));
    }
    for lines in [
        "RW 8 VMFS \"flat\" 1\n",
        "RW 8 SPARSE \"hosted\"\n8",
        "RW 8 FLAT \"flat\"\n",
        "RW 8 FLAT \"flat\" -1\n",
        "RW 99999999999999999999 VMFS \"flat\"\n",
        "RW 18014398509481984 VMFS \"flat\"\n",
        "RW 18014398509481983 VMFS \"flat\"\n",
    ] {
        bench.assert_both_refuse("vmfs", lines);
    }
    bench.assert_same("vmfs", "RW 18014398507384832 VMFS \"flat\"\n");
}

#[test]
fn words_of_the_descriptor_are_found_anywhere() {
    let images = Images::new();
    images.write("flat", "");
    let extent = "createType=\"vmfs\"\nRW 8 VMFS \"flat\"\n";
    for text in [
        format!("# x\nversion=1\nparentCID=5\nCID=6\n{extent}"),
        format!("version=1\nCID=\n 0x6g\nparentCID=-1\n{extent}"),
        format!("version=1\nCID=123456789a\nparentCID=11112222333344445\n{extent}"),
        format!("version=1\nCID=1\nparentCID=1\nparentFileNameHint=\"../base.vmdk\"\n{extent}"),
        format!("version=1\nCID=1\nparentCID=1\nparentFileNameHint=\"\"\n{extent}"),
        format!("version=1\nCID=1\nparentCID=1\nparentFileNameHint=x/base\"\n{extent}"),
        format!("version=1\nCID=1\nparentCID=1\nparentFileNameHint=\"base\n{extent}"),
        format!("version=1\nCID=1\nparentCID=1\nparentFileNameHint=\"nbd:x\"\n{extent}"),
        format!("version=1\nCID=1\nparentCID=1\n{extent}\0RW 8 VMFS \"flat\"\n"),
        format!("version=1\nCID=1\nparentCID=1\n# createType=\"vmfsSparse\"\n{extent}"),
    ] {
        let path = images.write("a.vmdk", &text);
        let ours = our_info(&path, Some("vmdk"));
        assert!(ours.is_ok(), "{text}: {ours:?}");
        assert_same(&path, "vmdk");
    }
    for text in [
        extent.to_string(),
        format!("version=1\nCID=1\n{extent}"),
        format!("version=1\nCID=x\nparentCID=1\n{extent}"),
        format!("version=1\nCID = 6\nparentCID=7\n{extent}"),
        "version=1\nCID=1\nparentCID=1\nRW 8 VMFS \"flat\"\n".to_string(),
        "version=1\nCID=1\nparentCID=1\ncreateType=\"custom\"\nRW 8 VMFS \"flat\"\n".to_string(),
        "version=1\nCID=1\nparentCID=1\ncreateType=\"vmfs".to_string(),
        "version=1\nCID=1\nparentCID=1\ncreateType=\"vmfs\"\n".to_string(),
        // The content IDs lie too far behind.
        format!(
            "version=1\n{extent}#{}\nCID=1\nparentCID=1\n",
            " ".repeat(10240)
        ),
    ] {
        assert_both_refuse(&images.write("a.vmdk", &text), "vmdk");
    }
}

/// A sparse image of its own, with a descriptor's text where QEMU looks for it.
fn lone(images: &Images, mut bytes: Vec<u8>, text: &str) -> PathBuf {
    bytes[512..512 + text.len()].copy_from_slice(text.as_bytes());
    images.write("lone.vmdk", bytes)
}

const IDS: &str = "CID=1\nparentCID=2\n";

#[test]
fn lone_sparse_files() {
    let images = Images::new();
    assert_same(&lone(&images, hosted(20480), IDS), "vmdk");
    assert_same(&lone(&images, cowd(8192, 16), IDS), "vmdk");
    assert_same(&lone(&images, cowd(0, 0), IDS), "vmdk");
    assert_both_refuse(&lone(&images, hosted(20480), ""), "vmdk");
    let info = our_info(&lone(&images, cowd(8192, 16), IDS), Some("vmdk")).unwrap();
    assert_eq!(info["format-specific"]["data"]["create-type"], "");
}

#[test]
fn a_hosted_file_without_a_capacity_stands_for_its_descriptor() {
    let images = Images::new();
    images.write("flat", "");
    let text = descriptor("vmfs", "RW 8 VMFS \"flat\"\n");
    for sector in [1u64, 2, 40] {
        let mut bytes = hosted(0);
        bytes[28..36].copy_from_slice(&sector.to_le_bytes());
        let at = sector as usize * 512;
        bytes[at..at + text.len()].copy_from_slice(text.as_bytes());
        let path = lone(&images, bytes, &text);
        assert!(our_info(&path, Some("vmdk")).is_ok());
        assert_same(&path, "vmdk");
    }
    let mut bytes = hosted(0);
    bytes[28..36].copy_from_slice(&u64::MAX.to_le_bytes());
    assert_both_refuse(&lone(&images, bytes, &text), "vmdk");
    // No descriptor: an empty disk.
    assert_same(&lone(&images, hosted(0), IDS), "vmdk");
}

#[test]
fn a_stream_has_its_header_at_the_end() {
    let images = Images::new();
    let stream = |edit: &dyn Fn(&mut [u8])| {
        let header = hosted(20480)[..512].to_vec();
        let mut bytes = hosted(1);
        bytes[56..64].fill(0xff);
        bytes[77] = 1;
        let mut footer = vec![0; 1536];
        footer[12] = 3;
        footer[512..1024].copy_from_slice(&header);
        footer[512 + 77] = 1;
        edit(&mut footer);
        bytes.extend(footer);
        lone(&images, bytes, IDS)
    };
    let path = stream(&|_| {});
    assert_same(&path, "vmdk");
    let info = our_info(&path, Some("vmdk")).unwrap();
    assert_eq!(info["virtual-size"], 20480 * 512);
    for at in [8, 12, 512, 1024, 1032, 1036] {
        assert_both_refuse(&stream(&|footer| footer[at] ^= 4), "vmdk");
    }
    // The value of the first marker does not count.
    assert_same(&stream(&|footer| footer[0] = 1), "vmdk");
}

#[test]
fn extents_that_are_no_files_are_never_read() {
    let bench = Bench::new();
    let fifo = bench.images.path("fifo");
    let made = std::process::Command::new("mkfifo")
        .arg(&fifo)
        .status()
        .unwrap();
    assert!(made.success());
    for (kind, offset) in [
        ("FLAT", " 0"),
        ("SPARSE", ""),
        ("VMFS", ""),
        ("SESPARSE", ""),
    ] {
        let lines = format!("RW 8 {kind} \"fifo\"{offset}\n");
        bench.images.write("a.vmdk", descriptor("vmfs", &lines));
        assert!(our_info(&bench.path, Some("vmdk")).is_err());
    }
    let lines = "RW 8 VMFS \"/dev/zero\"\n";
    bench.images.write("a.vmdk", descriptor("vmfs", lines));
    assert!(our_info(&bench.path, Some("vmdk")).is_err());
    assert!(Path::new("/dev/zero").exists());
}
