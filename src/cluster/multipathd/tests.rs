//! Replies of the real daemon (0.11.1, Debian 13), captured with four paths by scsi_debug.

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
