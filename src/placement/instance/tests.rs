use serde_json::{Value, json};

use super::*;

fn problem(document: &Value) -> Problem {
    Problem::from_json(document.to_string().as_bytes()).unwrap()
}

fn recovery(problem: &Problem) -> Instance<'_> {
    let failed = problem.policy.failed.first().into_iter().flatten();
    let failed = failed.filter_map(|name| problem.node(name)).collect();
    Instance::recovery(problem, failed, Given::default())
}

/// Why the only guest of a document cannot be on its only node.
fn lacks(node: &Value, guest: &Value, policy: &Value) -> Option<(Code, String)> {
    let mut to = json!({ "name": "n1", "capacity": { "cpu": 8, "mem": 100 } });
    let mut of = json!({ "sid": "vm:1", "size": { "cpu": 4, "mem": 50 } });
    for (target, from) in [(&mut to, node), (&mut of, guest)] {
        target
            .as_object_mut()
            .unwrap()
            .extend(from.as_object().unwrap().clone());
    }
    let document = json!({ "task": "place", "nodes": [to], "guests": [of], "policy": policy });
    let problem = problem(&document);
    let instance = recovery(&problem);
    let reason = instance.lacks(0, 0);
    assert_eq!(instance.allowed[0].contains(0), reason.is_none());
    assert_eq!(verify(&instance, &[Some(0)]).is_ok(), reason.is_none());
    reason.map(|r| {
        let value = |v| match v {
            Some(crate::placement::instance::Value::Number(n)) => n.to_string(),
            Some(crate::placement::instance::Value::Name(n)) => n,
            None => "-".to_owned(),
        };
        (
            r.code,
            format!(
                "{} {} {}",
                r.resource.unwrap_or_default(),
                value(r.need),
                value(r.have)
            ),
        )
    })
}

#[test]
fn who_stays_is_load_and_who_has_lost_its_node_is_an_item() {
    let problem = problem(&json!({
        "task": "recover",
        "nodes": [{ "name": "b", "capacity": { "cpu": 8, "mem": 100 }, "storages": ["san"] },
                  { "name": "a", "capacity": { "cpu": 4, "mem": 200 }, "used": { "mem": 20 } }],
        "guests": [{ "sid": "vm:2", "node": "a", "size": { "cpu": 2, "mem": 50 }, "storages": ["san"] },
                   { "sid": "vm:1", "node": "b", "size": { "cpu": 6, "mem": 50 } },
                   { "sid": "vm:3", "node": "gone", "size": { "cpu": 1, "mem": 101 } },
                   { "sid": "vm:4", "node": "gone", "state": "ignored" }],
        "policy": { "failed": [["b"]] },
    }));
    let one = Instance::recovery(&problem, Bits::default(), Given::default());
    assert_eq!(
        (one.guests.as_slice(), one.load_of(0)),
        ([2].as_slice(), [2_000_000, 70].as_slice())
    );
    assert_eq!(one.allowed[0].iter().collect::<Vec<_>>(), [0]);
    let failed = recovery(&problem);
    assert_eq!(failed.guests, [0, 2]);
    assert_eq!(failed.lacks(0, 0).unwrap().code, Code::Cores);
    assert_eq!(failed.lacks(0, 1).unwrap().code, Code::Failed);
    assert!(verify(&failed, &[None, Some(0)]).is_ok());
    assert_eq!(
        verify(&failed, &[Some(0), Some(0)])
            .unwrap_err()
            .reason
            .code,
        Code::Cores
    );
}

#[test]
fn each_constraint_is_named_with_its_numbers() {
    let (none, small) = (json!({}), json!({ "hard-limit": { "mem": 0.4 } }));
    for (node, guest, policy, code, says) in [
        (
            json!({ "online": false }),
            &none,
            &none,
            Code::Offline,
            " - -",
        ),
        (
            json!({ "maintenance": true }),
            &none,
            &none,
            Code::Maintenance,
            " - -",
        ),
        (
            none.clone(),
            &json!({ "storages": ["san"] }),
            &none,
            Code::Storage,
            " san -",
        ),
        (
            none.clone(),
            &json!({ "bridges": ["vmbr7"] }),
            &none,
            Code::Bridge,
            " vmbr7 -",
        ),
        (
            none.clone(),
            &json!({ "cpu-flags": ["avx"] }),
            &none,
            Code::CpuFlag,
            " avx -",
        ),
        (
            none.clone(),
            &json!({ "devices": { "gpu": 1 } }),
            &none,
            Code::Device,
            "gpu 1 0",
        ),
        (none.clone(), &none, &small, Code::Capacity, "mem 50 40"),
        (
            json!({ "used": { "cpu": 4.5 } }),
            &none,
            &none,
            Code::Capacity,
            "cpu 4 3.5",
        ),
    ] {
        assert_eq!(lacks(&node, guest, policy), Some((code, says.to_owned())));
    }
    let has = json!({ "storages": ["san"], "bridges": ["vmbr7"], "cpu-flags": ["avx"], "devices": { "gpu": 1 } });
    let needs = json!({ "storages": ["san"], "bridges": ["vmbr7"], "cpu-flags": ["avx"], "devices": { "gpu": 1 } });
    assert_eq!(lacks(&has, &needs, &none), None);
    // Row 20: each of those is looked at, whatever the overcommit.
    let policy = json!({ "overcommit": { "cpu": 100 } });
    let wide = json!({ "size": { "cpu": 9, "mem": 1 } });
    assert_eq!(
        lacks(&none, &wide, &policy),
        Some((Code::Cores, " 9 8".to_owned()))
    );
}

