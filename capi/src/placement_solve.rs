//! Problems of placement: the document in, the answer out.

use std::ffi::c_char;
use std::time::Instant;

use pve_native_core::limits;
use pve_native_core::placement::solve::{self, Explained};

use crate::error::Error;
use crate::ffi::{self, JsonOut};

/// Where each guest should run: the answer to a problem of placement, both as docs/placement.md has them.
///
/// problem, problem_len: a JSON object, UTF-8.
/// answer, answer_len: as for pven_storage_capabilities_json(). That nothing fits is an answer and no error.
/// PVEN_ERR_ARGUMENT: it is no such document. PVEN_ERR_LIMIT: there is too much of anything in it.
/// It takes as long as the policy's work and time limits allow. Thread-safe. Touches no storage.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_placement_solve_json(
    problem: *const c_char,
    problem_len: usize,
    answer: *mut *mut c_char,
    answer_len: *mut usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        answered(
            problem,
            problem_len,
            Explained::Some,
            answer,
            answer_len,
            err,
        )
    }
}

/// The same, with the reasons of all guests for all nodes, as long as these are at most a million
/// pairs.
///
/// problem, problem_len, answer, answer_len, errors: as for pven_placement_solve_json().
/// Thread-safe. Touches no storage.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_placement_explain_json(
    problem: *const c_char,
    problem_len: usize,
    answer: *mut *mut c_char,
    answer_len: *mut usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        answered(
            problem,
            problem_len,
            Explained::All,
            answer,
            answer_len,
            err,
        )
    }
}

/// # Safety
/// As the functions of the header demand.
unsafe fn answered(
    problem: *const c_char,
    problem_len: usize,
    explained: Explained,
    answer: *mut *mut c_char,
    answer_len: *mut usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    let started = Instant::now();
    // SAFETY: as this function demands.
    unsafe {
        ffi::call(err, || {
            let out = JsonOut::cleared(answer, answer_len).required()?;
            let most = limits::PLACEMENT_DOCUMENT;
            let problem = ffi::array("problem", problem.cast(), problem_len, most)?;
            out.put(&solve::answer(problem, explained, &|| started.elapsed())?)
        })
    }
}
