//! Files for the calls: a chain, an image with everything in it, one of the fuzzer's own, and
//! things that are no image.

use std::cell::{Cell, OnceCell};
use std::ffi::{CStr, CString, c_char};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::ptr;

use crate::disk::{Disk, Ground};
use crate::input::Input;
use crate::seeds::rich_qcow2;
use crate::writer;

/// The directory and the paths of what is in it.
pub struct Files {
    directory: tempfile::TempDir,
    paths: Vec<CString>,
    /// Whether an input has filled its own file.
    written: Cell<bool>,
}

/// The file that inputs write.
const OWN: &str = "own";
/// Where in the list of paths that of a raw disk stands, and that of the directory of all files.
const FLAT: usize = 6;
const DIRECTORY: usize = 12;

thread_local! {
    static FILES: OnceCell<Files> = const { OnceCell::new() };
}

/// Gives `body` the files of this thread.
pub fn with(body: impl FnOnce(&Files)) {
    FILES.with(|files| body(files.get_or_init(Files::new)));
}

impl Files {
    fn new() -> Self {
        match Self::create() {
            Ok(files) => files,
            Err(error) => panic!("files for the C ABI: {error}"),
        }
    }

    fn create() -> std::io::Result<Self> {
        let directory = tempfile::tempdir()?;
        let at = |name: &str| directory.path().join(name);
        fs::write(at("rich.qcow2"), rich_qcow2())?;
        fs::write(at("top.qcow2"), writer::standing_on(b"mid", Some("qcow2")))?;
        fs::write(at("mid"), writer::standing_on(b"rich.qcow2", Some("qcow2")))?;
        fs::write(
            at("broken.qcow2"),
            writer::standing_on(b"absent", Some("raw")),
        )?;
        fs::write(
            at("loop.qcow2"),
            writer::standing_on(b"loop.qcow2", Some("qcow2")),
        )?;
        fs::write(at("unnamed.qcow2"), writer::standing_on(b"mid", None))?;
        fs::write(at("flat"), [0; 1024])?;
        // Two images with something in them, of what a fuzzer would have to find out.
        let filled: Vec<u8> = (0..=255).collect();
        let backing = Some((&b"below.qcow2"[..], "qcow2"));
        let above = Ground {
            backing,
            ..Ground::default()
        };
        Disk::new(&mut Input::new(&filled), &above).write(&at("above.qcow2"))?;
        Disk::new(&mut Input::new(&filled[7..]), &Ground::default()).write(&at("below.qcow2"))?;
        let line = "RW 1 FLAT \"flat\" 0\n";
        let descriptor =
            "version=1\nCID=1\nparentCID=ffffffff\ncreateType=\"twoGbMaxExtentFlat\"\n";
        fs::write(at("a.vmdk"), format!("{descriptor}{line}{line}"))?;
        fs::create_dir(at("directory"))?;
        let inside = [
            "rich.qcow2",
            "top.qcow2",
            "broken.qcow2",
            "loop.qcow2",
            "unnamed.qcow2",
            "a.vmdk",
            "flat",
            "directory",
            "absent",
            OWN,
            "above.qcow2",
            "below.qcow2",
        ];
        let all = directory.path().as_os_str().as_bytes();
        let full = inside
            .iter()
            .map(|name| at(name).as_os_str().as_bytes().to_vec());
        let odd: [&[u8]; 5] = [all, b"", b"nbd:host", b"json:{}", &[b'x'; 5000]];
        let paths = full.chain(odd.map(<[u8]>::to_vec));
        Ok(Files {
            paths: paths.filter_map(|path| CString::new(path).ok()).collect(),
            directory,
            written: Cell::new(false),
        })
    }

    /// One of the paths, or NULL.
    pub fn path(&self, input: &mut Input<'_>) -> *const c_char {
        let paths = &self.paths;
        let chosen = paths.get(input.below(paths.len() + 1));
        chosen.map_or(ptr::null(), |path| path.as_ptr())
    }

    /// The directory with all of them.
    pub fn directory(&self) -> &CStr {
        &self.paths[DIRECTORY]
    }

    /// Fills the fuzzer's own file: with its bytes, or with an image with something in it.
    pub fn write(&self, input: &mut Input<'_>) {
        let path = self.own();
        self.written.set(true);
        // Without it the file is as it was.
        let _ = if input.flag() {
            let backing = input.flag().then_some((&b"below.qcow2"[..], "qcow2"));
            let data_file = (input.below(4) == 0).then(|| self.paths[FLAT].as_bytes());
            Disk::new(input, &Ground { backing, data_file }).write(&path)
        } else {
            let mut bytes = input.counted(255).to_vec();
            bytes.resize(4096, 0);
            fs::write(&path, bytes)
        };
    }

    /// Takes away what an earlier input has written: each must do the same whenever it runs.
    pub fn restore(&self) {
        if self.written.replace(false) {
            let _ = fs::remove_file(self.own());
        }
    }

    fn own(&self) -> PathBuf {
        self.directory.path().join(OWN)
    }
}
