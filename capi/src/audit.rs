//! `pven_audit`: whether an image, and every file that it names, may be used.

use std::ffi::{CString, c_char};

use pve_native_core as core;
use pve_native_core::chain::{self, Finding, Severity};
use pve_native_core::image::json::{Names, View};
use pve_native_core::json as json_text;

use crate::chain::Chain;
use crate::error::{Error, PVEN_NO_OFFSET};
use crate::ffi::{self, Handle, JsonOut, Out, Plain, Poison};
use crate::policy::{self, PolicyC};
use crate::string;

/// Worth knowing; harmless.
pub const PVEN_SEVERITY_INFO: u32 = 0;
/// Unusual; harmless under this policy.
pub const PVEN_SEVERITY_WARNING: u32 = 1;
/// Against the policy, or not to be read safely: the image must not be used.
pub const PVEN_SEVERITY_ERROR: u32 = 2;

/// What was found in a chain when it was audited: no file stays open. Made by pven_audit_open(),
/// freed by pven_audit_free().
#[derive(Debug)]
pub struct Audit {
    poison: Poison,
    safe: bool,
    chain: Chain,
    findings: Vec<Held>,
}

/// A finding with its strings.
#[derive(Debug)]
pub(crate) struct Held {
    code: CString,
    image: CString,
    message: CString,
    offset: u64,
    severity: Severity,
}

/// One thing that was found. Strings live as long as the audit or graph.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct FindingC {
    /// What: a stable word such as "backing-file". docs/audit.md lists those of audits,
    /// docs/snapshots.md those of graphs.
    pub code: *const c_char,
    /// The image that it was found in, as bytes: its path; in a graph its name.
    pub image: *const c_char,
    /// A sentence for people, UTF-8, without control characters. Its wording is not part of the ABI.
    pub message: *const c_char,
    /// Where in that file, bytes from its start; PVEN_NO_OFFSET if no one place is to blame.
    pub offset: u64,
    /// PVEN_SEVERITY_*.
    pub severity: u32,
    /// Zero.
    pub reserved: u32,
}

// SAFETY: repr(C), without padding, all fields plain.
unsafe impl Plain for FindingC {}

impl Handle for Audit {
    const NAME: &'static str = "audit";

    fn poison(&self) -> &Poison {
        &self.poison
    }
}

impl Audit {
    /// The same for C.
    pub fn new(audit: chain::Audit) -> Self {
        Audit {
            poison: Poison::default(),
            safe: audit.is_safe(),
            findings: audit.findings.iter().map(Held::new).collect(),
            chain: Chain::new(audit.chain),
        }
    }

    fn finding(&self, index: usize) -> core::Result<FindingC> {
        let finding = ffi::at(&self.findings, index, "findings of the audit")?;
        Ok(finding.lent())
    }
}

impl Held {
    fn new(finding: &Finding) -> Self {
        let (code, severity) = (finding.code.name(), finding.severity);
        Held {
            offset: finding.offset.unwrap_or(PVEN_NO_OFFSET),
            ..Held::of(code, &finding.image, &finding.message, severity)
        }
    }

    /// One that no single place is to blame for.
    pub(crate) fn of(code: &str, image: &[u8], message: &str, severity: Severity) -> Self {
        Held {
            code: string::held_text(code),
            image: string::held(image),
            message: string::held_text(message),
            offset: PVEN_NO_OFFSET,
            severity,
        }
    }

    /// For C, which may use it as long as this lives.
    pub(crate) fn lent(&self) -> FindingC {
        FindingC {
            code: self.code.as_ptr(),
            image: self.image.as_ptr(),
            message: self.message.as_ptr(),
            offset: self.offset,
            severity: self.severity as u32,
            reserved: 0,
        }
    }
}

/// Audits the chain under the image at path.
///
/// That an image is hostile, damaged or forbidden is what an audit finds, and no error. It is an
/// error that the image at path itself is not there, that the policy contradicts itself, or that
/// storage does not answer in time.
///
/// path: as for pven_chain_open().
/// policy, policy_size: a pven_policy and its size; NULL means all defaults.
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_audit_open(
    path: *const c_char,
    policy: *const PolicyC,
    policy_size: usize,
    out: *mut Option<Box<Audit>>,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::call(err, || {
            let out = Out::cleared(out, None).required("out")?;
            let audit = audit(path, policy, policy_size)?;
            out.put_if_wanted(|| Some(Box::new(Audit::new(audit))));
            Ok(())
        })
    }
}

