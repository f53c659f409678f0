//! Audits and pins, under policies of all kinds.

use std::ffi::{CStr, c_char, c_int};
use std::mem::{offset_of, size_of};
use std::ptr;

use pve_native::audit::{
    Audit, FindingC, PVEN_SEVERITY_ERROR, pven_audit_chain, pven_audit_check, pven_audit_finding,
    pven_audit_free, pven_audit_json, pven_audit_len, pven_audit_open, pven_audit_safe,
};
use pve_native::chain::pven_chain_len;
use pve_native::error::PVEN_OK;
use pve_native::pin::{
    PVEN_NO_SETS, pven_pin_add_fd_arg, pven_pin_audit, pven_pin_blockdev_json, pven_pin_fds,
    pven_pin_free, pven_pin_open, pven_pin_qemu_img_arg,
};
use pve_native::policy::{PVEN_POLICY_LIST_MAX, PolicyC};

use super::arguments::{Buffer, FORMATS, Layout, Options};
use super::files::Files;
use super::images::entries;
use super::{Err, HELD, Held, shown};
use crate::check;
use crate::input::Input;

const POLICY: Layout = Layout {
    size: size_of::<PolicyC>(),
    format: Some(offset_of!(PolicyC, format)),
    timeout: Some(offset_of!(PolicyC, timeout)),
    limits: Some(offset_of!(PolicyC, limits)),
    pairs: &[
        offset_of!(PolicyC, roots),
        offset_of!(PolicyC, formats),
        offset_of!(PolicyC, protocols),
    ],
};

/// Protocols as callers name them.
const PROTOCOLS: [&CStr; 5] = [c"nbd", c"", c"rbd", c"file", c"a:b/c"];
/// How the names of nodes may begin, or may not.
const PREFIXES: [&CStr; 6] = [c"pin", c"", c"x-1.y_z", c"9", c"seventeen-letters", c"\xff"];

/// A policy, and what it points to.
struct Policy {
    options: Options,
    /// Roots, formats, protocols.
    lists: [Vec<*const c_char>; 3],
}

impl Policy {
    fn new(input: &mut Input<'_>, files: &Files) -> Self {
        let mut policy = Policy {
            options: Options::new(input, &POLICY),
            lists: Default::default(),
        };
        for (kind, list) in policy.lists.iter_mut().enumerate() {
            if input.flag() {
                continue;
            }
            let item = |input: &mut Input<'_>| match (kind, input.below(16)) {
                (_, 0) => ptr::null(),
                (0, 1..12) => files.directory().as_ptr(),
                (0, _) => files.path(input),
                (1, _) => input.pick(&FORMATS).as_ptr(),
                (_, _) => input.pick(&PROTOCOLS).as_ptr(),
            };
            *list = (0..input.below(4)).map(|_| item(input)).collect();
            let both = match input.below(16) {
                0 => [0, list.len()],
                1 => [list.as_ptr() as usize, 0],
                // Too many are refused before they are looked at.
                2 => [list.as_ptr() as usize, PVEN_POLICY_LIST_MAX + 1],
                _ => [list.as_ptr() as usize, list.len()],
            };
            policy.options.set_pair(POLICY.pairs[kind], both);
        }
        policy
    }

    fn pointer(&self) -> *const PolicyC {
        self.options.pointer()
    }

    fn size(&self) -> usize {
        self.options.size()
    }
}

impl Held {
    pub(super) fn safety(&mut self, input: &mut Input<'_>, files: &Files) {
        match input.below(16) {
            0 | 1 => self.audit_open(input, files),
            2 => self.finding(input),
            3 => audit(self.audits[input.below(HELD)].as_deref()),
            4 => pven_audit_free(self.audits[input.below(HELD)].take()),
            5 => self.json(input, |_, input, json, len, err| {
                let path = files.path(input);
                let policy = Policy::new(input, files);
                let (opts, size) = (policy.pointer(), policy.size());
                // SAFETY: as the module above says.
                unsafe { pven_audit_json(path, opts, size, json, len, err) }
            }),
            6 => {
                self.call(input, |_, input, err| {
                    let path = files.path(input);
                    let policy = Policy::new(input, files);
                    // SAFETY: as the module above says.
                    unsafe { pven_audit_check(path, policy.pointer(), policy.size(), err) }
                });
            }
            7..=9 => self.pin_open(input, files),
            10 => self.pin_fds(input),
            11 => self.argument(input, |held, input, out, err| {
                let pin = held.pins[input.below(HELD)].as_deref();
                // SAFETY: as the module above says.
                unsafe { pven_pin_qemu_img_arg(pin, out, err) }
            }),
            12 => self.argument(input, |held, input, out, err| {
                let pin = held.pins[input.below(HELD)].as_deref();
                let (index, first) = (input.below(8), set(input));
                // SAFETY: as the module above says.
                unsafe { pven_pin_add_fd_arg(pin, index, first, out, err) }
            }),
            13 => self.json(input, |held, input, json, len, err| {
                let pin = held.pins[input.below(HELD)].as_deref();
                let prefix = PREFIXES.get(input.below(PREFIXES.len() + 1));
                let prefix = prefix.map_or(ptr::null(), |prefix| prefix.as_ptr());
                let first = set(input);
                // SAFETY: as the module above says.
                unsafe { pven_pin_blockdev_json(pin, prefix, first, json, len, err) }
            }),
            14 => {
                let pin = self.pins[input.below(HELD)].as_deref();
                let audited = pven_pin_audit(pin);
                assert_eq!(audited.is_some(), pin.is_some());
                assert!(pin.is_none() || pven_audit_safe(audited) == 1);
                audit(audited);
            }
            _ => pven_pin_free(self.pins[input.below(HELD)].take()),
        }
    }

