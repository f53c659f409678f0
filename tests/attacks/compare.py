"""Asks oslo.utils, pve-storage and qemu-img about the images in a list, and prints a table."""

import importlib.metadata
import logging
import os
import re
import subprocess
import sys

SECONDS = 20
HERE = os.path.dirname(os.path.abspath(__file__))

# What oslo.utils calls the formats that a caller can say.
OSLO_NAMES = {"vpc": {"vhd"}, "raw": {"raw", "gpt", "iso"}}


def run(command):
    """The output of a program and whether it succeeded; None if it hangs."""
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=SECONDS, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        return None
    return done.stdout.decode(errors="replace"), done.returncode == 0


def oslo_here(path, declared):
    """In a process of its own, as it may hang: detection, the format's check, and the comparison
    with what the caller was told, as its documentation asks for."""
    logging.disable(logging.CRITICAL)
    from oslo_utils.imageutils import format_inspector

    try:
        inspector = format_inspector.detect_file_format(path)
        inspector.safety_check()
    except Exception as error:  # pylint: disable=broad-except
        return f"refused {type(error).__name__}"
    found = str(inspector)
    if declared != "auto-detect" and found not in OSLO_NAMES.get(declared, {declared}):
        return f"refused is {found}"
    return "safe"


def verdict(answer):
    if answer is None:
        return "hangs"
    text, succeeded = answer
    return "safe" if succeeded and text.startswith("safe") else "refused"


def oslo(path, declared):
    return verdict(run([sys.executable, __file__, "--oslo", path, declared]))


def pve(path, declared):
    if not os.environ.get("PVE_STORAGE_DIR"):
        return "not asked"
    return verdict(run(["perl", os.path.join(HERE, "compare.pl"), path, declared]))


def qemu(path, declared):
    named = [] if declared == "auto-detect" else ["-f", declared]
    answer = run(["qemu-img", "info", *named, "--", path])
    return "hangs" if answer is None else "safe" if answer[1] else "refused"


def cell(attack, twin):
    """What a program makes of an attack and of its harmless twin."""
    if attack == "not asked":
        return attack
    if attack == "refused":
        return "refuses both" if twin != "safe" else "caught"
    return "**hangs**" if attack == "hangs" else "**missed**"


def version_of_pve():
    try:
        with open(os.path.join(os.environ["PVE_STORAGE_DIR"], "debian/changelog")) as changelog:
            return re.search(r"\((.*?)\)", changelog.readline()).group(1)
    except (KeyError, OSError):
        return "not asked"


def main():
    with open(sys.argv[1]) as lines:
        cases = [line.rstrip("\n").split("\t") for line in lines]
    others = {"oslo.utils": oslo, "pve-storage": pve}
    counts = {name: {} for name in ["ours", *others]}
    rows = []
    for name, known_as, preset, declared, attack, ours, twin, ours_of_twin in cases:
        print(name, file=sys.stderr)
        row = {"ours": "caught" if ours != "safe" and ours_of_twin == "safe" else "**missed**"}
        for other, ask in others.items():
            row[other] = cell(ask(attack, declared), ask(twin, declared))
        for other, word in row.items():
            counts[other][word] = counts[other].get(word, 0) + 1
        opens = {"safe": "opens it", "refused": "refuses it", "hangs": "hangs"}
        known_as = re.sub("CVE-", "", known_as)
        rows.append(
            f"| {name} | {known_as} | {preset} | `{ours}` | {row['oslo.utils']} "
            f"| {row['pve-storage']} | {opens[qemu(attack, declared)]} |"
        )
    versions = (
        f"oslo.utils {importlib.metadata.version('oslo.utils')}, pve-storage {version_of_pve()}, "
        + run(["qemu-img", "--version"])[0].splitlines()[0]
    )
    print(f"{len(rows)} cases; {versions}.\n")
    words = ["caught", "refuses both", "**missed**", "**hangs**"]
    print("| | " + " | ".join(words) + " |")
    print("|---|" + "---|" * len(words))
    for other, count in counts.items():
        print(f"| {other} | " + " | ".join(str(count.get(word, 0)) for word in words) + " |")
    print("\n| attack | known as | preset | ours | oslo.utils | pve-storage | `qemu-img info` |")
    print("|---|---|---|---|---|---|---|")
    print("\n".join(rows))


if __name__ == "__main__":
    if sys.argv[1] == "--oslo":
        print(oslo_here(sys.argv[2], sys.argv[3]))
    else:
        main()
