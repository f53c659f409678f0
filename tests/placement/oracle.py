#!/usr/bin/python3
"""Compares answers with those of OR-tools' CP-SAT, which is given the documents as they are.

usage: oracle.py PROGRAM CASES [SEED]

PROGRAM reads problems, one a line, and answers each with a line (examples/place.rs). What a document means is
worked out here anew, from docs/placement.md and in whole numbers, so that an error there is found as well.
"""

import json
import math
import random
import subprocess
import sys
import time
from fractions import Fraction

from ortools.sat.python import cp_model

MILLION = 1_000_000


# --- Problems -----------------------------------------------------------------------------------


def make(r):
    """A problem: small or middle, with or without rules, with an answer or without."""
    middle = r.random() < 0.3
    nodes = r.randint(5, 10) if middle else r.randint(1, 4)
    kinds = [(r.choice([4, 8, 16]), r.choice([16, 24, 32, 64])) for _ in range(r.randint(1, 2))]
    extra = r.random() < 0.25
    made = []
    for i in range(nodes):
        cpu, mem = r.choice(kinds)
        node = {"name": f"n{i}", "capacity": {"cpu": cpu, "mem": mem}}
        if extra:
            node["capacity"]["disk"] = r.choice([10, 20])
        if r.random() < 0.15:
            node["used"] = {"mem": r.randint(0, 6), "cpu": r.choice([0, 0.5, 0.3])}
        if r.random() < 0.1:
            node["cpu-factor"] = r.choice([0.5, 1.25, 2])
        if r.random() < 0.05:
            node["maintenance"] = True
        if r.random() < 0.4:
            node["storages"] = ["san"]
        if r.random() < 0.2:
            node["devices"] = {"gpu": r.randint(0, 2)}
        made.append(node)
    names = [n["name"] for n in made]
    capacity = sum(n["capacity"]["mem"] for n in made)
    fill = r.choice([0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
    guests, total = [], 0
    most = 30 if middle else 12
    while total < capacity * fill and len(guests) < most:
        mem = r.choice([1, 2, 3, 4, 6, 8, 12, 5.5]) * (2 if capacity > 200 else 1)
        guest = {
            "sid": f"vm:{100 + len(guests)}",
            "size": {"cpu": r.choice([1, 1, 2, 4]), "mem": mem},
        }
        total += mem
        if extra:
            guest["size"]["disk"] = r.choice([0, 1, 3])
        if r.random() < 0.3:
            guest["node"] = r.choice(names)
        elif r.random() < 0.5:
            guest["node"] = "gone"
        if r.random() < 0.4:
            guest["priority"] = r.randint(0, 2)
        if r.random() < 0.08:
            guest["storages"] = ["san"]
        if r.random() < 0.05:
            guest["devices"] = {"gpu": 1}
        if r.random() < 0.05:
            guest["state"] = r.choice(["stopped", "disabled", "ignored"])
        if r.random() < 0.05:
            lies = r.sample(names, r.randint(1, nodes))
            guest["volumes"] = [{"storage": "local", "nodes": lies, "bytes": 5}]
        guests.append(guest)
    sids = [g["sid"] for g in guests]
    rules = []
    for i in range(r.choice([0, 0, 0, 1, 1, 2, 4])):
        kind = r.random()
        some = r.sample(sids, min(len(sids), r.randint(1, 4)))
        if kind < 0.4:
            chosen = r.sample(names, r.randint(1, nodes))
            priorities = {n: r.randint(0, 2) for n in chosen}
            rule = {"type": "node-affinity", "sids": some, "nodes": priorities}
            rule["strict"] = r.random() < 0.6
        else:
            affinity = "negative" if kind < 0.85 else "positive"
            rule = {"type": "resource-affinity", "sids": some, "affinity": affinity}
        rules.append({"id": f"r{i}", **rule})
    policy = {"objective": r.choice(["spread", "spread", "pack", "fewest-moves"])}
    if r.random() < 0.5:
        policy["overcommit"] = {"cpu": r.choice([2.0, 4.0, 1.5])}
    if r.random() < 0.3:
        policy["hard-limit"] = {"mem": r.choice([0.95, 0.9])}
    if r.random() < 0.4:
        policy["soft-limit"] = {"mem": r.choice([0.7, 0.8]), "cpu": r.choice([0.8, 1.0])}
    if r.random() < 0.3 and nodes > 1:
        policy["failed"] = [[r.choice(names)]]
    return {"task": "recover", "nodes": made, "guests": guests, "rules": rules, "policy": policy}


# --- What a problem means -----------------------------------------------------------------------


def scaled(value, unit, up):
    if isinstance(value, int):
        return value * unit
    if unit > 1:
        return math.floor(Fraction(value * unit) + Fraction(1, 2))
    return math.ceil(value) if up else math.floor(value)


class Meaning:
    def __init__(self, problem):
        policy = problem["policy"]
        every = problem["nodes"] + problem["guests"]
        named = {"cpu", "mem"}
        for thing in every:
            named |= thing.get("capacity", {}).keys() | thing.get("used", {}).keys()
            named |= thing.get("size", {}).keys()
        devices = {d for thing in every for d in thing.get("devices", {})}
        self.resources = sorted(named)
        self.devices = sorted(devices)
        self.all = self.resources + ["device " + d for d in self.devices]
        failed = set(policy.get("failed", [[]])[0])
        self.open, self.limit, self.soft, self.load, self.cores = [], {}, {}, {}, {}
        for node in problem["nodes"]:
            name = node["name"]
            if node.get("online", True) and not node.get("maintenance") and name not in failed:
                self.open.append(name)
            self.cores[name] = scaled(node["capacity"].get("cpu", 0), MILLION, False)
            for r in self.resources:
                unit = MILLION if r == "cpu" else 1
                amount = scaled(node["capacity"].get(r, 0), unit, False)
                factor = Fraction(1)
                if r == "cpu":
                    factor *= Fraction(scaled(node.get("cpu-factor", 1), MILLION, False), MILLION)
                of = lambda key: Fraction(scaled(policy.get(key, {}).get(r, 1), MILLION, False), MILLION)
                factor *= of("overcommit")
                self.limit[name, r] = math.floor(amount * factor * of("hard-limit"))
                self.soft[name, r] = min(math.floor(amount * factor * of("soft-limit")), self.limit[name, r])
                self.load[name, r] = scaled(node.get("used", {}).get(r, 0), unit, True)
            for d in self.devices:
                self.limit[name, "device " + d] = node.get("devices", {}).get(d, 0)
                self.soft[name, "device " + d] = self.limit[name, "device " + d]
                self.load[name, "device " + d] = 0
        online = {n["name"] for n in problem["nodes"] if n.get("online", True)} - failed
        names = {n["name"] for n in problem["nodes"]}
        self.items, self.home, self.need, self.priority = [], {}, {}, {}
        charged = set()
        for guest in problem["guests"]:
            sid, state = guest["sid"], guest.get("state", "started")
            for r in self.resources:
                need = scaled(guest.get("size", {}).get(r, 0), MILLION if r == "cpu" else 1, True)
                self.need[sid, r] = 0 if state in ("stopped", "disabled") else need
            for d in self.devices:
                need = guest.get("devices", {}).get(d, 0)
                self.need[sid, "device " + d] = 0 if state in ("stopped", "disabled") else need
            node = guest.get("node")
            if state == "ignored" or node in online:
                if node in names:
                    self.home[sid] = node
                    for r in self.all:
                        self.load[node, r] += self.need[sid, r]
                        if self.need[sid, r]:
                            charged.add(node)
            else:
                self.items.append(sid)
                self.priority[sid] = guest.get("priority", 0)
        self.taken = charged
        guests = {g["sid"]: g for g in problem["guests"]}
        nodes = {n["name"]: n for n in problem["nodes"]}
        self.allowed = {}
        self.rank = {}
        for sid in self.items:
            guest = guests[sid]
            vcpus = scaled(guest.get("size", {}).get("cpu", 0), MILLION, True)
            self.allowed[sid] = {
                n
                for n in self.open
                if vcpus <= self.cores[n]
                and set(guest.get("storages", [])) <= set(nodes[n].get("storages", []))
                and all(n in v["nodes"] for v in guest.get("volumes", []))
            }
            for n in self.open:
                self.rank[sid, n] = 0
        self.together, self.apart = [], []
        for rule in problem["rules"]:
            here = [s for s in rule["sids"] if s in self.priority]
            if rule["type"] == "node-affinity":
                classes = sorted({p for n, p in rule["nodes"].items() if n in self.open}, reverse=True)
                for sid in here:
                    if rule["strict"]:
                        self.allowed[sid] &= rule["nodes"].keys()
                    for n in self.open:
                        at = classes.index(rule["nodes"][n]) if n in rule["nodes"] else len(classes)
                        self.rank[sid, n] += at
                continue
            homes = {self.home[s] for s in rule["sids"] if s in self.home}
            for sid in here:
                if rule["affinity"] == "positive":
                    for home in homes:
                        self.allowed[sid] &= {home}
                else:
                    self.allowed[sid] -= homes
            (self.together if rule["affinity"] == "positive" else self.apart).append(here)

    def placed(self, answer):
        """Whether an answer keeps everything."""
        on = {s: n for s, n in answer["placed"].items() if n is not None}
        if set(answer["placed"]) != set(self.items):
            return "other guests than those without a node"
        for sid, node in on.items():
            if node not in self.allowed[sid]:
                return f"{sid} cannot be on {node}"
        for node in self.open:
            there = [s for s, n in on.items() if n == node]
            for r in self.all:
                load = self.load[node, r] + sum(self.need[s, r] for s in there)
                if load > self.limit[node, r] and any(self.need[s, r] for s in there):
                    return f"{node} is too full of {r}"
        for group in self.together:
            if len({on[s] for s in group if s in on}) > 1:
                return f"{group} are not together"
        for group in self.apart:
            nodes = [on[s] for s in group if s in on]
            if len(set(nodes)) < len(nodes):
                return f"{group} are not apart"
        return None

    def aims(self, answer):
        """What the answer comes to: ranks, then soft limits and loads, or nodes in use."""
        on = answer["placed"]
        ranks = sum(self.rank[s, n] for s, n in on.items())
        load = dict(self.load)
        for sid, node in on.items():
            for r in self.all:
                load[node, r] += self.need[sid, r]
        overs = sum(
            load[n, r] > self.soft[n, r] >= self.load[n, r] for n in self.open for r in self.all
        )
        highest = [
            max(Fraction(load[n, r], self.limit[n, r]) for n in self.open if self.limit[n, r])
            for r in self.resources
            if any(self.limit[n, r] for n in self.open)
        ]
        used = self.taken & set(self.open)
        used |= {n for s, n in on.items() if any(self.need[s, r] for r in self.all)}
        return ranks, overs, sorted(highest, reverse=True), len(used)


# --- The other solver ---------------------------------------------------------------------------


class Unsolved(Exception):
    pass


class Solver:
    def __init__(self, meaning, everything=True):
        self.meaning = m = meaning
        self.model = model = cp_model.CpModel()
        self.x = {(s, n): model.NewBoolVar("") for s in m.items for n in m.allowed[s]}
        self.runs = {}
        for sid in m.items:
            here = sum(self.x[sid, n] for n in m.allowed[sid])
            if everything:
                model.Add(here == 1)
            else:
                self.runs[sid] = model.NewBoolVar("")
                model.Add(here == self.runs[sid])
        for node in m.open:
            for r in m.all:
                needs = [s for s in m.items if (s, node) in self.x and m.need[s, r]]
                room = m.limit[node, r] - m.load[node, r]
                model.Add(sum(m.need[s, r] * self.x[s, node] for s in needs) <= max(room, 0))
        for group in m.together:
            for a, b in zip(group, group[1:]):
                for node in m.open:
                    a_there, b_there = self.x.get((a, node), 0), self.x.get((b, node), 0)
                    if everything:
                        model.Add(a_there == b_there)
            if not everything:
                for a in group:
                    for b in group:
                        model.Add(self.runs[a] == self.runs[b])
                        for node in m.open:
                            model.Add(self.x.get((a, node), 0) == self.x.get((b, node), 0))
        for group in m.apart:
            for node in m.open:
                there = [self.x[s, node] for s in group if (s, node) in self.x]
                model.Add(sum(there) <= 1)

    def run(self):
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = 1
        solver.parameters.max_deterministic_time = 1
        status = solver.Solve(self.model)
        if status == cp_model.INFEASIBLE:
            return None
        if status != cp_model.OPTIMAL:
            raise Unsolved
        return solver

    def least(self, expression):
        """The least that it can be, which it is to be from now on."""
        self.model.Minimize(expression)
        solver = self.run()
        value = int(round(solver.ObjectiveValue()))
        self.model.ClearObjective()
        self.model.Add(expression == value)
        return value

    def ranks(self):
        return self.least(sum(self.meaning.rank[s, n] * x for (s, n), x in self.x.items()))

    def load(self, node, r):
        m = self.meaning
        return m.load[node, r] + sum(m.need[s, r] * x for (s, n), x in self.x.items() if n == node)

    def overs(self):
        m, all_overs = self.meaning, []
        for node in m.open:
            for r in m.all:
                if m.load[node, r] <= m.soft[node, r] < m.limit[node, r]:
                    over = self.model.NewBoolVar("")
                    more = m.limit[node, r] - m.soft[node, r]
                    self.model.Add(self.load(node, r) <= m.soft[node, r] + more * over)
                    all_overs.append(over)
        return self.least(sum(all_overs)) if all_overs else 0

    def vector(self):
        """The highest loads, the highest first, lexicographically least: one after the other."""
        m = self.meaning
        # What all amounts of a resource are multiples of is left out: small numbers are solved faster.
        common = {
            r: math.gcd(
                *(m.limit[n, r] for n in m.open),
                *(m.load[n, r] for n in m.open),
                *(m.need[s, r] for s in m.items),
            )
            for r in m.resources
        }
        limits = {m.limit[n, r] // common[r] for n in m.open for r in m.resources if m.limit[n, r]}
        if not limits:
            return []
        unit = math.lcm(*limits)
        if unit * 4 > 1 << 40:
            raise Unsolved
        highest = []
        for r in m.resources:
            nodes = [n for n in m.open if m.limit[n, r]]
            if not nodes:
                continue
            top = self.model.NewIntVar(0, 4 * unit, "")
            for n in nodes:
                times = unit // (m.limit[n, r] // common[r])
                load = m.load[n, r] // common[r]
                needs = [(m.need[s, r] // common[r], x) for (s, o), x in self.x.items() if o == n]
                self.model.Add(top >= times * load + sum(times * need * x for need, x in needs))
            highest.append(top)
        # No variable may be below what it stands for; so each place is the least bound under which all
        # but those before it come.
        found = []
        for place in range(len(highest)):
            bound = self.model.NewIntVar(0, 4 * unit, "")
            spared = [self.model.NewBoolVar("") for _ in highest]
            self.model.Add(sum(spared) <= place)
            for top, spare in zip(highest, spared):
                self.model.Add(top <= bound).OnlyEnforceIf(spare.Not())
            found.append(Fraction(self.least(bound), unit))
        return found

    def used(self):
        m, taken = self.meaning, []
        for node in m.open:
            if node in m.taken:
                continue
            used = self.model.NewBoolVar("")
            for (s, n), x in self.x.items():
                if n == node and any(m.need[s, r] for r in m.all):
                    self.model.AddImplication(x, used)
            taken.append(used)
        return len(m.taken & set(m.open)) + (self.least(sum(taken)) if taken else 0)

    def counts(self):
        """How many run at the most, by priority, the highest first."""
        m, found = self.meaning, []
        for priority in sorted(set(m.priority.values()), reverse=True):
            those = [self.runs[s] for s in m.items if m.priority[s] == priority]
            found.append(-self.least(-sum(those)))
        return found


# --- The comparison -----------------------------------------------------------------------------


def compare(problem, answer, seen):
    m = Meaning(problem)
    broken = m.placed(answer)
    if broken:
        return broken
    verdict = answer["verdict"]
    seen[verdict] = seen.get(verdict, 0) + 1
    solver = Solver(m)
    if verdict in ("infeasible", "unknown"):
        possible = solver.run() is not None
        if possible and verdict == "infeasible":
            return "there is an answer"
        if verdict == "unknown":
            return None
        counts = Solver(m, False).counts()
        ours = {}
        for sid, node in answer["placed"].items():
            ours[m.priority[sid]] = ours.get(m.priority[sid], 0) + (node is not None)
        ours = [ours[p] for p in sorted(ours, reverse=True)]
        seen["most placed"] = seen.get("most placed", 0) + (ours == counts)
        if not m.together and ours != counts and len(m.items) <= 14:
            return f"placed {ours} where {counts} can be"
        return None
    if None in answer["placed"].values():
        return "not everything is placed"
    ranks, overs, highest, used = m.aims(answer)
    objective = problem["policy"]["objective"]
    best = solver.ranks()
    said = {"spread": highest[0] if highest else 0, "pack": used, "fewest-moves": 0}[objective]
    if abs(answer["objective"] - said) > 1e-9:
        return f"its objective is {float(said)}"
    ours, theirs = [ranks], [best]
    if objective == "spread":
        ours += [overs, *highest]
        theirs += [solver.overs(), *solver.vector()]
        least = theirs[2] if highest else 0
    elif objective == "pack":
        ours.append(used)
        least = solver.used()
        theirs.append(least)
    else:
        least = 0
    show = lambda aims: [str(aim) for aim in aims]
    if ours < theirs:
        return f"better than CP-SAT: {show(ours)} {show(theirs)}"
    if answer["bound"] > least + 1e-9:
        return f"its bound {answer['bound']} is above {float(least)}"
    if verdict == "optimal" and ours != theirs:
        return f"optimal would be {show(theirs)}, it is {show(ours)}"
    seen["best"] = seen.get("best", 0) + (ours == theirs)
    return None


def main():
    program, cases = sys.argv[1], int(sys.argv[2])
    r = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    problems = [make(r) for _ in range(cases)]
    lines = "".join(json.dumps(p) + "\n" for p in problems)
    answers = subprocess.run([program], input=lines, capture_output=True, text=True, check=True)
    answers = [json.loads(line) for line in answers.stdout.splitlines()]
    assert len(answers) == cases, "an answer for each problem"
    seen, unsolved, wrong = {}, 0, 0
    start = time.monotonic()
    for problem, answer in zip(problems, answers):
        try:
            error = compare(problem, answer, seen)
        except Unsolved:
            unsolved += 1
            continue
        if error:
            wrong += 1
            print(f"not ok: {error}\n{json.dumps(problem)}\n{json.dumps(answer)}")
    counts = ", ".join(f"{name} {count}" for name, count in sorted(seen.items()))
    seconds = time.monotonic() - start
    print(f"# {cases} problems in {seconds:.0f} s: {counts}; CP-SAT gave up on {unsolved}")
    if wrong:
        sys.exit(f"{wrong} answers are wrong")
    print("ok: placements agree with CP-SAT")


main()
