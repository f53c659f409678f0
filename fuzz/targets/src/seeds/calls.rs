//! Calls of the C ABI, as bytes that `capi` takes for them.

use super::{Seed, noise};

/// Options for opening: not NULL and the size, the same of the limits, changes, time-out, format,
/// limits.
const OPTIONS: [u8; 8] = [1, 9, 1, 9, 0, 9, 0, 1];
/// Whether an error is wanted, and its place.
const CALL: [u8; 2] = [1, 0];
/// The same of a call that gives a text; before it the places for that.
const TEXT: [u8; 3] = [2, 1, 0];
/// Before the same of a call that fills a struct: not NULL, and the size.
const FILL: [u8; 4] = [1, 9, 1, 0];

/// Each question once on the image with everything in it, then on the others, then noise.
pub fn capi() -> Vec<Seed> {
    let mut seeds: Vec<Seed> = vec![
        ("everything", everything()),
        ("chains", chains()),
        ("texts", texts()),
        ("maps", maps()),
        ("safety", safety()),
        ("storages", storages()),
        ("clusters", clusters()),
    ];
    seeds.extend(noise());
    seeds
}

/// Opens a chain at a path, to be held in a place.
fn open(place: u8, path: u8) -> Vec<u8> {
    [&[0, place][..], &CALL, &[1, path], &OPTIONS].concat()
}

fn everything() -> Vec<u8> {
    let mut calls = open(0, 0);
    for kind in 0..5 {
        for index in 0..3 {
            calls.extend([7, kind, 1, 9, 1, 0, 0, index, 0]);
        }
    }
    calls.extend([4, 0, 5, 2, 1, 0, 0, 6, 1, 9, 1, 0, 0, 0, 3, 0]);
    calls
}

/// Each question, then each type with some formats; NULL among both.
fn storages() -> Vec<u8> {
    let question = |which, words: [u8; 2]| [&[19, 3, which][..], &TEXT, &words].concat();
    let mut calls = [question(0, [0; 2]), question(1, [0; 2])].concat();
    for name in 0..9 {
        for format in [0, 1, 4, 8] {
            calls.extend(question(2, [name, format]));
        }
    }
    calls
}

/// An engine of each mode that is told of each kind of thing and asked after each.
fn clusters() -> Vec<u8> {
    let cluster = |place, what| vec![19, 4, place, what];
    let mut calls = Vec::new();
    for (place, options) in [(0, 3), (1, 4)] {
        calls.extend([&cluster(place, 0)[..], &CALL, &[1, options, 1]].concat());
        for told in [
            [0, 0, 0, 1, 1, 9],
            [1, 0, 1, 1, 1, 60],
            [0, 4, 5, 1, 0, 0],
            [0, 5, 6, 1, 0, 0],
            [0, 6, 1, 250, 0, 0],
        ] {
            calls.extend([&cluster(place, 4)[..], &CALL, &told].concat());
            for question in 0..5 {
                calls.extend([&cluster(place, 9)[..], &TEXT, &[question, 0]].concat());
            }
        }
    }
    for question in 0..3 {
        calls.extend([&cluster(0, 14)[..], &TEXT, &[0, 1, 1, 1, 0, 1, question]].concat());
    }
    calls
}

fn chains() -> Vec<u8> {
    let mut calls = Vec::new();
    for path in 0..8 {
        calls.extend(open(path % 4, path));
        calls.extend([4, path % 4, 5, 2, 1, 0, path % 4]);
    }
    calls
}

fn texts() -> Vec<u8> {
    let mut calls = Vec::new();
    for path in 0..10 {
        calls.extend([&[15, 2, 1, 0, path], &OPTIONS[..], &[12, 0]].concat());
        calls.extend([&[17, 2, 1, 0, path], &OPTIONS[..], &[12, 0, 14]].concat());
        calls.extend([&[18, 1, 9, 1, 0, path], &OPTIONS[..7], &[1]].concat());
    }
    calls.extend([16, 2, 1, 0, 4, 0, 1, 5, 8, 3, 1, 9, 1, 9, 0, 9, 1]);
    calls
}

fn maps() -> Vec<u8> {
    // Options for work, those for opening with them, when it is stopped, whether both are given.
    let work = [&[1, 9, 1, 9, 0], &OPTIONS[..], &[200, 1, 1]].concat();
    let mut calls: Vec<Vec<u8>> = Vec::new();
    let mut call = |parts: &[&[u8]]| calls.push([&[20], &parts.concat()[..]].concat());
    // Everything, a file that is a disk, two images with something in them.
    for (place, path) in (0..).zip([0, 6, 10, 11]) {
        call(&[&[0, place], &CALL, &[1, path], &OPTIONS]);
        for capacity in [1, 3, 5] {
            call(&[&[3, place, capacity, 5], &CALL]);
        }
        call(&[&[6, place]]);
        call(&[&[8], &TEXT, &[path], &OPTIONS]);
        call(&[&[9], &FILL, &[path], &work]);
        call(&[&[10], &TEXT, &[path], &work]);
        call(&[&[11, place], &CALL, &[1, path, 0, 11], &work]);
        call(&[&[13, place], &TEXT]);
        call(&[&[15], &FILL, &[0, 0, 5, 0, path], &work]);
        call(&[&[17], &FILL, &[path], &[0; 9], &work]);
        call(&[&[18], &TEXT, &[path], &work]);
    }
    call(&[&[12, 0], &CALL, &[1, 0, 1, 0], &work]);
    call(&[&[13, 0], &TEXT]);
    call(&[
        &[15],
        &FILL,
        &[0, 2, 2, 6, 5, 1],
        &[0, 0, 0, 0, 1, 0, 0, 0, 0],
    ]);
    call(&[&[16], &TEXT, &[1, 0, 0, 5]]);
    calls.concat()
}

fn safety() -> Vec<u8> {
    // Options as above, one root, no list of formats or protocols.
    let policy = [&OPTIONS[..], &[0, 1, 1, 5, 1, 1]].concat();
    let mut calls: Vec<Vec<u8>> = Vec::new();
    let mut call = |parts: &[&[u8]]| calls.push([&[28], &parts.concat()[..]].concat());
    for path in [0, 1, 2, 5, 10] {
        call(&[&[0, 0], &CALL, &[1, path], &policy]);
        call(&[&[3, 0]]);
        call(&[&[2], &FILL, &[0, 0]]);
        call(&[&[5], &TEXT, &[path], &policy]);
        call(&[&[6], &CALL, &[path], &policy]);
        call(&[&[7, 0], &CALL, &[1, path], &policy]);
        call(&[&[10, 4, 5], &CALL, &[0]]);
        call(&[&[11, 1], &CALL, &[0]]);
        call(&[&[12, 1], &CALL, &[0, 0, 1]]);
        call(&[&[13], &TEXT, &[0, 0, 0]]);
        call(&[&[14, 0]]);
    }
    calls.concat()
}
