//! Replies of the real daemon (0.11.1, Debian 13), captured with four paths by scsi_debug, and what
//! other versions write otherwise. What two versions write of all states is in versions.rs.

mod versions;

use super::{Impairment, maps};
use crate::cluster::MapState;

#[test]
fn captured_replies_have_the_states_that_their_paths_had() {
    for (reply, state, active) in [
        (
            &include_bytes!("captured/ok.json")[..],
            MapState::Optimal,
            4,
        ),
        (
            include_bytes!("captured/one-failed.json"),
            MapState::Degraded,
            3,
        ),
        (
            include_bytes!("captured/all-failed.json"),
            MapState::Failed,
            0,
        ),
    ] {
        let maps = maps(reply).unwrap();
        let health = maps[0].health();
        assert_eq!(maps[0].uuid, "1Linux_scsi_debug_2000");
        assert_eq!(
            (health.state, health.active, health.total),
            (state, active, 4)
        );
        let queues = health.impairments == [Impairment::Queueing];
        assert_eq!(queues, active == 0);
    }
}

#[test]
fn older_versions_leave_out_what_they_do_not_know() {
    let lines = include_str!("captured/one-failed.json").lines();
    // 0.8.0 to 0.8.2 know no marginal paths, and no LUN in hexadecimal.
    let old = lines.filter(|line| !line.contains("marginal_st") && !line.contains("lun_hex"));
    let old: String = old.map(|line| format!("{line}\n")).collect();
    // What stood before an object's last line then is its last line.
    let old = old.replace("\"[undef]\",\n         }", "\"[undef]\"\n         }");
    assert!(!old.contains("lun_hex"));
    let new = maps(include_bytes!("captured/one-failed.json")).unwrap();
    assert_eq!(maps(old.as_bytes()).unwrap()[0].health(), new[0].health());
}

#[test]
fn maps_without_paths_and_suspended_ones_are_told_apart() {
    let map = |rest: &str| {
        let reply = format!("{{\"maps\":[{{\"uuid\":\"w\",{rest}}}]}}");
        let health = maps(reply.as_bytes()).unwrap()[0].health();
        (health.state, health.total, health.impairments)
    };
    let failed = MapState::Failed;
    assert_eq!(map(r#""queueing":"off""#), (failed, 0, vec![]));
    for queueing in ["on", "5 sec", "12 chk"] {
        let waits = map(&format!(r#""queueing":"{queueing}","path_groups":[]"#));
        assert_eq!(waits, (failed, 0, vec![Impairment::Queueing]));
    }
    let ready = r#""path_groups":[{"paths":[{"chk_st":"ready"}]}]"#;
    let suspended = map(&format!(r#""dm_st":"suspend",{ready}"#));
    let expected = (MapState::Unknown, 1, vec![Impairment::Suspended]);
    assert_eq!(suspended, expected);
    let marginal = r#""path_groups":[{"paths":[{"chk_st":"ready","marginal_st":"marginal"}]}]"#;
    assert_eq!(
        map(marginal),
        (MapState::Optimal, 1, vec![Impairment::Marginal])
    );
}
