//! The gate through which every file of an audited chain goes: a name is judged before it is
//! followed, what it leads to is judged before it is opened, and both are what is opened then.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};

use super::finding::{Finding, FindingCode};
use crate::chain::policy::{Policy, Symlinks};
use crate::chain::reference::{self, Reference};
use crate::chain::walk::Seen;
use crate::error::{Code, Error, Result};
use crate::io::{FileKind, Found, Links, Storage};
use crate::limits;
use crate::severity::Severity;
use crate::text::{is_printable, printable};

/// A folder in which files may lie.
struct Root {
    /// As the caller has it.
    named: Vec<u8>,
    /// Without links.
    real: Vec<u8>,
}

pub(super) struct Gate<'a> {
    pub storage: &'a Storage,
    pub policy: &'a Policy,
    roots: Vec<Root>,
    /// The file system of the top image.
    device: Cell<Option<u64>>,
    findings: RefCell<Vec<Finding>>,
}

/// Where a name stands.
#[derive(Clone, Copy)]
pub(super) struct Naming<'a> {
    /// The image that holds it.
    pub image: &'a [u8],
    /// What it names: "backing file", "data file", "extent".
    pub what: &'static str,
    /// Where in the image it stands.
    pub offset: Option<u64>,
}

impl Naming<'_> {
    fn finding(&self, code: FindingCode, message: String) -> Finding {
        let finding = Finding::error(code, self.image, message);
        match self.offset {
            Some(offset) => finding.at(offset),
            None => finding,
        }
    }
}

/// What a look at a file can end with, short of an error that ends the audit.
type Verdict<T> = std::result::Result<T, Refused>;

/// The file is not for us; the finding that says why is there.
pub(super) struct Refused(pub Error);

impl<'a> Gate<'a> {
    /// The gate for a chain whose top image is at `top`.
    pub fn new(storage: &'a Storage, policy: &'a Policy, top: &[u8]) -> Result<Self> {
        let own = [directory_of(top).to_vec()];
        let folders = if policy.roots.is_empty() {
            &own[..]
        } else {
            &policy.roots
        };
        let root = |named: &Vec<u8>| {
            let found = storage.find(named, Links::All)?;
            if found.meta().kind != FileKind::Directory {
                return Err(Error::argument("root is not a directory").in_file(named));
            }
            Ok(Root {
                named: named.clone(),
                real: found.real_path().to_vec(),
            })
        };
        Ok(Gate {
            storage,
            policy,
            roots: folders.iter().map(root).collect::<Result<_>>()?,
            device: Cell::new(None),
            findings: RefCell::new(Vec::new()),
        })
    }

    pub fn report(&self, finding: Finding) {
        self.findings.borrow_mut().push(finding);
    }

    /// How many findings there are that forbid the use of the image.
    pub fn errors(&self) -> usize {
        let findings = self.findings.borrow();
        let errors = findings.iter().filter(|f| f.severity == Severity::Error);
        errors.count()
    }

    pub fn into_findings(self) -> Vec<Finding> {
        self.findings.into_inner()
    }

    pub fn refuse(&self, naming: Naming<'_>, code: FindingCode, message: String) -> Refused {
        let finding = naming.finding(code, message);
        let error = finding.to_error();
        self.report(finding);
        Refused(error)
    }

    /// Judges a name; `stored` is what the image holds, `full` what QEMU makes of it. Gives the
    /// path, if the name is to be followed.
    pub fn judge_name(
        &self,
        naming: Naming<'_>,
        stored: &[u8],
        full: &[u8],
    ) -> Verdict<Option<Vec<u8>>> {
        let what = naming.what;
        let shown = shown(stored);
        if std::str::from_utf8(stored).is_err() {
            let message = format!("the name of the {what}, '{shown}', is not UTF-8");
            self.report(naming.finding(FindingCode::NameEncoding, message));
        } else if !is_printable(stored) {
            let message = format!("the name of the {what} has control characters: '{shown}'");
            self.report(naming.finding(FindingCode::NameControl, message));
        }
        if stored.starts_with(b"file:") {
            let message = format!(
                "the {what} '{shown}' is named with 'file:': QEMU looks for it in the working \
                 folder of whoever opens the image, others look beside the image"
            );
            self.report(naming.finding(FindingCode::FilePrefix, message));
        }
        match reference::parse(full) {
            Ok(Reference::File(path)) => Ok(Some(path.into_owned())),
            Ok(Reference::Json(_)) => {
                let message = format!(
                    "the {what} is given as a json: description, which can name any driver and \
                     any file"
                );
                Err(self.refuse(naming, FindingCode::JsonName, message))
            }
            Ok(Reference::Protocol(protocol)) => {
                let protocol_shown = self::shown(protocol);
                let message =
                    format!("the {what} '{shown}' is reached by the protocol '{protocol_shown}'");
                if self.policy.allows_protocol(protocol) {
                    let finding = naming.finding(FindingCode::Protocol, message);
                    self.report(finding.with_severity(Severity::Info));
                    return Ok(None);
                }
                Err(self.refuse(naming, FindingCode::Protocol, message))
            }
            Err(error) => Err(self.refuse(naming, FindingCode::Unreadable, error.to_string())),
        }
    }

