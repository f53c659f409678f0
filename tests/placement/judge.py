#!/usr/bin/env python3
"""Judges answers to questions about rules and failures with OR-tools' CP-SAT.

Reads lines of {"problem", "answer"} as tests/placement/questions.rs writes them. What a document means is
written down here a second time, from docs/placement.md, and shares nothing with the library.
"""

import itertools
import json
import sys
from fractions import Fraction

from ortools.sat.python import cp_model

MICRO = 1_000_000


class Problem:
    """What a document means, in whole bytes and millionths of cores."""

    def __init__(self, document):
        policy = document.get("policy", {})
        self.failures = policy.get("failures", 1)
        self.nodes = {node["name"]: node for node in document["nodes"]}
        self.guests = {guest["sid"]: guest for guest in document["guests"]}
        self.rules = {rule["id"]: rule for rule in document.get("rules", [])}
        self.reservations = document.get("reservations", [])
        self.factor = {
            r: Fraction(policy.get("overcommit", {}).get(r, 1)) * Fraction(policy.get("hard-limit", {}).get(r, 1))
            for r in ("cpu", "mem")
        }

    def is_up(self, node, failed):
        return node in self.nodes and self.nodes[node].get("online", True) and node not in failed

    def limit(self, node, more=None):
        capacity = {"cpu": self.nodes[node]["capacity"]["cpu"] * MICRO, "mem": self.nodes[node]["capacity"]["mem"]}
        for resource, amount in (more or {}).items():
            capacity[resource] += amount
        capacity["cpu"] *= Fraction(self.nodes[node].get("cpu-factor", 1))
        return {r: int(capacity[r] * self.factor[r]) for r in capacity}

    def charge(self, sid):
        guest = self.guests[sid]
        if guest.get("state") == "stopped":
            return {"cpu": 0, "mem": 0}
        return {"cpu": guest["size"]["cpu"] * MICRO, "mem": guest["size"]["mem"]}

    def booked(self, sid):
        return [
            (r["node"], {"cpu": r["size"].get("cpu", 0) * MICRO, "mem": r["size"].get("mem", 0)})
            for r in self.reservations
            if r["sid"] == sid and r["node"] in self.nodes
        ]

    def question(self, anew, failed):
        """Who is to get a node, what each of them needs, and what is on the nodes besides."""
        items = []
        load = {node: {"cpu": 0, "mem": 0} for node in self.nodes}

        def book(node, amounts):
            for resource, amount in amounts.items():
                load[node][resource] += amount

        for node, it in self.nodes.items():
            used = it.get("used", {})
            book(node, {"cpu": used.get("cpu", 0) * MICRO, "mem": used.get("mem", 0)})
        for reservation in self.reservations:
            if reservation["sid"] not in self.guests and reservation["node"] in self.nodes:
                book(reservation["node"], {"mem": reservation["size"]["mem"]})
        need = {}
        for sid, guest in self.guests.items():
            managed = guest.get("state") != "ignored"
            charge = self.charge(sid)
            if managed and (anew or not self.is_up(guest["node"], failed)):
                for _, amounts in self.booked(sid):
                    charge = {r: max(charge[r], amounts[r]) for r in charge}
                items.append(sid)
                need[sid] = charge
            elif guest["node"] in self.nodes:
                for node, amounts in self.booked(sid):
                    if node == guest["node"]:
                        charge = {r: max(charge[r], amounts[r]) for r in charge}
                    else:
                        book(node, amounts)
                book(guest["node"], charge)
        return items, need, load


