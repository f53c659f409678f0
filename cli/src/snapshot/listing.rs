//! What lies beside an image: the files of its folder, or the logical volumes of its group with how
//! much room the group has. The core asks for listings, as it runs no programs.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use pve_native_core::snapshot::graph::Listed;
use pve_native_core::text::{folder, printable};
use pve_native_core::{Error, Result};
use serde_json::Value;

pub use super::process::Deadline;
use super::process::answer;

/// Entries of a listing at the most.
const ENTRIES: usize = 1 << 20;
/// The folder of devices.
const DEVICES: &[u8] = b"/dev/";
/// What the room and the volumes of a group are asked of.
const LVS: &str = "/sbin/lvs";
/// What reads a folder that may hang.
const FIND: &str = "/usr/bin/find";

/// A volume group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Bytes of an extent: what each volume's size is a multiple of.
    pub extent_size: u64,
    /// Bytes that no volume has.
    pub free: u64,
}

/// What lies beside an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// All of it, the image too if it is there, in the order of the names.
    pub volumes: Vec<Listed>,
    /// The group that it lies in, if it is a logical volume and the group has any.
    pub group: Option<Group>,
}

/// Where an image lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// In this folder, with the slash at its end; the empty one is the current.
    Folder(&'a [u8]),
    /// In this volume group, under this name.
    Group(Cow<'a, str>, Cow<'a, str>),
    /// On a device that says nothing of others.
    Alone,
}

impl<'a> Place<'a> {
    /// The place of the image at `path`; asks the system only about what lies in /dev.
    pub fn of(path: &'a [u8]) -> Self {
        let Some(device) = path.strip_prefix(DEVICES) else {
            return Place::Folder(folder(path));
        };
        // Such as /dev/shm.
        let meta = fs::metadata(OsStr::from_bytes(path));
        if meta.is_ok_and(|meta| meta.is_file()) {
            return Place::Folder(folder(path));
        }
        Self::of_device(device).unwrap_or(Place::Alone)
    }

    /// `GROUP/NAME`, or `mapper/` and the name that device-mapper has for it.
    fn of_device(device: &'a [u8]) -> Option<Self> {
        let (group, name) = std::str::from_utf8(device).ok()?.split_once('/')?;
        let (group, name) = match group {
            "mapper" => {
                let (group, name) = unmapped(name)?;
                (Cow::Owned(group), Cow::Owned(name))
            }
            _ => (Cow::Borrowed(group), Cow::Borrowed(name)),
        };
        (is_name(&group) && is_name(&name)).then_some(Place::Group(group, name))
    }

    /// The path of the image as a listing has it.
    pub fn path<'b>(&'b self, given: &'b [u8]) -> Cow<'b, [u8]> {
        match self {
            Place::Group(group, name) => Cow::Owned(format!("/dev/{group}/{name}").into_bytes()),
            Place::Folder(_) | Place::Alone => Cow::Borrowed(given),
        }
    }

    /// Reads what lies there; nothing of an image that is alone.
    pub fn list(&self, deadline: Deadline) -> Result<Listing> {
        match self {
            Place::Folder(folder) => Ok(Listing {
                volumes: files(folder, deadline)?,
                group: None,
            }),
            Place::Group(group, _) => volumes(group, deadline),
            Place::Alone => Ok(Listing::default()),
        }
    }
}

/// What LVM takes for a name.
fn is_name(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"+_.-".contains(&b);
    !name.is_empty() && !name.starts_with('-') && name.bytes().all(allowed)
}

/// Group and name of a logical volume by its name in device-mapper, which joins them with a hyphen and
/// doubles all others.
fn unmapped(name: &str) -> Option<(String, String)> {
    let bytes = name.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match (bytes[at], bytes.get(at + 1)) {
            (b'-', Some(b'-')) => at += 2,
            (b'-', _) => {
                let (group, name) = (&name[..at], &name[at + 1..]);
                return Some((group.replace("--", "-"), name.replace("--", "-")));
            }
            _ => at += 1,
        }
    }
    None
}

/// The files of a folder. Where there is a deadline another process reads it: one that hangs in the
/// kernel would keep this one from ending.
fn files(folder: &[u8], deadline: Deadline) -> Result<Vec<Listed>> {
    let shown = if folder.is_empty() { b"." } else { folder };
    let mut names = match deadline.left()? {
        None => names_in(shown),
        Some(_) => found_names(shown, deadline),
    }
    .map_err(|e| e.in_file(shown))?;
    names.sort();
    let listed = |name: Vec<u8>| Listed {
        path: [folder, &name].concat(),
        name,
        ..Listed::default()
    };
    Ok(names.into_iter().map(listed).collect())
}

