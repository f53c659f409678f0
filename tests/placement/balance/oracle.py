#!/usr/bin/env python3
"""Judges answers to `rebalance` and `pack`: one question and its answer, as JSON, on each line.

Each plan is carried out step by step, what is left is looked at, and CP-SAT (OR-tools) says which number is
the least. All is worked out from the document; nothing here comes from the library.
"""

import json
import sys
from fractions import Fraction

from ortools.sat.python import cp_model

RESOURCES = {"cpu": 1_000_000, "mem": 1}
SECONDS = 60


class Cluster:
    """The document in numbers."""

    def __init__(self, problem):
        policy = problem.get("policy", {})
        self.nodes = {}
        for node in problem["nodes"]:
            def limits(key):
                return [self.limit(policy, node, r, key) for r in RESOURCES]
            self.nodes[node["name"]] = {
                "open": not node.get("maintenance") and node.get("online", True),
                "cores": node["capacity"]["cpu"],
                "hard": limits("hard-limit"),
                "soft": [min(s, h) for s, h in zip(limits("soft-limit"), limits("hard-limit"))]
                if policy.get("soft-limit") else limits("hard-limit"),
            }
        self.guests = {}
        for guest in problem["guests"]:
            self.guests[guest["sid"]] = {
                "node": guest["node"],
                "movable": guest.get("movable", True),
                "vcpus": guest["size"]["cpu"],
                "need": [guest["size"][r] * unit for r, unit in RESOURCES.items()],
                "lies": [set(v["nodes"]) for v in guest.get("volumes", [])],
            }
        self.rules = problem.get("rules", [])

    @staticmethod
    def limit(policy, node, resource, key):
        factor = Fraction(str(policy.get("overcommit", {}).get(resource, 1)))
        if resource in policy.get(key, {}):
            factor *= Fraction(str(policy[key][resource]))
        elif key == "soft-limit" and resource in policy.get("hard-limit", {}):
            factor *= Fraction(str(policy["hard-limit"][resource]))
        return int(node["capacity"][resource] * RESOURCES[resource] * factor)

    def can(self, sid, name):
        """Whether a guest may be on a node as far as it alone matters."""
        guest, node = self.guests[sid], self.nodes[name]
        if not guest["movable"]:
            return name == guest["node"]
        if not node["open"]:
            return False
        for rule in self.rules:
            if rule["type"] == "node-affinity" and rule["strict"] and sid in rule["sids"]:
                if name not in rule["nodes"]:
                    return False
        if name == guest["node"]:
            return True
        return guest["vcpus"] <= node["cores"] and all(name in lies for lies in guest["lies"])

    def loads(self, place):
        loads = {name: [0] * len(RESOURCES) for name in self.nodes}
        for sid, name in place.items():
            for at, need in enumerate(self.guests[sid]["need"]):
                loads[name][at] += need
        return loads

    def over(self, place, key):
        """Open nodes with more than `key` allows."""
        loads = self.loads(place)
        return [n for n, it in self.nodes.items()
                if it["open"] and any(a > b for a, b in zip(loads[n], it[key]))]

    def broken(self, place):
        """Rules between guests that are not kept, of guests that can move."""
        broken = []
        for rule in self.rules:
            if rule["type"] != "resource-affinity" or len(rule["sids"]) < 2:
                continue
            if not any(self.guests[s]["movable"] for s in rule["sids"]):
                continue
            homes = [place[s] for s in rule["sids"]]
            kept = len(set(homes)) == (1 if rule["affinity"] == "positive" else len(homes))
            if not kept:
                broken.append(rule["id"])
        return broken


def simulate(cluster, moves, inflow=4):
    """Carries out a plan; returns where the guests are then."""
    start = {sid: g["node"] for sid, g in cluster.guests.items()}
    place = dict(start)
    steps = sorted({m["step"] for m in moves})
    assert steps == list(range(1, len(steps) + 1)), "steps"
    for step in steps:
        now = {m["sid"]: m for m in moves if m["step"] == step}
        assert len(now) == sum(m["step"] == step for m in moves), "a guest moves twice at once"
        for sid, move in now.items():
            assert place[sid] == move["from"] != move["to"], "it is not there"
            assert cluster.can(sid, move["to"]), "it cannot be there"
        both = cluster.loads(place)
        for sid, move in now.items():
            for at, need in enumerate(cluster.guests[sid]["need"]):
                both[move["to"]][at] += need
        for sid, move in now.items():
            hard = cluster.nodes[move["to"]]["hard"]
            assert all(a <= b for a, b in zip(both[move["to"]], hard)), "too full for a while"
            into = sum(m["to"] == move["to"] for m in now.values())
            out = sum(m["from"] == move["from"] for m in now.values())
            together = [r["sids"] for r in cluster.rules
                        if r.get("affinity") == "positive" and sid in r["sids"]]
            assert max(into, out) <= inflow or together, "too many at once"
        after = {**place, **{sid: m["to"] for sid, m in now.items()}}
        for rule in cluster.rules:
            if rule["type"] != "resource-affinity":
                continue
            for sid in rule["sids"]:
                others = [s for s in rule["sids"] if s != sid]
                if sid in now and rule["affinity"] == "negative":
                    assert all(now[sid]["to"] not in (place[s], after[s]) for s in others), "they meet"
                if rule["affinity"] == "positive" and len({start[s] for s in rule["sids"]}) == 1:
                    assert all(after[s] == after[sid] for s in others), "they part"
        place = after
    return place


