//! Where a case's files lie, and how they are made.
//!
//! Each case has a folder of its own: `images` is where a customer's files are, `outside` is what
//! they must never lead to.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::writer::{BACKING_FORMAT, DATA_FILE, Image};

/// One case's folder.
pub struct Bench {
    dir: PathBuf,
}

impl Bench {
    pub fn new(dir: PathBuf) -> Self {
        for folder in ["images", "outside"] {
            std::fs::create_dir_all(dir.join(folder)).expect("a folder can be made");
        }
        let bench = Bench { dir };
        std::fs::write(bench.outside("secret.raw"), b"root:*:0:0\n").expect("a file can be made");
        bench
    }

    /// A path among the images.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.dir.join("images").join(name)
    }

    /// A path outside of the allowed folder.
    pub fn outside(&self, name: &str) -> PathBuf {
        self.dir.join("outside").join(name)
    }

    /// Writes a file among the images.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).expect("a folder can be made");
        }
        std::fs::write(&path, bytes).expect("a file can be written");
        path
    }

    /// Writes a qcow2 image.
    pub fn image(&self, name: &str, image: &Image) -> PathBuf {
        self.write(name, image.build().bytes)
    }

    /// A raw file of 1 MiB that images can stand on.
    pub fn raw(&self, name: &str) -> PathBuf {
        self.write(name, vec![7; 1 << 20])
    }

    /// A qcow2 image that stands on nothing.
    pub fn plain(&self, name: &str) -> PathBuf {
        self.image(name, &Image::default())
    }

    /// `top.qcow2` on this backing file.
    pub fn on(&self, backing: impl AsRef<OsStr>, format: Option<&str>) -> PathBuf {
        self.named_on("top.qcow2", backing, format)
    }

    /// The same under another name.
    pub fn named_on(
        &self,
        name: &str,
        backing: impl AsRef<OsStr>,
        format: Option<&str>,
    ) -> PathBuf {
        let bytes = crate::writer::standing_on(backing.as_ref().as_bytes(), format);
        self.write(name, bytes)
    }

    /// `top.qcow2` whose data lies in this file.
    pub fn with_data_file(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.image(
            "top.qcow2",
            &Image {
                incompatible: 4,
                extensions: vec![(DATA_FILE, name.as_ref().as_bytes().to_vec())],
                ..Image::default()
            },
        )
    }

    /// A VMDK descriptor of this type with these lines.
    pub fn vmdk(&self, create_type: &str, lines: &str) -> PathBuf {
        let text = format!(
            "# Disk DescriptorFile\nversion=1\nCID=1234abcd\nparentCID=ffffffff\n\
             createType=\"{create_type}\"\n# Extent description\n{lines}"
        );
        self.write("top.vmdk", text)
    }

    /// A symbolic link among the images.
    pub fn link(&self, name: &str, target: impl AsRef<Path>) -> PathBuf {
        let path = self.path(name);
        symlink(target, &path).expect("a link can be made");
        path
    }

    /// Something that is no file: `mkfifo NAME`, `mknod NAME c 1 5`.
    pub fn special(&self, name: &str, command: &[&str]) -> PathBuf {
        let path = self.path(name);
        tool(command[0], [path.as_os_str()], &command[1..]);
        path
    }

    /// A listening socket.
    pub fn socket(&self, name: &str) -> PathBuf {
        // Its whole path has to be short: it is made under a short one and moved.
        let folder = tempfile::tempdir().expect("a folder can be made");
        let short = folder.path().join("s");
        std::os::unix::net::UnixListener::bind(&short).expect("a socket can be made");
        let path = self.path(name);
        tool("mv", [short.as_os_str(), path.as_os_str()], &[]);
        path
    }

    /// What `qemu-img create` makes: format, options, size.
    pub fn create(&self, name: &str, format: &str, options: &str, size: &str) -> PathBuf {
        let path = self.path(name);
        let mut args = vec!["create", "-q", "-u", "-f", format];
        if options.contains("key-secret") {
            args.extend(["--object", "secret,id=s,data=abc"]);
        }
        if !options.is_empty() {
            args.extend(["-o", options]);
        }
        let args: Vec<&OsStr> = args.into_iter().map(OsStr::new).collect();
        tool(
            "qemu-img",
            args.into_iter().chain([path.as_os_str()]),
            &[size],
        );
        path
    }

    /// Runs `qemu-img` with these arguments in the folder of the images.
    pub fn img<const N: usize>(&self, args: [&str; N]) {
        let output = Command::new("qemu-img")
            .args(args)
            .current_dir(self.path(""))
            .output()
            .expect("qemu-img is installed");
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "qemu-img {args:?}: {message}");
    }
}

/// Runs a program that must succeed.
pub fn tool<'a>(program: &str, first: impl IntoIterator<Item = &'a OsStr>, last: &[&str]) {
    let mut command = Command::new(program);
    command.args(first).args(last);
    let output = command.output().expect("the program is installed");
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {message}");
}

/// The extension that records a backing format.
pub fn recorded(format: &str) -> (u32, Vec<u8>) {
    (BACKING_FORMAT, format.as_bytes().to_vec())
}
