//! Files for the calls: a chain, an image with everything in it, one of the fuzzer's own, and
//! things that are no image.

use std::cell::OnceCell;
use std::ffi::{CString, c_char};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use crate::input::Input;
use crate::seeds::rich_qcow2;
use crate::writer;

/// The directory and the paths of what is in it.
pub struct Files {
    directory: tempfile::TempDir,
    paths: Vec<CString>,
}

/// The file that inputs write.
const OWN: &str = "own";

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
        ];
        let full = inside
            .iter()
            .map(|name| at(name).as_os_str().as_bytes().to_vec());
        let odd: [&[u8]; 4] = [b"", b"nbd:host", b"json:{}", &[b'x'; 5000]];
        let paths = full.chain(odd.map(<[u8]>::to_vec));
        Ok(Files {
            paths: paths.filter_map(|path| CString::new(path).ok()).collect(),
            directory,
        })
    }

    /// One of the paths, or NULL.
    pub fn path(&self, input: &mut Input<'_>) -> *const c_char {
        let paths = &self.paths;
        let chosen = paths.get(input.below(paths.len() + 1));
        chosen.map_or(ptr::null(), |path| path.as_ptr())
    }

    /// Fills the fuzzer's own file.
    pub fn write(&self, input: &mut Input<'_>) {
        let path: &Path = &self.directory.path().join(OWN);
        let mut bytes = input.counted(255).to_vec();
        bytes.resize(4096, 0);
        // Without it the file is as it was.
        let _ = fs::write(path, bytes);
    }
}