def solve(problem, anew, failed=(), rules=None, amounts=True, only=None, more=None, lose=False, named=None, settled=False):
    """Whether all items can be placed; with `lose`, how many at most, those of higher priority no matter.

    rules: the ids that are kept (all if None); only: the items that are to be placed; more: {node: {resource:
    amount}}; amounts: whether what guests need together counts; named: only these guests are asked about;
    settled: guests that nobody manages bind others even if their nodes have failed.
    """
    items, need, load = problem.question(anew, failed)
    everybody = set(items)
    if only is not None:
        items = [sid for sid in items if sid in only]
    if named is not None:
        items = [sid for sid in items if sid in named]
    model = cp_model.CpModel()
    room = {}
    for node, it in problem.nodes.items():
        if problem.is_up(node, failed) and not it.get("maintenance", False):
            limit = problem.limit(node, (more or {}).get(node))
            # A node that has too much already can take who needs nothing of that.
            room[node] = {r: max(0, limit[r] - load[node][r]) for r in limit}
    at = {}
    for sid in items:
        guest = problem.guests[sid]
        for node in room:
            on = all(node in volume["nodes"] for volume in guest.get("volumes", []))
            # A guest needs its virtual processors on the node even if it is stopped.
            cores = problem.nodes[node]["capacity"]["cpu"] + (more or {}).get(node, {}).get("cpu", 0) / MICRO
            alone = all(need[sid][r] <= room[node][r] for r in need[sid])
            if on and guest["size"]["cpu"] <= cores and alone:
                at[sid, node] = model.new_bool_var(f"{sid} {node}")
    for sid in items:
        mine = [at[sid, node] for node in room if (sid, node) in at]
        if lose:
            model.add_at_most_one(mine)
        elif mine:
            model.add_exactly_one(mine)
        else:
            return False
    if amounts:
        for node in room:
            for r in ("cpu", "mem"):
                here = [(at[sid, node], need[sid][r]) for sid in items if (sid, node) in at and need[sid][r] > 0]
                if here:
                    model.add(sum(var * amount for var, amount in here) <= room[node][r])
    for identifier, rule in problem.rules.items():
        if rules is not None and identifier not in rules:
            continue
        sids = [sid for sid in dict.fromkeys(rule["sids"]) if sid in problem.guests]
        mine = [sid for sid in sids if sid in items]
        homes = {
            problem.guests[sid]["node"]
            for sid in sids
            if sid not in everybody and problem.is_up(problem.guests[sid]["node"], () if settled else failed)
        }
        if rule["type"] == "node-affinity":
            for sid in mine if rule.get("strict") else []:
                for node in room:
                    if node not in rule["nodes"] and (sid, node) in at:
                        model.add(at[sid, node] == 0)
        elif rule["affinity"] == "negative":
            for node in room:
                here = [at[sid, node] for sid in mine if (sid, node) in at]
                model.add(sum(here) <= (0 if node in homes else 1))
        else:
            for node in room:
                for sid in mine:
                    if homes and homes != {node} and (sid, node) in at:
                        model.add(at[sid, node] == 0)
                for a, b in itertools.permutations(mine, 2):
                    # Wherever b is, a is nowhere else; who is lost is in nobody's way.
                    for other in room:
                        if other != node and (a, node) in at and (b, other) in at:
                            model.add_at_most_one([at[a, node], at[b, other]])
    if lose:
        model.maximize(sum(at.values()))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.max_time_in_seconds = 60
    status = solver.solve(model)
    assert status in (cp_model.OPTIMAL, cp_model.FEASIBLE, cp_model.INFEASIBLE), "CP-SAT ran out of time"
    if lose:
        assert status == cp_model.OPTIMAL
        return len(items) - round(solver.objective_value)
    return status != cp_model.INFEASIBLE


counts = {}


def count(what):
    counts[what] = counts.get(what, 0) + 1


def check(holds, what):
    if not holds:
        raise AssertionError(what)


def judge_conflict(problem, answer, keeps):
    """Whether a conflict is one, and minimal. keeps(rules): whether these can be kept."""
    kept = set(answer["rules"])
    check(not keeps(kept), f"{sorted(kept)} can be kept")
    count("conflicts" if kept else "conflicts without rules")
    if answer["minimal"]:
        for rule in kept:
            check(keeps(kept - {rule}), f"{rule} need not be in the conflict {sorted(kept)}")
        count("minimal conflicts")


def binding(problem):
    """The guests of rules that can be in the way of anything."""
    named = set()
    for rule in problem.rules.values():
        sids = {sid for sid in rule["sids"] if sid in problem.guests}
        if rule.get("strict") or (rule["type"] == "resource-affinity" and len(sids) > 1):
            named |= sids
    return named


