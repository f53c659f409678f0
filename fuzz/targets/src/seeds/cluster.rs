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

/// Documents with everything in them, arguments of compat mode, and lines of broadcasts.
pub fn cluster() -> Vec<Seed> {
    let long = r#"{"maps":{"w":{"state":"optimal","paths-active":4,"paths-total":"4","transport":"fc","size":1099511627776,"flags":["marginal"],"down":[0]},"3600":{"state":"optimal","paths-active":0,"paths-total":4},"x":null,"y":[]},"time":1699999990,"seq":7,"ports":[["hba","0000:01:00.0",4,1]],"truncated":2}"#;
    let short = r#"{"v":2,"t":1700000100,"q":7,"m":{"w":["d",3,4,"fc",1099511627776,4,[0]],"W":["f",0,4,null,null,0]},"p":[["target","iqn.x",4,4]],"x":3}"#;
    let wide = r#"{"time":"1699999000","maps":{"w":{"state":"failed","paths-active":1e0,"paths-total":-1.5e3,"transport":{},"size":"x"}}}"#;
    let lines = [long, short, wide, "x", ""].join("\n");
    let document = format!(
        r#"{{"mode":"strict","now":1700000000,"stale-seconds":180,"skew-seconds":30,"allow":["w","v"],"aliases":{{"w":"tank","v":null}},"used-by":{{"w":["a","b"],"v":"a"}},"nodes":{{"n1":{long},"n2":{short},"n3":"{{\"maps\":{{}}}}","n4":null,"n5":7}},"members":{{"n1":{{"online":1}},"n2":{{"online":0}},"n3":{{"online":true}}}},"expected":{{"w":["n1","n6"],"v":{{}}}},"expected-nodes":["n1","n2"],"apply":{{"n1":"{{\"error\":\"no\",\"time\":5}}","n3":{{"error":null}}}}}}"#
    );
    let compat = document
        .replace("strict", "compat")
        .replace(",\"y\":[]", "");
    let arguments = r#"[["w","v"],{"w":"tank"},{"w":"san1"},{"n1":{"w":{"state":"optimal","paths-active":2,"paths-total":2,"size":5,"transport":"sas"},"u":{"state":"odd"}},"n2":{"w":null}},{"n1":1,"n2":1,"n3":0},{"w":{"n1":1,"n3":1},"v":{}}]"#;
    let compressed = broadcast().remove(2).1;
    // A fabric that two nodes have lost, and on one of them another path.
    let lost = r#"{"maps":{"w":{"state":"degraded","paths-active":2,"paths-total":4,"down":[0,2,3]},"3600":{"state":"failed","paths-active":0,"paths-total":4,"down":[0,1,2,3,4]}},"time":1700000000,"ports":[["hba","h1",4,4],["hba","h2",4,2],["target","t1",2,2],["target","t2",2,2],["target","t3",4,2]]}"#;
    vec![
        ("document", document.into_bytes()),
        ("compat", compat.into_bytes()),
        ("arguments", arguments.as_bytes().to_vec()),
        ("lines", lines.into_bytes()),
        (
            "causes",
            [lost, &lost.replace(",1,2,3,4", ",2,3")]
                .join("\n")
                .into_bytes(),
        ),
        (
            "compressed",
            [&compressed[..], b"\n", long.as_bytes()].concat(),
        ),
        ("empty", Vec::new()),
    ]
}

/// What an engine is told, a line for each event.
pub fn cluster_engine() -> Vec<Seed> {
    let lines = [
        r#"b1{"maps":{"w":{"state":"optimal","paths-active":4,"paths-total":4,"size":7}},"time":1700000000}"#,
        r#"b2{"v":2,"t":1700000000,"m":{"w":["d",3,4,"fc"],"x":["o",2,2]},"x":1}"#,
        r#"c{"allow":["w","y"],"aliases":{"w":"tank"},"expected":{"y":["n1","n4"]},"expected-nodes":["n1","n2"]}"#,
        "t100",
        r#"b1{"maps":{"w":{"state":"failed","paths-active":0,"paths-total":4},"z":[]},"time":1700000100}"#,
        r#"m{"n1":1,"n2":{"online":0},"n3":[]}"#,
        "t170.5",
        "b3{",
        "r2",
        "mnull",
        r#"b2{"maps":{"x":{"state":"optimal"}},"time":1800000000}"#,
        r#"b2{"maps":{"x":{"state":"failed"},"x":{},"x":{"state":"optimal"}},"time":1800000000}"#,
        "t-200",
        "t1000",
    ];
    vec![("story", lines.join("\n").into_bytes())]
}