    /// Finds the caller's own image. That it is not there is an error. QEMU takes no device behind
    /// the prefix `file:`, which `prefixed` says it had.
    pub fn find_top(&self, path: &[u8], prefixed: bool) -> Result<Verdict<Found>> {
        let naming = Naming {
            image: path,
            what: "image",
            offset: None,
        };
        let found = match self.find(path, Links::All) {
            Err(error) if self.is_link(&error) => {
                return Ok(Err(self.refuse_link(naming, path)));
            }
            found => found?,
        };
        self.device.set(device(&found));
        if prefixed && found.meta().kind == FileKind::Block {
            let message = format!(
                "the image '{}' is a block device, not a file",
                printable(path)
            );
            return Ok(Err(self.refuse(naming, FindingCode::NotAFile, message)));
        }
        if self.policy.roots.is_empty() {
            return Ok(self.judge_kind(naming, path, found));
        }
        self.judge(naming, path, found)
    }

    /// Finds a file that an image names.
    pub fn find_named(&self, naming: Naming<'_>, path: &[u8]) -> Result<Verdict<Found>> {
        match self.find(path, Links::Symbolic) {
            Ok(found) => self.judge(naming, path, found),
            Err(error) if ends_the_audit(&error) => Err(error),
            Err(error) if self.is_link(&error) => Ok(Err(self.refuse_link(naming, path))),
            Err(error) if error.errno() == libc::ELOOP => {
                let message = format!(
                    "the links on the way to the {} '{}' lead nowhere, or through a file that a \
                     process has open",
                    naming.what,
                    printable(path)
                );
                Ok(Err(self.refuse(naming, FindingCode::Symlink, message)))
            }
            Err(error) => {
                let message = format!("the {} cannot be used: {error}", naming.what);
                Ok(Err(self.refuse(naming, FindingCode::Unreadable, message)))
            }
        }
    }

    fn find(&self, path: &[u8], links: Links) -> Result<Found> {
        if self.policy.symlinks != Symlinks::None {
            return self.storage.find(path, links);
        }
        // The caller's own way to a root may have links in it.
        for root in &self.roots {
            if let Some(rest) = below(path, &root.named) {
                let path = [&root.real, rest].concat();
                return self.storage.find(&path, Links::None);
            }
        }
        self.storage.find(path, Links::None)
    }

    fn is_link(&self, error: &Error) -> bool {
        self.policy.symlinks == Symlinks::None && error.errno() == libc::ELOOP
    }

    fn refuse_link(&self, naming: Naming<'_>, path: &[u8]) -> Refused {
        let message = format!(
            "there is a symbolic link on the way to the {} '{}'",
            naming.what,
            printable(path)
        );
        self.refuse(naming, FindingCode::Symlink, message)
    }

    /// Judges where a file lies and what it is.
    fn judge(&self, naming: Naming<'_>, path: &[u8], found: Found) -> Result<Verdict<Found>> {
        let real = found.real_path();
        let what = naming.what;
        let device = found.meta().kind == FileKind::Block;
        let inside = match self.policy.symlinks {
            Symlinks::Any => self.folder_inside(path)?.is_some(),
            Symlinks::Inside if self.is_inside(real) => true,
            // udev's links: /dev/VG/LV leads to /dev/dm-N. Nobody else makes links there; a link
            // from any other folder to a device is a link that leaves the roots.
            Symlinks::Inside if device && in_dev(real) => {
                self.folder_inside(path)?.is_some_and(|f| in_dev(&f))
            }
            Symlinks::Inside => false,
            Symlinks::None => self.is_inside(real),
        };
        if !inside {
            let place = match printable(real) {
                real if real.as_bytes() == path => String::new(),
                real => format!(" (really '{real}')"),
            };
            let message = format!(
                "the {what} '{}'{place} lies outside of the allowed folders",
                printable(path)
            );
            return Ok(Err(self.refuse(naming, FindingCode::OutsideRoots, message)));
        }
        if device && !in_dev(real) {
            // An archive can hold device nodes, and whoever unpacks it as root makes them.
            let message = format!(
                "the {what} '{}' is a device node outside of /dev",
                printable(path)
            );
            return Ok(Err(self.refuse(naming, FindingCode::NotAFile, message)));
        }
        if self.policy.same_device && self::device(&found) != self.device.get() {
            let message = format!(
                "the {what} '{}' lies on another file system than the image at the top",
                printable(path)
            );
            return Ok(Err(self.refuse(naming, FindingCode::OtherDevice, message)));
        }
        Ok(self.judge_kind(naming, path, found))
    }