#[test]
fn row_8_a_limit_is_a_share_of_all_there_is_and_not_of_what_is_free() {
    let policy = json!({ "hard-limit": { "mem": 0.95 } });
    let guest = |mem: u64| json!({ "size": { "mem": mem } });
    // 95 % of what is free were 47.5.
    let node = json!({ "used": { "mem": 50 } });
    assert_eq!(lacks(&node, &guest(45), &policy), None);
    let reason = lacks(&node, &guest(46), &policy);
    assert_eq!(reason, Some((Code::Capacity, "mem 46 45".to_owned())));
}

#[test]
fn row_18_what_is_not_known_fits_nowhere() {
    let none = json!({});
    for key in ["storages", "volumes", "bridges", "cpu-flags", "devices"] {
        let guest = json!({ key: null });
        assert_eq!(
            lacks(&none, &guest, &none),
            Some((Code::Unknown, " - -".to_owned())),
            "{key}"
        );
    }
}

#[test]
fn row_19_a_local_storage_of_the_same_name_elsewhere_is_no_help() {
    let node =
        |name: &str| json!({ "name": name, "storages": ["local"], "capacity": { "mem": 9 } });
    let problem = problem(&json!({
        "task": "recover", "nodes": [node("n1"), node("n2"), node("n3")],
        "guests": [{ "sid": "ct:1", "node": "n1", "size": { "mem": 1 }, "storages": ["local"],
                     "volumes": [{ "storage": "local", "nodes": ["n1", "n3"], "bytes": 5 }] }],
        "policy": { "failed": [["n1"]] },
    }));
    let instance = recovery(&problem);
    assert_eq!(instance.allowed[0].iter().collect::<Vec<_>>(), [2]);
    assert_eq!(instance.lacks(0, 1).unwrap().code, Code::Volume);
    assert_eq!(problem.guests[0].bytes(), 5);
}

#[test]
fn row_21_what_is_reserved_counts_until_it_is_seen() {
    let problem = problem(&json!({
        "task": "place", "nodes": [{ "name": "n1", "capacity": { "mem": 100 } }],
        "guests": [{ "sid": "vm:1", "node": "n1", "size": { "mem": 9 }, "usage": { "mem": 2 } },
                   { "sid": "vm:2", "node": "n1", "size": { "mem": 9 }, "usage": { "mem": 30 } },
                   { "sid": "vm:3", "size": { "mem": 9 }, "usage": { "mem": 3 } }],
        "reservations": [{ "sid": "vm:1", "node": "n1", "size": { "mem": 9 } },
                         { "sid": "vm:2", "node": "n1", "size": { "mem": 9 } },
                         { "sid": "vm:3", "node": "n1", "size": { "mem": 9 } },
                         { "sid": "vm:4", "node": "n1", "size": { "mem": 1 } },
                         { "sid": "vm:4", "node": "elsewhere", "size": { "mem": 100 } }],
        "policy": { "basis": "usage" },
    }));
    let instance = recovery(&problem);
    // Nine for one that is not seen yet, thirty for one that is, one for one that is not listed.
    assert_eq!((instance.load_of(0)[1], instance.need_of(0)[1]), (40, 9));
    let mut given = Given::default();
    given.give(&problem, &Relaxation::Reservations);
    let instance = Instance::recovery(&problem, Bits::default(), given);
    assert_eq!((instance.load_of(0)[1], instance.need_of(0)[1]), (32, 3));
}

fn of_rules(rules: &Value) -> Problem {
    let node = |name: &str| json!({ "name": name, "capacity": { "mem": 9 } });
    let guest = |sid: &str, node: &str| json!({ "sid": sid, "node": node, "size": { "mem": 1 } });
    problem(&json!({
        "task": "recover", "nodes": [node("n1"), node("n2"), node("n3")],
        "guests": [guest("a", "n1"), guest("b", "n1"), guest("c", "n1"), guest("d", "n2")],
        "rules": rules, "policy": { "failed": [["n1"]] },
    }))
}