fn names_in(folder: &[u8]) -> Result<Vec<Vec<u8>>> {
    let failed = |e: std::io::Error| Error::io("read", e.raw_os_error().unwrap_or_default());
    let mut names = Vec::new();
    for entry in fs::read_dir(Path::new(OsStr::from_bytes(folder))).map_err(failed)? {
        check_count(names.len())?;
        names.push(entry.map_err(failed)?.file_name().as_bytes().to_vec());
    }
    Ok(names)
}

fn found_names(folder: &[u8], deadline: Deadline) -> Result<Vec<Vec<u8>>> {
    // No name of a folder is an option.
    let start: Cow<[u8]> = match folder.starts_with(b"/") {
        true => Cow::Borrowed(folder),
        false => Cow::Owned([b"./", folder].concat()),
    };
    let start = OsStr::from_bytes(&start);
    let rest = ["-mindepth", "1", "-maxdepth", "1", "-printf", "%f\\0"];
    let args: Vec<&OsStr> = [OsStr::new("-H"), start]
        .into_iter()
        .chain(rest.map(OsStr::new))
        .collect();
    let answer = answer(FIND, &args, deadline)?;
    let mut names = Vec::new();
    for name in answer.split(|&b| b == 0).filter(|name| !name.is_empty()) {
        check_count(names.len())?;
        names.push(name.to_vec());
    }
    Ok(names)
}

fn check_count(count: usize) -> Result<()> {
    match count < ENTRIES {
        true => Ok(()),
        false => Err(Error::limit(format!("more than {ENTRIES} entries"))),
    }
}

/// The logical volumes of a group, and its room, in one call.
fn volumes(group: &str, deadline: Deadline) -> Result<Listing> {
    let args = [
        "--reportformat",
        "json",
        "--units",
        "b",
        "--nosuffix",
        "--options",
        "lv_name,lv_size,lv_tags,lv_suspended,vg_extent_size,vg_free",
        group,
    ];
    let answer = answer(LVS, &args.map(OsStr::new), deadline)?;
    parse(group, &answer).map_err(|what| {
        let answer = printable(&answer[..answer.len().min(100)]).into_owned();
        Error::unsupported(format!(
            "{LVS} says what is not understood ({what}): {answer}"
        ))
    })
}

/// Understands the report; else what is wrong with it.
fn parse(group: &str, report: &[u8]) -> std::result::Result<Listing, &'static str> {
    let report: Value = serde_json::from_slice(report).map_err(|_| "no JSON")?;
    let rows = report["report"][0]["lv"].as_array().ok_or("no list")?;
    let mut listing = Listing::default();
    for row in rows {
        check_count(listing.volumes.len()).map_err(|_| "too many volumes")?;
        let name = row["lv_name"].as_str().ok_or("a volume without a name")?;
        let tags = row["lv_tags"].as_str().unwrap_or_default();
        let tags = tags.split(',').filter(|tag| !tag.is_empty());
        listing.volumes.push(Listed {
            name: name.into(),
            path: format!("/dev/{group}/{name}").into_bytes(),
            size: Some(number(&row["lv_size"]).ok_or("a volume without a size")?),
            tags: tags.map(|tag| tag.as_bytes().to_vec()).collect(),
            suspended: row["lv_suspended"] == "suspended",
        });
        // The same in every row.
        listing.group = Some(Group {
            name: group.into(),
            extent_size: number(&row["vg_extent_size"]).ok_or("no size of an extent")?,
            free: number(&row["vg_free"]).ok_or("no free bytes")?,
        });
    }
    listing.volumes.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(listing)
}