def best(cluster, key, pack, hint):
    """The least number by CP-SAT: (status, least, whether that is proved)."""
    model = cp_model.CpModel()
    x = {}
    for sid, guest in cluster.guests.items():
        for name in cluster.nodes:
            if cluster.can(sid, name):
                x[sid, name] = model.new_bool_var(f"{sid}@{name}")
                model.add_hint(x[sid, name], hint[sid] == name)
        mine = [v for (s, _), v in x.items() if s == sid]
        if not mine:
            return "infeasible", None, True
        model.add_exactly_one(mine)
    for name, node in cluster.nodes.items():
        if not node["open"]:
            continue
        for at in range(len(RESOURCES)):
            here = [(v, cluster.guests[s]["need"][at]) for (s, n), v in x.items() if n == name]
            model.add(sum(v * need for v, need in here) <= node[key][at])
    for rule in cluster.rules:
        if rule["type"] != "resource-affinity":
            continue
        for name in cluster.nodes:
            here = [x.get((s, name), 0) for s in rule["sids"]]
            if rule["affinity"] == "negative":
                if any(cluster.guests[s]["movable"] for s in rule["sids"]):
                    model.add(sum(here) <= 1)
            else:
                for a, b in zip(here, here[1:]):
                    model.add(a == b)
    moved = [v for (s, n), v in x.items() if n != cluster.guests[s]["node"]]
    if pack:
        used = []
        for name in cluster.nodes:
            here = [v for (s, n), v in x.items() if n == name]
            if here:
                used.append(model.new_bool_var(name))
                for v in here:
                    model.add_implication(v, used[-1])
        model.minimize(sum(used))
    else:
        model.minimize(sum(moved))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 2
    solver.parameters.max_time_in_seconds = SECONDS
    status = solver.solve(model)
    if status == cp_model.INFEASIBLE:
        return "infeasible", None, True
    if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return "feasible", round(solver.objective_value), status == cp_model.OPTIMAL
    return "unknown", None, False


def judge(problem, answer, figures):
    cluster = Cluster(problem)
    pack = problem["task"] == "pack"
    place = simulate(cluster, answer["moves"])
    moved = sum(place[s] != g["node"] for s, g in cluster.guests.items())
    status = answer["status"]
    figures["questions"] += 1
    figures["detours"] += len(answer["moves"]) > moved
    figures["stranded"] += status in ("optimal", "feasible") and bool(answer["unplaced"])
    found, least, proved = best(cluster, "soft", pack, place)
    if found == "infeasible":
        assert status != "optimal", "optimal, but nothing is"
        hard, _, _ = best(cluster, "hard", pack, place)
        figures["infeasible"] += hard == "infeasible"
        figures["over"] += hard == "feasible"
        assert (hard == "infeasible") or status != "infeasible", "infeasible, but there is one"
        if hard == "infeasible":
            assert status in ("infeasible", "unknown"), "feasible, but nothing is"
        else:
            figures["missed"] += status == "unknown"
        return
    assert status != "infeasible", "infeasible, but there is a placement"
    if not (answer["unplaced"] or status == "unknown"):
        assert not cluster.broken(place), "rules are broken"
        assert not cluster.over(place, "hard"), "limits are exceeded"
        assert all(cluster.can(s, n) for s, n in place.items()), "a guest cannot be there"
    else:
        figures["missed"] += 1
        return
    if cluster.over(place, "soft"):
        figures["missed"] += 1
        return
    got = len({place[s] for s in place}) if pack else moved
    assert answer["bound"] <= least, f"bound {answer['bound']}, but {least} will do"
    if proved:
        assert status != "optimal" or got == least, f"optimal: {got}, but {least} will do"
        figures["compared"] += 1
        figures["optimal"] += status == "optimal"
        figures["least"] += got == least
        figures["within one"] += got <= least + 1
        figures["sum"] += got
        figures["sum of least"] += least


def main():
    figures = dict.fromkeys(
        ["questions", "infeasible", "over", "missed", "compared", "optimal", "least", "within one",
         "sum", "sum of least", "detours", "stranded"], 0)
    failed = 0
    for line in sys.stdin:
        case = json.loads(line)
        try:
            judge(case["problem"], case["answer"], figures)
        except AssertionError as error:
            failed += 1
            print(f"{case['name']}: {error}")
    print(json.dumps(figures))
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
