//! A directory of files that the input describes: images of several formats that name each other,
//! links, cycles, FIFOs, directories and nothing at all. Beside it lies a file that no image in it
//! should lead to.

use std::cell::OnceCell;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::input::Input;
use crate::writer;

/// Files of the directory: `a`, `b`, ….
pub const FILES: usize = 8;

/// Formats as an image records them, some of which are none.
const FORMATS: [&str; 8] = ["", "qcow2", "raw", "vmdk", "qed", "qcow", "QCOW2", "file"];

/// The name of the file beside the directory, seen from inside.
const OUTSIDE: &str = "../outside";

thread_local! {
    static PLACE: OnceCell<Place> = const { OnceCell::new() };
}

/// The directory, and what lies beside it.
pub struct Place {
    root: tempfile::TempDir,
}

/// Gives `body` the directory of this thread.
pub fn with(body: impl FnOnce(&Place)) {
    PLACE.with(|place| body(place.get_or_init(Place::new)));
}

impl Place {
    fn new() -> Self {
        let create = || {
            let root = tempfile::tempdir()?;
            fs::create_dir(root.path().join("in"))?;
            fs::write(
                root.path().join("outside"),
                writer::standing_on(b"in/a", Some("qcow2")),
            )?;
            Ok::<_, std::io::Error>(Place { root })
        };
        match create() {
            Ok(place) => place,
            Err(error) => panic!("a directory for images: {error}"),
        }
    }

    /// The directory itself.
    pub fn inside(&self) -> PathBuf {
        self.root.path().join("in")
    }

    /// The file beside it.
    pub fn outside(&self) -> PathBuf {
        self.root.path().join("outside")
    }

    /// Its first file, which need not be there.
    pub fn top(&self) -> PathBuf {
        self.file(0)
    }

    /// One of its [`FILES`] files, which need not be there.
    pub fn file(&self, index: usize) -> PathBuf {
        path(&self.inside(), index)
    }

    /// Lays it out as the rest of the input says.
    pub fn lay_out(&self, input: &mut Input<'_>) {
        lay_out(&self.inside(), input);
    }
}

fn path(directory: &Path, file: usize) -> PathBuf {
    directory.join(letter(file).to_string())
}

fn letter(file: usize) -> char {
    char::from(b'a' + file as u8)
}

fn lay_out(directory: &Path, input: &mut Input<'_>) {
    for file in 0..FILES {
        remove(&path(directory, file));
    }
    for file in 0..FILES {
        if input.is_empty() {
            break;
        }
        let path = path(directory, file);
        // What cannot be made is not there, which is a case as well.
        let _ = match input.below(16) {
            0..=5 => fs::write(&path, qcow2(directory, input)),
            6 => fs::write(&path, qed(directory, input)),
            7 => fs::write(&path, qcow(directory, input)),
            8 | 9 => fs::write(&path, vmdk(directory, input)),
            10 => fs::write(&path, input.counted(255)),
            11 => std::os::unix::fs::symlink(link(directory, input), &path),
            12 => fs::hard_link(self::path(directory, input.below(FILES)), &path),
            13 => fs::create_dir(&path),
            14 => fifo(&path),
            _ => Ok(()),
        };
    }
}

/// Files are the usual case; what is no file says so.
fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        if error.kind() != std::io::ErrorKind::NotFound {
            let _ = fs::remove_dir(path);
        }
    }
}