#[test]
fn rules_are_folded_into_what_is_allowed() {
    let together = |id: &str, sids: [&str; 2]| json!({ "id": id, "type": "resource-affinity", "sids": sids, "affinity": "positive" });
    let problem = of_rules(&json!([
        together("r1", ["a", "b"]), together("r2", ["b", "c"]),
        { "id": "r3", "type": "resource-affinity", "sids": ["c", "d", "nobody"], "affinity": "negative" },
        { "id": "r4", "type": "node-affinity", "sids": ["d", "a"], "nodes": { "n2": 1, "n3": 5, "n9": 9 } },
    ]));
    let instance = recovery(&problem);
    assert_eq!(instance.together, [vec![0, 1, 2]]);
    let allowed: Vec<Vec<usize>> = instance
        .allowed
        .iter()
        .map(|a| a.iter().collect())
        .collect();
    assert_eq!(allowed, [vec![2], vec![2], vec![2]]);
    let ranks: Vec<u8> = (0..3).map(|node| instance.rank_of(0, node)).collect();
    assert_eq!(ranks, [2, 1, 0]);
    assert_eq!(
        instance.forbids(2, 1, &[None; 3]).unwrap().rule.unwrap(),
        "r3"
    );
    assert_eq!(
        instance
            .forbids(0, 1, &[None, Some(2), None])
            .unwrap()
            .rule
            .unwrap(),
        "r1"
    );
    let broken = verify(&instance, &[Some(1), Some(1), Some(1)]).unwrap_err();
    assert_eq!(
        (broken.guest, broken.reason.code),
        (2, Code::NegativeAffinity)
    );
    assert!(verify(&instance, &[Some(2), Some(1), Some(2)]).is_err());
    assert!(verify(&instance, &[Some(2); 3]).is_ok());
    let mut given = Given::default();
    given.give(&problem, &Relaxation::Rule("r2".to_owned()));
    let instance = Instance::recovery(&problem, Bits::from_iter([0]), given);
    assert_eq!(instance.together, [vec![0, 1]]);
}

#[test]
fn row_22_each_step_of_the_ladder_gives_up_one_thing() {
    let strict = json!([{ "id": "r1", "type": "node-affinity", "sids": ["a"], "nodes": { "n1": 1 }, "strict": true }]);
    let problem = of_rules(&strict);
    let allowed = |step: Option<Relaxation>| {
        let mut given = Given::default();
        step.iter().for_each(|step| given.give(&problem, step));
        Instance::recovery(&problem, Bits::from_iter([0]), given).allowed[0].count()
    };
    assert_eq!(
        (allowed(None), allowed(Some(Relaxation::HardLimit))),
        (0, 0)
    );
    assert_eq!(
        (
            allowed(Some(Relaxation::NodeAffinity)),
            allowed(Some(Relaxation::Maintenance))
        ),
        (2, 0)
    );
    assert_eq!(allowed(Some(Relaxation::Rule("r1".to_owned()))), 2);
    let document = json!({
        "task": "place",
        "nodes": [{ "name": "n1", "capacity": { "mem": 10 }, "maintenance": true }],
        "guests": [{ "sid": "vm:1", "size": { "mem": 9 }, "usage": { "mem": 6 } }],
        "policy": { "hard-limit": { "mem": 0.7 }, "overcommit": { "mem": 0.9 } },
    });
    let problem = self::problem(&document);
    let mut given = Given::default();
    for (step, code) in [
        (Relaxation::Usage, Some(Code::Maintenance)),
        (Relaxation::Maintenance, None),
    ] {
        given.give(&problem, &step);
        let instance = Instance::recovery(&problem, Bits::default(), given.clone());
        assert_eq!(instance.lacks(0, 0).map(|reason| reason.code), code);
    }
    let mut given = Given::default();
    given.give(&problem, &Relaxation::Maintenance);
    given.give(&problem, &Relaxation::HardLimit);
    let instance = Instance::recovery(&problem, Bits::default(), given);
    assert_eq!(instance.limit_of(0)[1], 9);
}

#[test]
fn what_a_guest_lacks_where_it_runs_does_not_drive_it_away() {
    let problem = problem(&json!({
        "task": "rebalance",
        "nodes": [{ "name": "a", "capacity": { "mem": 9 } }, { "name": "b", "capacity": { "mem": 9 } }],
        "guests": [{ "sid": "vm:1", "node": "a", "storages": ["san"], "size": { "mem": 1 } },
                   { "sid": "vm:2", "node": "a", "bridges": null, "size": { "cpu": 1 } }],
    }));
    let balancing = Instance::balancing(&problem, Bits::default(), Given::default());
    assert_eq!(balancing.lacks(0, 0), None);
    assert_eq!(balancing.lacks(0, 1).unwrap().code, Code::Storage);
    // Cores are counted wherever it runs, and what is not known is nowhere else.
    assert_eq!(balancing.lacks(1, 0).unwrap().code, Code::Capacity);
    assert_eq!(balancing.lacks(1, 1).unwrap().code, Code::Unknown);
}
