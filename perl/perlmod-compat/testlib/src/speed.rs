//! Results for measurements.

/// A flat hash, a nested one as of `qemu-img info`, and bytes.
#[perlmod::package(name = "CompatTest::Speed", lib = "perlmod_compat_testlib")]
pub mod package {
    use serde::Serialize;

    /// 15 keys.
    #[derive(Serialize)]
    #[serde(rename_all = "kebab-case")]
    pub struct Flat {
        filename: &'static str,
        format: &'static str,
        virtual_size: u64,
        actual_size: u64,
        cluster_size: u64,
        dirty_flag: bool,
        encrypted: bool,
        backing_filename: &'static str,
        full_backing_filename: &'static str,
        backing_filename_format: &'static str,
        snapshots: u64,
        depth: u64,
        inode: u64,
        device: u64,
        parent: Option<u64>,
    }

    const FLAT: Flat = Flat {
        filename: "/var/lib/vz/images/100/vm-100-disk-0.qcow2",
        format: "qcow2",
        virtual_size: 34359738368,
        actual_size: 1234567168,
        cluster_size: 65536,
        dirty_flag: false,
        encrypted: false,
        backing_filename: "snap-one-vm-100-disk-0.qcow2",
        full_backing_filename: "/var/lib/vz/images/100/snap-one-vm-100-disk-0.qcow2",
        backing_filename_format: "qcow2",
        snapshots: 3,
        depth: 12,
        inode: 1234567,
        device: 64769,
        parent: None,
    };

    /// Three levels, 25 keys, a list.
    #[derive(Serialize)]
    #[serde(rename_all = "kebab-case")]
    pub struct Info {
        children: [Child; 1],
        virtual_size: u64,
        filename: &'static str,
        cluster_size: u64,
        format: &'static str,
        actual_size: u64,
        format_specific: Specific,
        backing_filename: &'static str,
        full_backing_filename: &'static str,
        backing_filename_format: &'static str,
        dirty_flag: bool,
    }

    #[derive(Serialize)]
    struct Child {
        name: &'static str,
        info: ChildInfo,
    }

    #[derive(Serialize)]
    #[serde(rename_all = "kebab-case")]
    struct ChildInfo {
        children: [u8; 0],
        virtual_size: u64,
        filename: &'static str,
        format: &'static str,
        actual_size: u64,
    }

    #[derive(Serialize)]
    struct Specific {
        r#type: &'static str,
        data: SpecificData,
    }

    #[derive(Serialize)]
    #[serde(rename_all = "kebab-case")]
    struct SpecificData {
        compat: &'static str,
        compression_type: &'static str,
        lazy_refcounts: bool,
        refcount_bits: u64,
        corrupt: bool,
        extended_l2: bool,
    }

    const INFO: Info = Info {
        children: [Child {
            name: "file",
            info: ChildInfo {
                children: [],
                virtual_size: 1245184,
                filename: FLAT.filename,
                format: "file",
                actual_size: 1234567168,
            },
        }],
        virtual_size: 34359738368,
        filename: FLAT.filename,
        cluster_size: 65536,
        format: "qcow2",
        actual_size: 1234567168,
        format_specific: Specific {
            r#type: "qcow2",
            data: SpecificData {
                compat: "1.1",
                compression_type: "zlib",
                lazy_refcounts: false,
                refcount_bits: 16,
                corrupt: false,
                extended_l2: false,
            },
        },
        backing_filename: FLAT.backing_filename,
        full_backing_filename: FLAT.full_backing_filename,
        backing_filename_format: "qcow2",
        dirty_flag: false,
    };

    #[export]
    pub fn flat() -> &'static Flat {
        &FLAT
    }

    #[export]
    pub fn info() -> &'static Info {
        &INFO
    }

    #[export]
    pub fn infos() -> Vec<&'static Info> {
        vec![&INFO; 64]
    }

    #[export]
    pub fn empty() {}

    #[export]
    pub fn five(path: &[u8]) -> (u64, &'static str, u64, Option<&'static str>, u64) {
        (path.len() as u64, "qcow2", 1234567168, None, 1700000000)
    }

    #[export]
    pub fn sum(list: Vec<u64>) -> u64 {
        list.iter().sum()
    }
}
