//! Broadcasts of random summaries, read back by a reader of their own: whatever the form and the limit,
//! they say what they were made of, or say what is missing.

#[path = "tests/capacity.rs"]
mod capacity;
#[path = "tests/ports.rs"]
mod ports;
#[path = "tests/reader.rs"]
mod reader;
#[path = "tests/summaries.rs"]
pub mod summaries;

use std::cmp::Reverse;

use crate::random::Random;
use reader::Read;
use summaries::summary;

use super::{Form, Summary, open};
use crate::limits;

/// The maps of a summary as they are expected in a broadcast with so many of them.
fn expected(summary: &Summary, count: usize, ports: bool) -> Read {
    let mut maps: Vec<_> = summary.maps.clone().into_iter().collect();
    maps.sort_by_key(|(_, entry)| Reverse(entry.state));
    maps.truncate(count);
    if !ports {
        maps.iter_mut().for_each(|(_, entry)| entry.down.clear());
    }
    Read {
        maps: maps.into_iter().collect(),
        ports: if ports { summary.ports.clone() } else { vec![] },
        time: None,
        seq: None,
        digest: summary.digest(),
        truncated: summary.maps.len() - count.min(summary.maps.len()),
    }
}

#[test]
fn every_form_says_the_same() {
    let mut random = Random::new(1);
    for _ in 0..300 {
        let count = random.below(40);
        let summary = summary(&mut random, count);
        let (time, seq) = (Some(random.next() >> 20), Some(random.next()));
        let mut limit = usize::MAX;
        // Each form in turn, as each is shorter than the one before.
        let mut seen = Vec::new();
        while let Ok(fitted) = summary.fit(time, seq, limit) {
            let read = Read::of(&fitted.payload);
            if fitted.truncated > 0 || (read.ports.is_empty() && !summary.ports.is_empty()) {
                break;
            }
            let mut whole = expected(&summary, count, true);
            (whole.time, whole.seq) = (time, seq);
            assert_eq!(read, whole, "{:?}", fitted.form);
            seen.push(fitted.form);
            limit = fitted.payload.len() - 1;
        }
        assert!(seen.is_sorted() && seen.starts_with(&[Form::Seed, Form::Short]));
        assert!(count < 10 || seen.len() == 3, "{count} maps, {seen:?}");
    }
}

#[test]
fn limits_hold_to_the_byte_and_what_is_left_out_is_told() {
    let mut random = Random::new(2);
    for count in [0, 1, 2, 3, 7, 50, 300, 1800] {
        let summary = summary(&mut random, count);
        let mut limits: Vec<usize> = (64..400).collect();
        if count > 50 {
            // Each try compresses all of them.
            limits.retain(|limit| limit % 48 == 0);
        }
        limits.extend((0..10).map(|_| 400 + random.below(40 * 1024 - 400)));
        limits.extend([limits::BROADCAST, 40 * 1024]);
        for limit in limits {
            let Ok(fitted) = summary.fit(Some(1_700_000_000), None, limit) else {
                assert!(limit < 90, "{limit}");
                continue;
            };
            assert!(fitted.payload.len() <= limit && !fitted.payload.contains(&0));
            let read = Read::of(&fitted.payload);
            let kept = count - fitted.truncated;
            let ports = !read.ports.is_empty();
            // Ports go before maps do, and no map goes before the worse ones.
            assert!(!ports || fitted.truncated == 0);
            let mut whole = expected(&summary, kept, ports);
            whole.time = Some(1_700_000_000);
            assert_eq!(read, whole, "{count} maps in {limit} bytes");
            // A limit that is just reached is no other limit.
            let again = summary.fit(Some(1_700_000_000), None, fitted.payload.len());
            assert!(again.is_ok_and(|again| again == fitted));
        }
    }
}