/// Frees an audit, its chain, and all strings that they lent. NULL is allowed.
///
/// One thread, when no other uses the audit any more.
#[unsafe(no_mangle)]
pub extern "C" fn pven_audit_free(a: Option<Box<Audit>>) {
    ffi::value((), || drop(a));
}

/// 1 if the chain may be used under the policy: nothing was found that is an error. Else 0, and for
/// NULL.
///
/// Many threads may use one audit.
#[unsafe(no_mangle)]
pub extern "C" fn pven_audit_safe(a: Option<&Audit>) -> i32 {
    ffi::value_of(a, 0, |audit| audit.safe.into())
}

/// Number of findings. 0 for NULL.
///
/// Many threads may use one audit.
#[unsafe(no_mangle)]
pub extern "C" fn pven_audit_len(a: Option<&Audit>) -> usize {
    ffi::value_of(a, 0, |audit| audit.findings.len())
}

/// One finding, in the order of the chain.
///
/// index: below pven_audit_len(). out, out_size: a pven_finding and its size. As much of it as both
/// sides know is filled, the rest is zero.
/// Many threads may use one audit.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_audit_finding(
    a: Option<&Audit>,
    index: usize,
    out: *mut FindingC,
    out_size: usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe { ffi::fill(a, out, out_size, err, |a| a.finding(index)) }
}

/// The images that were read, and where that ended if it ended early. It belongs to the audit: it
/// lives as long, and is not freed by itself. NULL for NULL.
///
/// Many threads may use one audit.
#[unsafe(no_mangle)]
pub extern "C" fn pven_audit_chain(a: Option<&Audit>) -> Option<&Chain> {
    ffi::lent(a, |audit| &audit.chain)
}

/// The same in one call, as JSON: { "safe", "chain", "findings" }, the chain as from
/// pven_chain_json(), each finding { "code", "severity", "image", "offset", "message" }, without
/// offset if no one place is to blame. PVEN_OK also if the chain is not safe.
///
/// path, policy, policy_size: as for pven_audit_open().
/// json, len: the text, NUL-terminated, and its length without the NUL; free it with
/// pven_string_free().
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_audit_json(
    path: *const c_char,
    policy: *const PolicyC,
    policy_size: usize,
    json: *mut *mut c_char,
    len: *mut usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::call(err, || {
            let json = JsonOut::cleared(json, len).required()?;
            let audit = audit(path, policy, policy_size)?;
            json.put(&json_text::to_text(&View::new(&audit, Names::Text)))
        })
    }
}

/// PVEN_OK if the chain under the image at path may be used. If not, the first finding that forbids
/// it is the error, with the code PVEN_ERR_DENIED.
///
/// path, policy, policy_size: as for pven_audit_open().
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_audit_check(
    path: *const c_char,
    policy: *const PolicyC,
    policy_size: usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::call(err, || {
            audit(path, policy, policy_size)?.or_error().map(drop)
        })
    }
}

/// # Safety
/// NULL or what the types say.
unsafe fn audit(
    path: *const c_char,
    policy: *const PolicyC,
    policy_size: usize,
) -> core::Result<chain::Audit> {
    // SAFETY: as this function demands.
    let (path, (policy, bounds)) =
        unsafe { (ffi::path(path)?, policy::read(policy, policy_size)?) };
    chain::audit(path, &policy, bounds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_cores() {
        assert_eq!(PVEN_SEVERITY_INFO, Severity::Info as u32);
        assert_eq!(PVEN_SEVERITY_WARNING, Severity::Warning as u32);
        assert_eq!(PVEN_SEVERITY_ERROR, Severity::Error as u32);
    }

    #[test]
    fn many_threads_may_use_one_audit() {
        fn shared<T: Send + Sync>() {}
        shared::<Audit>();
    }
}
