"""Asks oslo.utils, pve-storage and qemu-img about the images in a list, and prints a table."""

import concurrent.futures
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
# The formats that pve-storage asks qemu-img about; it takes others for raw.
PVE_FORMATS = ["raw", "qcow", "qcow2", "qed", "vmdk", "cloop"]


def run(command):
    """The output of a program and whether it succeeded; None if it hangs."""
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=SECONDS, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        return None
    if b"got timeout" in done.stderr:
        return "timeout", False
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
    if text == "timeout":
        return text
    return "safe" if succeeded and text.startswith("safe") else "refused"


def oslo(path, declared):
    if declared == "auto-detect":
        return "the caller's"
    return verdict(run([sys.executable, __file__, "--oslo", path, declared]))


def pve(path, declared):
    if not os.environ.get("PVE_STORAGE_DIR"):
        return "not asked"
    if declared == "auto-detect":
        return "the caller's"
    if declared not in PVE_FORMATS:
        return "not its format"
    return verdict(run(["perl", os.path.join(HERE, "compare.pl"), path, declared]))


def qemu(path, declared):
    named = [] if declared == "auto-detect" else ["-f", declared]
    answer = run(["qemu-img", "info", *named, "--", path])
    return "hangs" if answer is None else "safe" if answer[1] else "refused"


def cell(attack, twin):
    """What a program makes of an attack and of its harmless twin."""
    if attack in ("refused", "timeout"):
        caught = "caught in time" if attack == "timeout" else "caught"
        return caught if twin == "safe" else "refuses both"
    return {"hangs": "**hangs**", "safe": "**missed**"}.get(attack, attack)


def version_of_pve():
    try:
        with open(os.path.join(os.environ["PVE_STORAGE_DIR"], "debian/changelog")) as changelog:
            return re.search(r"\((.*?)\)", changelog.readline()).group(1)
    except (KeyError, OSError):
        return "not asked"


def ask_all(case):
    """The row of one case."""
    name, known_as, preset, declared, attack, ours, twin, ours_of_twin = case
    print(name, file=sys.stderr)
    row = {"ours": "caught" if ours != "safe" and ours_of_twin == "safe" else "**missed**"}
    for other, ask in {"oslo.utils": oslo, "pve-storage": pve}.items():
        row[other] = cell(ask(attack, declared), ask(twin, declared))
    opens = {"safe": "opens it", "refused": "refuses it", "hangs": "hangs"}
    known_as = known_as.replace("CVE-", "")
    text = (
        f"| {name} | {known_as} | {preset} | `{ours}` | {row['oslo.utils']} "
        f"| {row['pve-storage']} | {opens[qemu(attack, declared)]} |"
    )
    return row, text


def count(title, rows):
    """How often each program said what."""
    words = ["caught", "caught in time", "refuses both", "**missed**", "**hangs**"]
    print(f"| {title}: {len(rows)} cases | " + " | ".join(words) + " | not asked |")
    print("|---|" + "---|" * (len(words) + 1))
    for other in rows[0]:
        said = [row[other] for row in rows]
        counts = [said.count(word) for word in words]
        counts.append(len(rows) - sum(counts))
        print(f"| {other} | " + " | ".join(map(str, counts)) + " |")
    print()


def main():
    with open(sys.argv[1]) as lines:
        cases = [line.rstrip("\n").split("\t") for line in lines]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        answers = list(pool.map(ask_all, cases))
    rows = [row for row, _ in answers]
    uploads = [case[2] == "upload" for case in cases]
    print(
        f"{len(cases)} cases; oslo.utils {importlib.metadata.version('oslo.utils')}, "
        f"pve-storage {version_of_pve()}, "
        f"{run(['qemu-img', '--version'])[0].splitlines()[0]}.\n"
    )
    count("uploads", [row for row, upload in zip(rows, uploads) if upload])
    count("chains and storages", [row for row, upload in zip(rows, uploads) if not upload])
    print("## All cases\n")
    print("| attack | known as | preset | ours | oslo.utils | pve-storage | `qemu-img info` |")
    print("|---|---|---|---|---|---|---|")
    print("\n".join(text for _, text in answers))


if __name__ == "__main__":
    if sys.argv[1] == "--oslo":
        print(oslo_here(sys.argv[2], sys.argv[3]))
    else:
        main()