#[test]
fn a_limit_without_room_for_anything_is_an_error() {
    let mut random = Random::new(3);
    for count in [0, 5] {
        let summary = summary(&mut random, count);
        let least = (0..200).find(|&limit| summary.fit(None, None, limit).is_ok());
        let least = least.unwrap();
        let error = summary.fit(None, None, least - 1).unwrap_err().to_string();
        let says = format!("a limit of {} bytes has no room", least - 1);
        assert!(error.starts_with(&says), "{error}");
        assert!(error.ends_with(&format!(" {least}")), "{error}");
        let fitted = summary.fit(None, None, least).unwrap();
        assert_eq!((fitted.payload.len(), fitted.truncated), (least, count));
    }
}

#[test]
fn the_seed_form_is_what_proxmox_ve_reads() {
    let reply = include_bytes!("../multipathd/captured/one-failed.json");
    let text = |limit| {
        let options = super::SummaryOptions {
            time: Some(1_700_000_000),
            seq: Some(7),
            limit,
            ..Default::default()
        };
        let fitted = super::broadcast(reply, &options).unwrap();
        String::from_utf8(fitted.payload).unwrap()
    };
    let digest = r#""24ec4e33b97130eb""#;
    assert_eq!(
        text(limits::BROADCAST),
        format!(
            "{{\"maps\":{{\"1Linux_scsi_debug_2000\":{{\"state\":\"degraded\",\"paths-active\":3,\
             \"paths-total\":4}}}},\"time\":1700000000,\"seq\":7,\"digest\":{digest}}}"
        )
    );
    assert_eq!(
        text(100),
        format!(
            "{{\"v\":2,\"t\":1700000000,\"q\":7,\"d\":{digest},\
             \"m\":{{\"1Linux_scsi_debug_2000\":[\"d\",3,4]}}}}"
        )
    );
    let nothing = Summary::default().fit(None, None, 99).unwrap().payload;
    let nothing = String::from_utf8(nothing).unwrap();
    let digest = Summary::default().digest();
    assert_eq!(
        nothing,
        format!("{{\"maps\":{{}},\"digest\":\"{digest}\"}}")
    );
}

#[test]
fn the_digest_is_that_of_the_health_and_of_nothing_else() {
    let mut random = Random::new(4);
    let summary = summary(&mut random, 30);
    for (time, seq, limit) in [
        (None, None, usize::MAX),
        (Some(5), Some(6), 3000),
        (Some(7), None, 500),
    ] {
        let fitted = summary.fit(time, seq, limit).unwrap();
        assert_eq!(Read::of(&fitted.payload).digest, summary.digest());
    }
    let changes: [fn(&mut Summary); 5] = [
        |s| s.maps.values_mut().next().unwrap().active += 1,
        |s| s.maps.values_mut().next().unwrap().size = Some(3),
        |s| drop(s.maps.pop_first()),
        |s| s.maps.values_mut().last().unwrap().down.push(99),
        |s| s.ports[0].down += 1,
    ];
    for change in changes {
        let mut other = summary.clone();
        change(&mut other);
        assert_ne!(other.digest(), summary.digest());
    }
}

#[test]
fn of_a_wwid_that_is_there_twice_the_worse_state_counts() {
    let map = |name: &str, states: &[&str]| {
        let paths: Vec<String> = states
            .iter()
            .map(|state| format!("{{\"dev\":\"x\",\"chk_st\":\"{state}\"}}"))
            .collect();
        let paths = paths.join(",");
        format!("{{\"name\":\"{name}\",\"uuid\":\"w\",\"path_groups\":[{{\"paths\":[{paths}]}}]}}")
    };
    let good = map("a", &["ready", "ready"]);
    let bad = map("b", &["ready", "faulty"]);
    for maps in [[&good, &bad], [&bad, &good]] {
        let reply = format!("{{\"maps\":[{},{}]}}", maps[0], maps[1]);
        let summary = Summary::of_reply(reply.as_bytes(), &Default::default()).unwrap();
        assert_eq!(summary.maps.len(), 1);
        let state = crate::cluster::MapState::Degraded;
        assert_eq!(summary.maps["w"].state, state);
    }
}

#[test]
fn what_is_no_envelope_is_left_as_it_is() {
    for raw in [&b"{\"maps\":{}}"[..], b"", b"z", b"z2", b"\xff"] {
        assert_eq!(open(raw).unwrap(), raw);
    }
}