    fn audit_open(&mut self, input: &mut Input<'_>, files: &Files) {
        let place = input.below(HELD);
        let audit = self.handle(input, |_, input, out, err| {
            let path = files.path(input);
            let policy = Policy::new(input, files);
            // SAFETY: as the module above says.
            unsafe { pven_audit_open(path, policy.pointer(), policy.size(), out, err) }
        });
        if audit.is_some() {
            pven_audit_free(std::mem::replace(&mut self.audits[place], audit));
        }
    }

    fn finding(&mut self, input: &mut Input<'_>) {
        let mut buffer = Buffer::odd(input, size_of::<FindingC>());
        let code = self.call(input, |held, input, err| {
            let audit = held.audits[input.below(HELD)].as_deref();
            let index = input.below(6);
            // SAFETY: as the module above says.
            unsafe { pven_audit_finding(audit, index, buffer.place(), buffer.size(), err) }
        });
        if code != PVEN_OK {
            buffer.assert_cleared();
        }
    }

    fn pin_open(&mut self, input: &mut Input<'_>, files: &Files) {
        let place = input.below(HELD);
        let pin = self.handle(input, |_, input, out, err| {
            let path = files.path(input);
            let policy = Policy::new(input, files);
            // SAFETY: as the module above says.
            unsafe { pven_pin_open(path, policy.pointer(), policy.size(), out, err) }
        });
        if pin.is_some() {
            pven_pin_free(std::mem::replace(&mut self.pins[place], pin));
        }
    }

    fn pin_fds(&mut self, input: &mut Input<'_>) {
        const JUNK: c_int = -77;
        let mut array = vec![JUNK; input.pick(&[0, 1, 2, 4, 8])];
        let (wanted, mut count) = (input.below(8), usize::MAX);
        let code = self.call(input, |held, input, err| {
            let pin = held.pins[input.below(HELD)].as_deref();
            let (out, capacity) = match wanted {
                0 => (ptr::null_mut(), 0),
                1 => (ptr::null_mut(), array.len()),
                _ => (array.as_mut_ptr(), array.len()),
            };
            let count = match wanted {
                2 => ptr::null_mut(),
                _ => &raw mut count,
            };
            // SAFETY: as the module above says.
            unsafe { pven_pin_fds(pin, out, capacity, count, err) }
        });
        let filled = match (code, wanted) {
            (PVEN_OK, 0 | 1) => 0,
            (PVEN_OK, _) => count,
            _ => {
                assert!(count == 0 || wanted == 2);
                0
            }
        };
        let (fds, rest) = array.split_at(filled);
        assert!(fds.iter().all(|&fd| fd > 2) && rest.iter().all(|&fd| fd == JUNK));
    }

    /// Makes a call that gives an argument for a command line.
    fn argument(
        &mut self,
        input: &mut Input<'_>,
        call: impl FnOnce(&mut Self, &mut Input<'_>, *mut *mut c_char, Err) -> i32,
    ) {
        let mut text = c"junk".as_ptr().cast_mut();
        let wanted = input.below(8) != 0;
        let code = self.call(input, |held, input, err| {
            let out = match wanted {
                true => &raw mut text,
                false => ptr::null_mut(),
            };
            call(held, input, out, err)
        });
        if code == PVEN_OK {
            let shown = shown(text);
            assert!(!shown.is_empty());
            if let Some(json) = shown.strip_prefix(b"json:") {
                check::parsed(&String::from_utf8_lossy(json));
            }
            self.strings.push(text);
        } else {
            assert!(text.is_null() || !wanted);
        }
    }
}

/// All that an audit says.
fn audit(audit: Option<&Audit>) {
    let chain = pven_audit_chain(audit);
    assert_eq!(chain.is_some(), audit.is_some());
    entries(chain);
    let mut errors = 0;
    for index in 0..pven_audit_len(audit) {
        let mut buffer = Buffer::new(size_of::<FindingC>());
        let (place, size) = (buffer.place(), buffer.size());
        // SAFETY: as the module above says.
        let code = unsafe { pven_audit_finding(audit, index, place, size, ptr::null_mut()) };
        assert_eq!(code, PVEN_OK);
        // SAFETY: the struct was filled.
        let finding: FindingC = unsafe { buffer.read() };
        assert!(!shown(finding.code).is_empty() && !shown(finding.image).is_empty());
        let message = shown(finding.message);
        assert!(!message.is_empty() && !message.iter().any(u8::is_ascii_control));
        assert!(finding.severity <= PVEN_SEVERITY_ERROR && finding.reserved == 0);
        errors += u32::from(finding.severity == PVEN_SEVERITY_ERROR);
    }
    assert_eq!(pven_audit_safe(audit) == 1, audit.is_some() && errors == 0);
    assert!(errors > 0 || audit.is_none() || pven_chain_len(chain) > 0);
}

/// A number of a descriptor set, none, or one that there cannot be.
fn set(input: &mut Input<'_>) -> i64 {
    input.pick(&[
        0,
        1,
        7,
        PVEN_NO_SETS,
        -2,
        i64::MIN,
        u32::MAX.into(),
        1 << 40,
    ])
}
