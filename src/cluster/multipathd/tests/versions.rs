//! What multipathd of Debian 12 (0.9.4) and of Debian 13 (0.11.1) said in the virtual machine of two LUNs,
//! one of SCSI with four paths and one of NVMe over TCP with two, while things were done to their paths
//! (tests/vm/multipath/; `make capture-multipathd` makes the files anew).

use super::super::{Group, Health, Impairment, Map, Path, Transport, maps, transports};
use crate::cluster::MapState;

const SCSI: &str = "1Linux_scsi_debug_2000";
const NVME: &str = "uuid.5d5c8f0e-6f5c-4b64-9d1c-0123456789ab";

macro_rules! captured {
    ($file:literal) => {
        [
            &include_bytes!(concat!("../captured/0.9.4/", $file))[..],
            &include_bytes!(concat!("../captured/0.11.1/", $file))[..],
        ]
    };
}

/// The map of a WWID, of each version.
fn of(captured: [&[u8]; 2], wwid: &str) -> [Map; 2] {
    captured.map(|reply| {
        let all = maps(reply).unwrap();
        let mut found = all.into_iter().filter(|map| map.uuid == wwid);
        let map = found.next().unwrap();
        assert_eq!(found.next(), None);
        map
    })
}

/// State, usable paths, all paths, and what else there is to know.
fn health(map: &Map) -> (MapState, u32, u32, Vec<Impairment>) {
    let Health {
        state,
        active,
        total,
        transport,
        impairments,
    } = map.health();
    // Neither kind of port has a name that tells.
    assert_eq!(transport, None);
    (state, active, total, impairments)
}

fn count(map: &Map, is: fn(&Path) -> bool) -> usize {
    map.paths().filter(|path| is(path)).count()
}

#[test]
fn all_paths_work() {
    for map in of(captured!("ok.json"), SCSI) {
        assert_eq!(health(&map), (MapState::Optimal, 4, 4, vec![]));
        assert_eq!((map.name.as_str(), map.queueing.as_str()), ("tank", "on"));
    }
    for map in of(captured!("ok.json"), NVME) {
        assert_eq!(health(&map), (MapState::Optimal, 2, 2, vec![]));
    }
}

#[test]
fn one_path_of_each_map_has_failed() {
    for map in of(captured!("one-failed.json"), SCSI) {
        assert_eq!(health(&map), (MapState::Degraded, 3, 4, vec![]));
        // It was set offline.
        assert_eq!(count(&map, |path| path.dev_st == "offline"), 1);
    }
    for map in of(captured!("one-failed.json"), NVME) {
        assert_eq!(health(&map), (MapState::Degraded, 1, 2, vec![]));
        // Its port was gone.
        let failed = |path: &Path| path.dm_st == "failed" && path.chk_st == "faulty";
        assert_eq!(count(&map, failed), 1);
    }
}

#[test]
fn all_paths_have_failed_and_io_waits_or_fails() {
    let waits = vec![Impairment::Queueing];
    for map in of(captured!("all-failed.json"), SCSI) {
        assert_eq!(health(&map), (MapState::Failed, 0, 4, waits.clone()));
    }
    for map in of(captured!("all-failed-not-queueing.json"), SCSI) {
        assert_eq!(health(&map), (MapState::Failed, 0, 4, vec![]));
    }
}

#[test]
fn queueing_for_some_retries_is_queueing_as_long_as_there_are_some() {
    let odd = "0x33333330000007d0";
    for map in of(captured!("retries-left.json"), odd) {
        assert_eq!(map.queueing, "12 chk");
        assert_eq!(health(&map), (MapState::Optimal, 4, 4, vec![]));
    }
    for map in of(captured!("retries-running.json"), odd) {
        assert!(map.queueing.ends_with(" sec"), "{}", map.queueing);
        let waits = vec![Impairment::Queueing];
        assert_eq!(health(&map), (MapState::Failed, 0, 4, waits));
    }
    for map in of(captured!("retries-over.json"), odd) {
        assert_eq!(map.queueing, "off");
        assert_eq!(health(&map), (MapState::Failed, 0, 4, vec![]));
    }
}

#[test]
fn a_suspended_map_is_unknown_though_its_paths_work() {
    for map in of(captured!("suspended.json"), SCSI) {
        let suspended = vec![Impairment::Suspended];
        assert_eq!(health(&map), (MapState::Unknown, 4, 4, suspended));
    }
}

#[test]
fn marginal_paths_matter_if_there_are_no_others() {
    for map in of(captured!("one-marginal.json"), SCSI) {
        assert_eq!(count(&map, |path| path.marginal_st == "marginal"), 1);
        let is_marginal = |group: &&Group| group.marginal_st == "marginal";
        assert_eq!(map.path_groups.iter().filter(is_marginal).count(), 1);
        assert_eq!(health(&map), (MapState::Optimal, 4, 4, vec![]));
    }
    for map in of(captured!("all-marginal.json"), SCSI) {
        let marginal = vec![Impairment::Marginal];
        assert_eq!(health(&map), (MapState::Optimal, 4, 4, marginal));
    }
}

#[test]
fn a_path_that_is_good_and_not_trusted_yet_cannot_be_used() {
    let said = of(captured!("one-delayed.json"), "0x33333330000007d0").map(|map| {
        assert_eq!(health(&map), (MapState::Degraded, 3, 4, vec![]));
        let mut others = map.paths().filter(|path| !path.is_usable());
        let path = others.next().unwrap();
        assert_eq!(
            (path.dm_st.as_str(), path.dev_st.as_str()),
            ("failed", "running")
        );
        path.chk_st.clone()
    });
    // Asked for the map, 0.9.4 takes the kernel's word for it.
    assert_eq!(said, ["faulty", "delayed"]);
}

#[test]
fn there_are_maps_without_paths_and_replies_without_maps() {
    for map in of(captured!("no-paths.json"), SCSI) {
        let waits = vec![Impairment::Queueing];
        assert_eq!(health(&map), (MapState::Failed, 0, 0, waits));
    }
    for reply in captured!("no-maps.json") {
        assert_eq!(maps(reply).unwrap(), []);
    }
}

#[test]
fn vendors_may_have_any_name() {
    for reply in captured!("retries-left.json") {
        let text = std::str::from_utf8(reply).unwrap();
        assert!(text.contains("\"vend\" : \"a\"\"b\\c\",\n"));
        assert!(serde_json::from_str::<serde_json::Value>(text).is_err());
        let names: Vec<_> = maps(reply).unwrap().into_iter().map(|m| m.name).collect();
        assert!(names.contains(&"odd".into()) && names.contains(&"fast".into()));
    }
}

#[test]
fn raw_paths_tell_the_transport_where_there_is_one() {
    for reply in captured!("ok.paths") {
        let found = transports(std::str::from_utf8(reply).unwrap());
        let found: Vec<_> = found.into_iter().collect();
        assert_eq!(found, [("fast".into(), Transport::Tcp)]);
    }
}

#[test]
fn each_version_has_its_words_for_what_it_cannot_do() {
    let error = |reply: &[u8]| maps(reply).unwrap_err().to_string();
    for (reply, said) in captured!("unknown-map.txt")
        .iter()
        .zip(["fail", "device not found"])
    {
        let error = error(reply);
        let ends = format!("as for a map that it does not know: it said '{said}'");
        assert!(error.ends_with(&ends), "{error}");
    }
    // Stopped: nobody answers the client.
    for reply in captured!("no-answer.txt") {
        let error = error(reply);
        assert!(error.contains("was busy for too long"), "{error}");
    }
}
