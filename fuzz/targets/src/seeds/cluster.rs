//! Replies of multipathd, and broadcasts in all of their forms.

use pve_native_core::cluster::broadcast::Summary;

use super::Seed;

const FAILED: &[u8] = include_bytes!("../../../../src/cluster/multipathd/captured/all-failed.json");
const DEGRADED: &[u8] =
    include_bytes!("../../../../src/cluster/multipathd/captured/one-failed.json");

/// What the real daemon wrote, and what it writes otherwise.
pub fn multipathd() -> Vec<Seed> {
    vec![
        ("all-failed", FAILED.to_vec()),
        ("one-failed", DEGRADED.to_vec()),
        ("warning", [b"Jul 01 | {a warning\n", DEGRADED].concat()),
        ("cut-off", DEGRADED[..DEGRADED.len() / 2].to_vec()),
        ("none", b"{\n   \"maps\": []\n}\n".to_vec()),
        ("timeout", b"timeout\n".to_vec()),
        (
            "unescaped",
            b"{\n\"map\": {\n  \"uuid\" : \"3\"6\\0\",\n  \"path_groups\": [{\n\"paths\": [{}]}]}}\n".to_vec(),
        ),
        (
            "twice",
            br#"{"maps":[{"uuid":"w","dm_st":"suspend"},{"uuid":"w","path_groups":[{"paths":[{"chk_st":"ready"}]}]},{"name":"n"}]}"#.to_vec(),
        ),
        ("transports", b"sda|mpatha|scsi:fcp\nsdb|b|nvme:tcp\n".to_vec()),
    ]
}

/// The forms; of the compressed one also what its base64 stands for.
pub fn broadcast() -> Vec<Seed> {
    let maps: Vec<String> = (0..20)
        .map(|number| format!("{{\"uuid\":\"3{number:032}\"}}"))
        .collect();
    let reply = format!("{{\"maps\":[{}]}}", maps.join(","));
    let of = |reply: &[u8], limit: usize| {
        let summary = Summary::of_reply(reply, &Default::default());
        let fitted = summary.and_then(|summary| summary.fit(Some(1_700_000_000), Some(7), limit));
        fitted.map_or(Vec::new(), |fitted| fitted.payload)
    };
    // zlib: stored, "{}"; and as much as there may be, and more.
    let stored = b"\x78\x01\x01\x02\x00\xfd\xff{}\x01\x75\x00\xf9".to_vec();
    vec![
        ("seed", of(DEGRADED, 1000)),
        ("short", of(DEGRADED, 100)),
        ("compressed", of(reply.as_bytes(), 400)),
        ("truncated", of(reply.as_bytes(), 150)),
        ("stored", stored),
        ("empty", Vec::new()),
    ]
}