    fn judge_kind(&self, naming: Naming<'_>, path: &[u8], found: Found) -> Verdict<Found> {
        let is = match found.meta().kind {
            FileKind::Regular | FileKind::Block => return Ok(found),
            FileKind::Directory => "is a directory",
            FileKind::Other => "is neither a regular file nor a block device",
        };
        let message = format!("the {} '{}' {is}", naming.what, printable(path));
        Err(self.refuse(naming, FindingCode::NotAFile, message))
    }

    /// A file that a guest writes to must not be an image of the chain as well: the guest would
    /// write the header that names its files.
    pub fn not_an_image(&self, naming: Naming<'_>, found: Found, seen: &Seen) -> Verdict<Found> {
        match seen.position(found.meta().identity) {
            None => Ok(found),
            Some(position) => {
                let message = format!(
                    "the {} is image {position} of the chain itself: a guest could write its \
                     header",
                    naming.what
                );
                Err(self.refuse(naming, FindingCode::Cycle, message))
            }
        }
    }

    fn is_inside(&self, real: &[u8]) -> bool {
        self.roots
            .iter()
            .any(|root| below(real, &root.real).is_some())
    }

    /// The folder that the name itself stands in, links to it followed, if that is inside the
    /// roots. It ends with a slash.
    fn folder_inside(&self, path: &[u8]) -> Result<Option<Vec<u8>>> {
        match self.storage.find(directory_of(path), Links::Symbolic) {
            Ok(folder) => {
                let real = [folder.real_path(), b"/"].concat();
                Ok(Some(real).filter(|real| self.is_inside(real)))
            }
            Err(error) if ends_the_audit(&error) => Err(error),
            Err(_) => Ok(None),
        }
    }
}

/// Whether this is no verdict on an image, but the end of the call.
pub(super) fn ends_the_audit(error: &Error) -> bool {
    matches!(
        error.code(),
        Code::Timeout | Code::Busy | Code::Panic | Code::Poisoned | Code::Cancelled
    )
}

fn device(found: &Found) -> Option<u64> {
    let meta = found.meta();
    (meta.kind == FileKind::Regular).then_some(meta.identity.0)
}

fn in_dev(real: &[u8]) -> bool {
    real.starts_with(b"/dev/")
}

/// A name as a finding shows it: safe to print, and not too long.
pub(super) fn shown(name: &[u8]) -> Cow<'_, str> {
    let Some(start) = name.get(..limits::AUDIT_SHOWN) else {
        return printable(name);
    };
    let cut = std::str::from_utf8(start).map_or_else(
        |error| match error.error_len() {
            None => error.valid_up_to(),
            Some(_) => start.len(),
        },
        str::len,
    );
    Cow::Owned(format!("{}...", printable(&start[..cut])))
}

/// The folder that a path names a file in.
fn directory_of(path: &[u8]) -> &[u8] {
    match path.iter().rposition(|&b| b == b'/') {
        Some(0) => b"/",
        Some(slash) => &path[..slash],
        None => b".",
    }
}

/// What is left of `path` below `folder`: empty for the folder itself, else with a slash in front.
fn below<'a>(path: &'a [u8], folder: &[u8]) -> Option<&'a [u8]> {
    let folder = folder.strip_suffix(b"/").unwrap_or(folder);
    let rest = path.strip_prefix(folder)?;
    (rest.is_empty() || rest[0] == b'/').then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_compared_by_their_parts() {
        assert_eq!(below(b"/srv/a/b", b"/srv/a"), Some(&b"/b"[..]));
        assert_eq!(below(b"/srv/a/b", b"/srv/a/"), Some(&b"/b"[..]));
        assert_eq!(below(b"/srv/ab", b"/srv/a"), None);
        assert_eq!(below(b"/srv", b"/"), Some(&b"/srv"[..]));
        assert_eq!(below(b"/srv", b"/srv"), Some(&b""[..]));
    }

    #[test]
    fn a_name_without_a_folder_lies_here() {
        assert_eq!(directory_of(b"a"), b".");
        assert_eq!(directory_of(b"/a"), b"/");
        assert_eq!(directory_of(b"/d/e/a"), b"/d/e");
    }
}