fn fifo(path: &Path) -> std::io::Result<()> {
    let path = std::ffi::CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: a string that ends with a NUL.
    match unsafe { libc::mkfifo(path.as_ptr(), 0o600) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

fn link(directory: &Path, input: &mut Input<'_>) -> PathBuf {
    match input.below(8) {
        0 => PathBuf::from("."),
        2 => PathBuf::from(OUTSIDE),
        1 => path(directory, input.below(FILES)),
        _ => PathBuf::from(letter(input.below(FILES)).to_string()),
    }
}

/// A name that an image holds. None of them leads further than the file outside.
fn name(directory: &Path, input: &mut Input<'_>) -> Vec<u8> {
    let directory = directory.as_os_str().as_bytes();
    let file = letter(input.below(FILES)).to_string().into_bytes();
    match input.below(15) {
        0..=3 => file,
        4 => [b"./", &file[..]].concat(),
        5 => [directory, b"/", &file].concat(),
        6 => [b"file:", &file[..]].concat(),
        7 => [b"file:", directory, b"/", &file].concat(),
        8 => [b"./d/../", &file[..]].concat(),
        9 => [b"nbd:", &file[..]].concat(),
        10 => [br#"json:{"driver":"file","filename":""#, &file[..], b"\"}"].concat(),
        11 => vec![b'x'; 600 + 4 * usize::from(input.u8())],
        12 => b"0".to_vec(),
        13 => OUTSIDE.into(),
        _ => {
            let bytes = input.counted(40).iter();
            bytes.map(|&b| if b == b'/' { b'_' } else { b }).collect()
        }
    }
}

/// An image of one cluster: header, recorded format, name.
fn qcow2(directory: &Path, input: &mut Input<'_>) -> Vec<u8> {
    let name = name(directory, input);
    let format = input.pick(&FORMATS).as_bytes();
    let mut bytes = vec![0; 4096];
    let mut put = |at: usize, value: &[u8]| {
        let room = bytes.len() - at;
        let value = &value[..value.len().min(room)];
        bytes[at..at + value.len()].copy_from_slice(value);
    };
    put(0, b"QFI\xfb\0\0\0\x03");
    put(8, &256u64.to_be_bytes());
    put(16, &(name.len() as u32).to_be_bytes());
    put(20, &12u32.to_be_bytes());
    put(48, &4096u64.to_be_bytes());
    put(56, &1u32.to_be_bytes());
    put(96, &4u32.to_be_bytes());
    put(100, &104u32.to_be_bytes());
    if !format.is_empty() {
        put(104, &0xe279_2acau32.to_be_bytes());
        put(108, &(format.len() as u32).to_be_bytes());
        put(112, format);
    }
    put(256, &name);
    bytes
}

fn qed(directory: &Path, input: &mut Input<'_>) -> Vec<u8> {
    let name = name(directory, input);
    let mut bytes = Vec::with_capacity(4 << 12);
    bytes.extend(b"QED\0");
    for word in [4096u32, 2, 1] {
        bytes.extend(word.to_le_bytes());
    }
    let features = 1 | u64::from(input.u8() & 4);
    for word in [features, 0, 0, 4096, 1 << 20] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend(64u32.to_le_bytes());
    bytes.extend((name.len() as u32).to_le_bytes());
    bytes.extend(name);
    bytes.resize(4 << 12, 0);
    bytes
}

fn qcow(directory: &Path, input: &mut Input<'_>) -> Vec<u8> {
    let name = name(directory, input);
    let mut bytes = b"QFI\xfb\0\0\0\x01".to_vec();
    bytes.extend(48u64.to_be_bytes());
    bytes.extend((name.len() as u32).to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend((1u64 << 20).to_be_bytes());
    bytes.extend([12, 9, 0, 0, 0, 0, 0, 0]);
    bytes.extend(4096u64.to_be_bytes());
    bytes.extend(name);
    bytes
}

/// A descriptor with some extents, and perhaps a parent.
fn vmdk(directory: &Path, input: &mut Input<'_>) -> Vec<u8> {
    let mut text = b"# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\n".to_vec();
    text.extend(b"createType=\"");
    text.extend(
        input
            .pick(&["twoGbMaxExtentSparse", "monolithicFlat", "vmfs"])
            .bytes(),
    );
    text.extend(b"\"\n");
    for _ in 0..input.below(4) {
        let kind = input.pick(&["FLAT", "SPARSE", "VMFS", "VMFSSPARSE", "SESPARSE", "ZERO"]);
        text.extend(format!("RW {} {kind} \"", 1u64 << (input.below(64))).bytes());
        text.extend(name(directory, input));
        text.extend(if kind == "FLAT" {
            &b"\" 0\n"[..]
        } else {
            b"\"\n"
        });
    }
    if input.flag() {
        text.extend(b"parentFileNameHint=\"");
        text.extend(name(directory, input));
        text.extend(b"\"\n");
    }
    // The answers are looked for in the first sectors, and nowhere near the end of them.
    text.resize(text.len().next_multiple_of(512), 0);
    text
}