def judge_rules(problem, answer):
    fits = solve(problem, True)
    check(answer["status"] == ("feasible" if fits else "infeasible"), f"status, but feasible is {fits}")
    count("feasible" if fits else "infeasible")
    conflict = answer["conflict"]
    if not fits:
        judge_conflict(problem, conflict, lambda rules: solve(problem, True, rules=rules))
        if conflict["contradiction"]:
            check(not solve(problem, True, rules=set(conflict["rules"]), amounts=False), "no contradiction")
            count("contradictions")
    named = binding(problem)
    kept = lambda failed: solve(problem, True, failed=failed, amounts=False, named=named, settled=True)
    if not kept(()):
        check(not answer["losses"], "losses though the rules cannot be kept anyhow")
        return
    smallest = []
    online = sorted(name for name, node in problem.nodes.items() if node.get("online", True))
    for size in range(1, problem.failures + 1):
        for failed in itertools.combinations(online, size):
            if not any(set(less) <= set(failed) for less in smallest) and not kept(failed):
                smallest.append(failed)
    check(answer["all-losses"], "not all losses")
    check([loss["failed"] for loss in answer["losses"]] == [list(failed) for failed in smallest], f"losses: {smallest}")
    for loss in answer["losses"]:
        count("losses")
        keeps = lambda rules: solve(
            problem, True, failed=loss["failed"], rules=rules, amounts=False, named=named, settled=True)
        judge_conflict(problem, loss["conflict"], keeps)


def judge_remedy(problem, case):
    failed = case["failed"]
    kept = lambda rule: solve(problem, False, failed=failed, rules=set(problem.rules) - {rule})
    if case["rule"] is not None:
        check(kept(case["rule"]), f"{case['rule']} is no remedy")
        count("rules to relax")
    elif case["no-other-rule"]:
        check(not any(kept(rule) for rule in problem.rules), "there is a rule to relax")
        count("no rule to relax")
    more = case["more"]
    if more is None:
        return
    with_more = lambda node, amount: solve(problem, False, failed=failed, more={node: {more["resource"]: amount}})
    check(with_more(more["node"], more["amount"]), f"{more} is no remedy")
    count("amounts to add")
    if more["least"] and more["resource"] == "mem":
        for node in problem.nodes:
            # What a node has of room for is compared, not what must be added for it.
            raised = problem.limit(more["node"], {"mem": more["amount"] - 1})["mem"]
            gained = raised - problem.limit(more["node"])["mem"]
            amount = 0
            while problem.limit(node, {"mem": amount + 1})["mem"] - problem.limit(node)["mem"] <= gained:
                amount += 1
            check(not with_more(node, amount), f"{amount} on {node} would do, not only {more}")
        count("least amounts")


def judge_what_if(problem, answer):
    online = sorted(name for name, node in problem.nodes.items() if node.get("online", True))
    sets = [list(failed) for failed in itertools.combinations(online, problem.failures)]
    check([case["failed"] for case in answer] == sets, "other sets of failed nodes")
    for case in answer:
        failed = case["failed"]
        fits = solve(problem, False, failed=failed)
        check(case["ok"] == fits, f"{failed}: CP-SAT says {fits}")
        count("survived" if fits else "not survived")
        if fits:
            check(not case["lost"], "somebody is lost")
            continue
        items, _, _ = problem.question(False, failed)
        lost = case["lost"]
        check(lost and set(lost) <= set(items), "lost")
        check(solve(problem, False, failed=failed, only=set(items) - set(lost)), "the others do not fit")
        fewest = solve(problem, False, failed=failed, lose=True)
        check(fewest == len(lost) or not case["fewest"], f"{fewest} are lost at least, not {len(lost)}")
        count("fewest lost, proven" if case["fewest"] else "fewest lost" if fewest == len(lost) else "more lost")
        judge_remedy(problem, case)


def main():
    failures = 0
    for number, line in enumerate(sys.stdin, 1):
        text = json.loads(line, parse_float=Fraction)
        problem = Problem(text["problem"])
        judge = judge_rules if text["problem"]["task"] == "feasibility" else judge_what_if
        try:
            judge(problem, text["answer"])
        except AssertionError as wrong:
            failures += 1
            print(f"line {number}: {wrong}", file=sys.stderr)
    print(", ".join(f"{what} {number}" for what, number in sorted(counts.items())))
    print(f"cp-sat: {sum(counts.values()) - failures} passed, {failures} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
