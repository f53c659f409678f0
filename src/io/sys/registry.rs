//! What of this process is inside a storage call that could hang: the core's only process-wide
//! state. A call takes a place before it asks a helper and gives it back with the answer; if the
//! time is up first, the place stays taken until the kernel has let go of the helper.
//!
//! There are no locks, so that a fork at any moment leaves nothing behind: each place carries the
//! pid of its process, and in a child the places of the parent count as free.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use std::sync::atomic::{AtomicPtr, AtomicU64};
use std::time::Duration;

use super::slot::Mapping;
use super::{Deadline, Failure, own_pid};
use crate::limits;

/// Places beyond those of requests, for helpers that hang while they end.
const ENDING: usize = 16;
/// Helper processes that were given up and must be reaped. A word is
/// `pid of the owner << 32 | flags | pid of the helper`.
const STUCK: u64 = 1 << 31;
/// Somebody looks at this stuck helper or unmaps its memory.
const LOCKED: u64 = 1 << 30;
const PID: u64 = LOCKED - 1;

struct Place {
    word: AtomicU64,
    /// The stuck helper's memory.
    memory: AtomicPtr<u8>,
}

static PLACES: [Place; limits::STUCK_HELPERS + ENDING] = [const {
    Place {
        word: AtomicU64::new(0),
        memory: AtomicPtr::new(std::ptr::null_mut()),
    }
}; limits::STUCK_HELPERS + ENDING];

fn owner(pid: i32) -> u64 {
    u64::from(pid as u32) << 32
}

impl Place {
    /// Takes the place if it is free or was a parent's before the fork.
    fn take(&self, pid: i32) -> bool {
        let word = self.word.load(Acquire);
        if word != 0 && word >> 32 == owner(pid) >> 32 {
            return false;
        }
        let new = owner(pid) | LOCKED;
        if self
            .word
            .compare_exchange(word, new, AcqRel, Relaxed)
            .is_err()
        {
            return false;
        }
        // A stuck helper of the parent shared the parent's memory; what is mapped here is only
        // our copy of it, which no helper uses.
        if word & (STUCK | LOCKED) == STUCK && word & PID != 0 {
            drop(Mapping::from_address(&self.memory));
        } else {
            self.memory.store(std::ptr::null_mut(), Relaxed);
        }
        self.word.store(owner(pid), Relaxed);
        true
    }

    fn is_stuck(&self, pid: i32) -> bool {
        let word = self.word.load(Relaxed);
        word >> 32 == owner(pid) >> 32 && word & STUCK != 0
    }

    /// Frees the place if its stuck helper has ended.
    fn look(&self, pid: i32) {
        let word = self.word.load(Acquire);
        let ours = word >> 32 == owner(pid) >> 32;
        if !ours || word & STUCK == 0 || word & LOCKED != 0 || word & PID == 0 {
            return;
        }
        if self
            .word
            .compare_exchange(word, word | LOCKED, AcqRel, Relaxed)
            .is_err()
        {
            return;
        }
        if super::process::has_ended((word & PID) as i32) {
            drop(Mapping::from_address(&self.memory));
            self.word.store(0, std::sync::atomic::Ordering::Release);
        } else {
            self.word.store(word, std::sync::atomic::Ordering::Release);
        }
    }
}

/// Reaps the stuck helpers that the kernel has let go of.
pub(in crate::io) fn sweep() {
    if PLACES.iter().any(|place| place.word.load(Relaxed) != 0) {
        let pid = own_pid();
        for place in &PLACES {
            place.look(pid);
        }
    }
}

/// Fails if all places of requests are taken by stuck helpers: one more would be started in vain.
pub(super) fn check_for_room() -> Result<(), Failure> {
    sweep();
    let pid = own_pid();
    let places = &PLACES[..limits::STUCK_HELPERS];
    if places.iter().all(|place| place.is_stuck(pid)) {
        return Err(Failure::Busy);
    }
    Ok(())
}

/// The right to be inside a storage call; given back when dropped.
pub(super) struct Permit {
    place: &'static Place,
    owner: i32,
}

/// How long a call sleeps before it looks again whether another one has ended.
const NEXT_LOOK: Duration = Duration::from_micros(200);

impl Permit {
    /// A place for a request. Fails at once if all are taken by stuck helpers; waits if they are
    /// taken by calls that may yet be answered, so that there are never more stuck ones.
    pub fn for_request(deadline: Deadline) -> Result<Self, Failure> {
        let owner = own_pid();
        let places = &PLACES[..limits::STUCK_HELPERS];
        loop {
            sweep();
            if let Some(place) = places.iter().find(|place| place.take(owner)) {
                return Ok(Permit { place, owner });
            }
            if places.iter().all(|place| place.is_stuck(owner)) {
                return Err(Failure::Busy);
            }
            if deadline.is_over() {
                return Err(Failure::Expired);
            }
            std::thread::sleep(NEXT_LOOK);
        }
    }

    /// A place for a helper that does not end, if there is one.
    pub fn for_ending() -> Option<Self> {
        let owner = own_pid();
        let place = PLACES.iter().rev().find(|place| place.take(owner))?;
        Some(Permit { place, owner })
    }

    /// Leaves the place to a helper process that was killed and has not ended yet.
    pub fn keep_for_process(self, helper: i32, memory: Mapping) {
        let permit = std::mem::ManuallyDrop::new(self);
        let word = owner(permit.owner) | STUCK | (helper as u64 & PID);
        permit.place.memory.store(memory.into_address(), Relaxed);
        permit
            .place
            .word
            .store(word, std::sync::atomic::Ordering::Release);
    }

    /// What another thread marks this place by when the one that holds it is stuck.
    pub fn mark(&self) -> Mark {
        Mark(self.place, self.owner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        // In a child of the owner this word is not there any more, or of no meaning.
        for word in [owner(self.owner), owner(self.owner) | STUCK] {
            let _ = self.place.word.compare_exchange(word, 0, AcqRel, Relaxed);
        }
    }
}

/// See [`Permit::mark`].
pub(super) struct Mark(&'static Place, i32);

impl Mark {
    /// The thread that holds the permit is stuck. It frees the place when it comes back.
    pub fn stuck(self) {
        let word = owner(self.1);
        let new = word | STUCK;
        let _ = self.0.word.compare_exchange(word, new, AcqRel, Relaxed);
    }
}