/// Numbers are text, but for later versions of lvm.
fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn group(group: &str, name: &str) -> Place<'static> {
        Place::Group(Cow::Owned(group.into()), Cow::Owned(name.into()))
    }

    #[test]
    fn a_path_says_where_an_image_lies() {
        let place = |path: &'static str| Place::of(path.as_bytes());
        assert_eq!(
            place("/srv/images/100/x"),
            Place::Folder(b"/srv/images/100/")
        );
        assert_eq!(place("x.qcow2"), Place::Folder(b""));
        assert_eq!(place("/dev/no-vg/vm-1-x"), group("no-vg", "vm-1-x"));
        let mapped = place("/dev/mapper/no--vg-vm--1--x.qcow2");
        assert_eq!(mapped, group("no-vg", "vm-1-x.qcow2"));
        assert_eq!(&*mapped.path(b""), b"/dev/no-vg/vm-1-x.qcow2");
        for alone in [
            "/dev/no-such-device",
            "/dev/mapper/control",
            "/dev/disk/by-id/no-such",
            "/dev/-a/b",
            "/dev/a/-b",
            "/dev/a b/c",
        ] {
            assert_eq!(place(alone), Place::Alone, "{alone}");
        }
    }

    #[test]
    fn a_folder_is_read_with_a_deadline_and_without() {
        let directory = tempfile::tempdir().unwrap();
        let path = [directory.path().as_os_str().as_bytes(), b"/"].concat();
        let odd = OsStr::from_bytes(b"\xff\n -x");
        for name in [OsStr::new("b.qcow2"), OsStr::new("a"), odd] {
            fs::write(directory.path().join(name), b"").unwrap();
        }
        fs::create_dir(directory.path().join("folder")).unwrap();
        fs::write(directory.path().join("folder/c"), b"").unwrap();
        let place = Place::Folder(&path);
        let listing = place.list(Deadline::after(None)).unwrap();
        let names: Vec<&[u8]> = listing.volumes.iter().map(|v| &v.name[..]).collect();
        assert_eq!(names, [&b"a"[..], b"b.qcow2", b"folder", b"\xff\n -x"]);
        assert_eq!(listing.volumes[1].path, [&path[..], b"b.qcow2"].concat());
        let timed = place.list(Deadline::after(Some(Duration::from_secs(30))));
        assert_eq!(timed.unwrap(), listing);
        let gone = [&path[..], b"gone/"].concat();
        for timeout in [None, Some(Duration::from_secs(30))] {
            let error = Place::Folder(&gone).list(Deadline::after(timeout));
            let error = error.unwrap_err().to_string();
            assert!(error.contains("No such file or directory"), "{error}");
        }
    }

    /// As lvm2 2.03.31 writes it.
    const REPORT: &str = r#"  {
      "report": [
          {
              "lv": [
                  {"lv_name":"vm-100-disk-0.qcow2", "lv_size":"4299161600", "lv_tags":"", "lv_suspended":"", "vg_extent_size":"4194304", "vg_free":"1069547520"},
                  {"lv_name":"base", "lv_size":"4194304", "lv_tags":"pve-vm-100,two", "lv_suspended":"suspended", "vg_extent_size":"4194304", "vg_free":"1069547520"}
              ]
          }
      ]
      ,
      "log": [
      ]
  }"#;

    #[test]
    fn a_report_of_lvs_is_a_listing() {
        let listing = parse("san", REPORT.as_bytes()).unwrap();
        let free = 1_069_547_520;
        let extent_size = 4 << 20;
        let name = String::from("san");
        let group = Group {
            name,
            extent_size,
            free,
        };
        assert_eq!(listing.group, Some(group));
        let [base, volume] = &listing.volumes[..] else {
            panic!("{listing:?}");
        };
        assert_eq!(base.tags, [&b"pve-vm-100"[..], b"two"]);
        assert_eq!(volume.path, b"/dev/san/vm-100-disk-0.qcow2");
        assert_eq!(volume.size, Some(4_299_161_600));
        assert!(volume.tags.is_empty());
        assert!(base.suspended && !volume.suspended);
        // json_std has numbers.
        let numbers = REPORT.replace("\"4194304\"", "4194304");
        assert_eq!(parse("san", numbers.as_bytes()).unwrap(), listing);
        let empty = parse("san", br#"{"report": [{"lv": []}]}"#).unwrap();
        assert_eq!(empty, Listing::default());
    }

    #[test]
    fn other_reports_are_refused() {
        for report in [
            "",
            "{}",
            r#"{"report": []}"#,
            r#"{"report": [{"lv": [{}]}]}"#,
            &REPORT.replace("4299161600", "4.00g"),
            &REPORT.replace("vg_free", "vg_size"),
        ] {
            assert!(parse("san", report.as_bytes()).is_err(), "{report}");
        }
    }
}
