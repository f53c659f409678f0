//! Sizes of maps, of which multipathd does not speak: the kernel has them in sysfs.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::reply::Map;

/// Bytes of the unit that sysfs counts in, whatever the sectors of the device are.
const SECTOR: u64 = 512;
/// Digits of the largest number, with a newline.
const DIGITS: u64 = 21;

/// Bytes of the maps by their WWIDs, from `block/dm-N/size` in the folder where sysfs is mounted. Maps
/// whose size cannot be read are left out: they may be gone since multipathd spoke of them.
pub fn sizes(maps: &[Map], sysfs: &Path) -> BTreeMap<String, u64> {
    let sizes = maps
        .iter()
        .filter_map(|map| Some((map.uuid.clone(), size(&map.sysfs, sysfs)?)));
    sizes.collect()
}

fn size(device: &str, sysfs: &Path) -> Option<u64> {
    // The name comes from outside, and must not lead anywhere else.
    let number = device.strip_prefix("dm-")?;
    if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let file = File::open(sysfs.join("block").join(device).join("size")).ok()?;
    let mut text = String::new();
    file.take(DIGITS).read_to_string(&mut text).ok()?;
    text.trim_end().parse::<u64>().ok()?.checked_mul(SECTOR)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_size_is_where_the_map_says_and_nowhere_else() {
        let sysfs = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let folder = sysfs.path().join("block").join(name);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("size"), text).unwrap();
        };
        for (name, text) in [
            ("dm-0", "2048\n"),
            ("dm-1", "36028797018963967\n"),
            ("dm-2", "36028797018963968\n"),
            ("dm-3", "-1\n"),
            ("dm-4", ""),
            ("sda", "8\n"),
        ] {
            write(name, text);
        }
        let map = |sysfs: &str| Map {
            uuid: format!("of {sysfs}"),
            sysfs: sysfs.into(),
            ..Map::default()
        };
        let names = ["dm-0", "dm-1", "dm-2", "dm-3", "dm-4", "dm-5"];
        let others = ["sda", "undef", "", "dm-", "dm-0/../dm-1", "../block/dm-0"];
        let maps: Vec<Map> = names.into_iter().chain(others).map(map).collect();
        let found: Vec<_> = sizes(&maps, sysfs.path()).into_iter().collect();
        let (small, large) = ("of dm-0".to_string(), "of dm-1".to_string());
        assert_eq!(found, [(small, 1 << 20), (large, u64::MAX - 511)]);
    }
}
