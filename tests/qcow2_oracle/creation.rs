//! The product of creation options.

use super::support::bench::Case;

const VERSIONS: [&str; 2] = ["0.10", "1.1"];
const CLUSTER_SIZES: [u32; 13] = [
    512,
    1 << 10,
    2 << 10,
    4 << 10,
    8 << 10,
    16 << 10,
    32 << 10,
    64 << 10,
    128 << 10,
    256 << 10,
    512 << 10,
    1 << 20,
    2 << 20,
];

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    clusters(&mut cases);
    refcounts(&mut cases);
    subclusters(&mut cases);
    sizes(&mut cases);
    data_files(&mut cases);
    compressed(&mut cases);
    cases
}

/// An image with these options, read as qcow2 and as raw.
fn created(cases: &mut Vec<Case>, family: &'static str, options: String, size: &'static str) {
    let name = format!("{options} {size}");
    cases.push(Case::new(family, name, move |bench| {
        bench.qcow2("a.qcow2", &options, size);
        bench.same_info("a.qcow2", "qcow2");
    }));
}

fn clusters(cases: &mut Vec<Case>) {
    for version in VERSIONS {
        for cluster in CLUSTER_SIZES {
            for preallocation in ["off", "metadata"] {
                let options = format!(
                    "compat={version},cluster_size={cluster},preallocation={preallocation}"
                );
                created(cases, "cluster size", options, "1M");
            }
        }
        for cluster in [512, 4096, 65536, 2 << 20] {
            for preallocation in ["falloc", "full"] {
                let options = format!(
                    "compat={version},cluster_size={cluster},preallocation={preallocation}"
                );
                created(cases, "preallocation", options, "256K");
            }
        }
    }
}

fn refcounts(cases: &mut Vec<Case>) {
    for bits in [1, 2, 4, 8, 16, 32, 64] {
        for cluster in [512, 65536, 2 << 20] {
            for lazy in ["on", "off"] {
                let options =
                    format!("refcount_bits={bits},cluster_size={cluster},lazy_refcounts={lazy}");
                created(cases, "refcounts", options, "3M");
            }
        }
    }
}

fn subclusters(cases: &mut Vec<Case>) {
    for cluster in CLUSTER_SIZES.into_iter().filter(|&size| size >= 16 << 10) {
        for preallocation in ["off", "metadata"] {
            for bits in [1, 64] {
                let options = format!(
                    "extended_l2=on,cluster_size={cluster},preallocation={preallocation},\
                     refcount_bits={bits}"
                );
                created(cases, "extended L2", options, "2M");
            }
        }
    }
}

fn sizes(cases: &mut Vec<Case>) {
    for version in VERSIONS {
        for size in ["0", "1", "512", "513", "1000", "65537", "1G", "2T", "60T"] {
            created(cases, "size", format!("compat={version}"), size);
        }
    }
    created(cases, "size", "cluster_size=2M".into(), "1E");
    for length in [0, 1, 511, 512, 513, 1000, 4095, 4096, 65537, 1 << 40] {
        cases.push(Case::new("raw", format!("{length} bytes"), move |bench| {
            bench.sparse("a.raw", length);
            bench.same_info("a.raw", "raw");
            bench.same_chain("a.raw", "raw");
        }));
    }
    for preallocation in ["off", "falloc", "full"] {
        let name = format!("preallocation={preallocation}");
        cases.push(Case::new("raw", name.clone(), move |bench| {
            bench.img(["create", "-q", "-f", "raw", "-o", &name, "a", "333000"]);
            bench.same_info("a", "raw");
        }));
    }
    cases.push(Case::new("raw", "a qcow2 image read as raw", |bench| {
        bench.qcow2("a.qcow2", "", "1M");
        bench.same_info("a.qcow2", "raw");
    }));
    cases.push(Case::new("raw", "a raw image read as qcow2", |bench| {
        bench.sparse("a.raw", 65536);
        bench.same_info("a.raw", "qcow2");
        bench.sparse("empty.raw", 0);
        bench.same_info("empty.raw", "qcow2");
        bench.same_info("missing", "qcow2");
        bench.same_info(".", "raw");
    }));
}

fn data_files(cases: &mut Vec<Case>) {
    for raw in ["on", "off"] {
        for cluster in [512, 4096, 65536, 2 << 20] {
            for preallocation in ["off", "metadata", "full"] {
                let options = format!(
                    "data_file=a.data,data_file_raw={raw},cluster_size={cluster},\
                     preallocation={preallocation}"
                );
                created(cases, "data file", options, "300K");
            }
        }
        for name in ["./b.data", "0", "x y.data", "./a:b", "dæta"] {
            let options = format!("data_file={name},data_file_raw={raw}");
            created(cases, "data file", options, "1M");
        }
        cases.push(Case::new(
            "data file",
            format!("gone, raw={raw}"),
            move |bench| {
                bench.qcow2(
                    "a.qcow2",
                    &format!("data_file=a.data,data_file_raw={raw}"),
                    "1M",
                );
                std::fs::remove_file(bench.path("a.data")).unwrap();
                bench.same_info("a.qcow2", "qcow2");
            },
        ));
    }
}

fn compressed(cases: &mut Vec<Case>) {
    for kind in ["zlib", "zstd"] {
        for cluster in [512, 4096, 65536, 2 << 20] {
            for subclusters in ["off", "on"] {
                if subclusters == "on" && cluster < 16 << 10 {
                    continue;
                }
                let options = format!(
                    "compression_type={kind},cluster_size={cluster},extended_l2={subclusters}"
                );
                cases.push(Case::new("compression", options.clone(), move |bench| {
                    let pattern: Vec<u8> = (0..700_000u32).map(|i| (i / 997) as u8).collect();
                    bench.write("a.raw", &pattern);
                    let from = ["convert", "-c", "-f", "raw", "-O", "qcow2", "-o"];
                    bench.img(from.into_iter().chain([&*options, "a.raw", "a.qcow2"]));
                    bench.same_info("a.qcow2", "qcow2");
                }));
            }
        }
    }
    cases.push(Case::new("compression", "compat=0.10", |bench| {
        bench.write("a.raw", &[7; 100_000]);
        let words = "convert -c -f raw -O qcow2 -o compat=0.10 a.raw a.qcow2";
        bench.img(words.split(' '));
        bench.same_info("a.qcow2", "qcow2");
    }));
}
