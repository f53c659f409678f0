//! Declarations of the C half (`src/c`). Unless said otherwise these run no Perl code and never
//! die; `Interpreter` is that of the current thread, and SV pointers are valid and not freed.

use std::ffi::{c_char, c_int, c_void};

use crate::interpreter::Interpreter;

/// A Perl value of any type. Arrays and hashes are passed as this, too.
#[repr(C)]
pub struct Sv {
    _opaque: [u8; 0],
}

/// Results that travel without an intermediate array; as in `glue.h`.
pub(crate) const INLINE_RESULTS: usize = 8;

/// One call from Perl; as in `glue.h`.
#[repr(C)]
pub struct Call {
    pub(crate) interpreter: Interpreter,
    pub(crate) args: *mut *mut Sv,
    pub(crate) results: [*mut Sv; INLINE_RESULTS],
    pub(crate) result_count: usize,
    pub(crate) result_list: *mut Sv,
    pub(crate) error: *mut Sv,
    pub(crate) set_errno: c_int,
    pub(crate) errno_value: c_int,
}

/// What a value is; as in `view.c`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u32)]
#[allow(dead_code)] // C makes them
pub(crate) enum Kind {
    Scalar,
    Reference,
    Array,
    Hash,
    Code,
    Other,
    Magical,
}

/// What can be read from a value without running Perl code; as in `view.c`.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct View {
    pub kind: Kind,
    pub flags: u32,
    pub integer: i64,
    pub number: f64,
    pub text: *const c_char,
    pub length: usize,
    pub target: *mut Sv,
}

impl View {
    pub(crate) const EMPTY: Self = Self {
        kind: Kind::Scalar,
        flags: 0,
        integer: 0,
        number: 0.0,
        text: std::ptr::null(),
        length: 0,
        target: std::ptr::null_mut(),
    };
}

pub(crate) const HAS_TEXT: u32 = 1;
pub(crate) const HAS_INTEGER: u32 = 2;
pub(crate) const IS_UNSIGNED: u32 = 4;
pub(crate) const HAS_FLOAT: u32 = 8;
pub(crate) const IS_UTF8: u32 = 16;
pub(crate) const IS_BOOL: u32 = 32;

/// A place in a hash; as in `view.c`.
#[repr(C)]
pub(crate) struct Cursor {
    pub bucket: usize,
    pub entry: *mut c_void,
}

/// Perl's own table of magic functions (`mg.h`), of which two are used.
#[repr(C)]
pub(crate) struct MagicTable {
    pub get: *const c_void,
    pub set: *const c_void,
    pub len: *const c_void,
    pub clear: *const c_void,
    pub free: Option<unsafe extern "C" fn()>,
    pub copy: *const c_void,
    pub dup: Option<unsafe extern "C" fn()>,
    pub local: *const c_void,
}

/// A magic table with the destructor of the object behind it; as in `glue.h`.
#[repr(C)]
pub struct RawTag {
    pub(crate) table: MagicTable,
    pub(crate) drop: Option<unsafe extern "C" fn(*mut c_void) -> *mut Sv>,
}

