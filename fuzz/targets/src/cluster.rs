//! What nodes say of their multipath maps: the daemon's replies, and the broadcasts made of them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pve_native_core::cluster::MapState;
use pve_native_core::cluster::broadcast::{Summary, open};
use pve_native_core::cluster::multipathd::{self, Map};
use pve_native_core::limits;

use crate::check;

/// Of a reply without an error, a healthy map has no path that cannot be used, and its broadcast fits or
/// says what is missing.
pub fn multipathd(input: &[u8]) {
    multipathd::transports(&String::from_utf8_lossy(input));
    match multipathd::maps(input) {
        Ok(maps) => {
            maps.iter().for_each(health);
            let summary = Summary::of(&maps, &Default::default(), &Default::default());
            assert!(summary.maps.len() <= maps.len());
            for limit in [200, limits::BROADCAST] {
                broadcast_of(&summary, limit);
            }
        }
        Err(error) => check::error(&error),
    }
}

fn health(map: &Map) {
    let health = map.health();
    assert!(health.active <= health.total);
    match health.state {
        MapState::Optimal => assert!(health.active == health.total && health.total > 0),
        MapState::Degraded => assert!(health.active < health.total && health.active > 0),
        MapState::Failed => assert_eq!(health.active, 0),
        MapState::Unknown => assert_eq!(map.dm_st, "suspend"),
        MapState::Missing => panic!("a map that is there is missing"),
    }
}

fn broadcast_of(summary: &Summary, limit: usize) {
    let fitted = summary.fit(Some(1_700_000_000), Some(1), limit).unwrap();
    assert!(fitted.payload.len() <= limit && !fitted.payload.contains(&0));
    let text = open(&fitted.payload).unwrap();
    let read: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let maps = read.get("maps").or(read.get("m")).unwrap();
    let told = maps.as_object().unwrap().len();
    assert_eq!(told + fitted.truncated, summary.maps.len());
    let digest = read.get("digest").or(read.get("d")).unwrap();
    assert_eq!(digest, &summary.digest());
}

/// Any bytes as a broadcast, and as what is in a compressed one.
pub fn broadcast(input: &[u8]) {
    opened(input);
    opened(format!("z2:{}", STANDARD.encode(input)).as_bytes());
}

fn opened(raw: &[u8]) {
    match open(raw) {
        Ok(text) => {
            assert!(raw.starts_with(b"z2:") || *text == *raw);
            assert!(text.len() <= limits::BROADCAST_TEXT.max(raw.len()));
        }
        Err(error) => {
            assert!(raw.starts_with(b"z2:"));
            check::error(&error);
        }
    }
}