unsafe extern "C" {
    // entry.c
    pub(crate) fn pvm_interpreter() -> *mut c_void;
    pub(crate) fn pvm_gimme(thx: Interpreter) -> c_int;
    /// May die; only for a frame that owns nothing.
    pub(crate) fn pvm_boot(package: *const c_void);

    // plain.c
    pub(crate) fn pvm_is_plain(thx: Interpreter, sv: *mut Sv) -> c_int;
    /// Runs Perl code, inside an eval.
    pub(crate) fn pvm_plain_owned(thx: Interpreter, sv: *mut Sv, error: *mut *mut Sv) -> *mut Sv;

    // magic.c; the first two are known to Perl only, under types that Rust need not know
    pub(crate) fn pvm_magic_free();
    pub(crate) fn pvm_magic_dup();
    pub(crate) fn pvm_magic_attach(
        thx: Interpreter,
        sv: *mut Sv,
        tag: *const RawTag,
        object: *mut c_void,
    );
    pub(crate) fn pvm_magic_find(sv: *mut Sv, tag: *const RawTag, found: *mut c_int)
    -> *mut c_void;
    pub(crate) fn pvm_magic_take(
        thx: Interpreter,
        sv: *mut Sv,
        tag: *const RawTag,
        found: *mut c_int,
    ) -> *mut c_void;
    pub(crate) fn pvm_bless(
        thx: Interpreter,
        reference: *mut Sv,
        package: *const c_char,
        length: usize,
        utf8: c_int,
    ) -> c_int;

    // view.c
    pub(crate) fn pvm_look(thx: Interpreter, sv: *mut Sv, view: *mut View);
    pub(crate) fn pvm_runs_code(sv: *const Sv) -> c_int;
    pub(crate) fn pvm_class(sv: *const Sv) -> c_int;
    pub(crate) fn pvm_target(sv: *const Sv) -> *mut Sv;
    pub(crate) fn pvm_type_number(sv: *const Sv) -> u32;
    pub(crate) fn pvm_type_name(thx: Interpreter, sv: *mut Sv, blessed: c_int) -> *const c_char;
    pub(crate) fn pvm_array_length(array: *mut Sv) -> isize;
    pub(crate) fn pvm_array_at(array: *mut Sv, index: isize) -> *mut Sv;
    pub(crate) fn pvm_hash_length(thx: Interpreter, hash: *mut Sv) -> usize;
    pub(crate) fn pvm_hash_next(
        thx: Interpreter,
        hash: *mut Sv,
        at: *mut Cursor,
        key: *mut *const c_char,
        length: *mut usize,
        utf8: *mut c_int,
    ) -> *mut Sv;
    pub(crate) fn pvm_hash_get(
        thx: Interpreter,
        hash: *mut Sv,
        key: *const c_char,
        length: usize,
        utf8: c_int,
    ) -> *mut Sv;
    pub(crate) fn pvm_number_text(
        thx: Interpreter,
        integer: i64,
        number: f64,
        is_float: c_int,
        is_unsigned: c_int,
    ) -> *mut Sv;

    // build.c
    pub(crate) fn pvm_new_undef(thx: Interpreter) -> *mut Sv;
    pub(crate) fn pvm_new_iv(thx: Interpreter, value: i64) -> *mut Sv;
    pub(crate) fn pvm_new_uv(thx: Interpreter, value: u64) -> *mut Sv;
    pub(crate) fn pvm_new_nv(thx: Interpreter, value: f64) -> *mut Sv;
    pub(crate) fn pvm_new_text(
        thx: Interpreter,
        text: *const c_char,
        length: usize,
        utf8: c_int,
    ) -> *mut Sv;
    pub(crate) fn pvm_new_rv(thx: Interpreter, target: *mut Sv) -> *mut Sv;
    pub(crate) fn pvm_new_rv_owning(thx: Interpreter, target: *mut Sv) -> *mut Sv;
    pub(crate) fn pvm_new_array(thx: Interpreter, expected: usize) -> *mut Sv;
    pub(crate) fn pvm_new_hash(thx: Interpreter, expected: usize) -> *mut Sv;
    pub(crate) fn pvm_array_push(thx: Interpreter, array: *mut Sv, value: *mut Sv);
    pub(crate) fn pvm_hash_put(
        thx: Interpreter,
        hash: *mut Sv,
        key: *const c_char,
        length: usize,
        utf8: c_int,
        value: *mut Sv,
    ) -> c_int;
    pub(crate) fn pvm_array_append(thx: Interpreter, array: *mut Sv, value: *mut Sv) -> c_int;
    pub(crate) fn pvm_hash_set(
        thx: Interpreter,
        hash: *mut Sv,
        key: *const c_char,
        length: usize,
        utf8: c_int,
        value: *mut Sv,
    ) -> c_int;
    pub(crate) fn pvm_array_take_last(thx: Interpreter, array: *mut Sv) -> *mut Sv;
    pub(crate) fn pvm_array_reserve(thx: Interpreter, array: *mut Sv, more: usize);
    pub(crate) fn pvm_hold(sv: *mut Sv);
    pub(crate) fn pvm_release(thx: Interpreter, sv: *mut Sv);
    pub(crate) fn pvm_mortal(thx: Interpreter, sv: *mut Sv);
}
