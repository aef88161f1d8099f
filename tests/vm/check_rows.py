# SPDX-License-Identifier: MIT
"""check_rows.py RESULTS: the rows that the VM test is for are ok, and nothing was violated."""
import collections
import csv
import pathlib
import sys

PLACEMENT = ("move_pages", "mbind", "reclaim", "pageout")
WANTED = [("kvm", "system", call) for call in ("dontneed", "fork_exit", "move_pages", "mbind", "reclaim")]
WANTED += [("software", "userptr", call) for call in PLACEMENT]
WANTED += [("kernel", "pin_rdma", call)
           for call in ("none", "fork_child_hold", "fork_parent_write", "dontneed", "move_pages", "pageout")]

rows = []
for path in pathlib.Path(sys.argv[1]).rglob("summary.csv"):
    with path.open(newline="", encoding="utf-8") as file:
        rows += csv.DictReader(file)

# A vCPU that goes on using the pages keeps Linux 6.1 from writing any (docs/kernels.md): skipped for that alone.
MAY_SKIP = {("kvm", "system", "pageout"):
            "the kernel wrote no page to swap (older kernels keep what a vCPU goes on using)"}

wrong = []
for platform, memory, call in WANTED:
    found = {(row["status"], row["reason"]) for row in rows
             if (row["platform"], row["memory"], row["perturbation"]) == (platform, memory, call)}
    # A note about fewer events than asked for is no failure.
    if {status for status, _ in found} != {"ok"}:
        wrong.append(f"{platform} {memory}/{call}: {sorted(found) or 'no row'}")
for (platform, memory, call), reason in MAY_SKIP.items():
    found = {(row["status"], row["reason"]) for row in rows
             if (row["platform"], row["memory"], row["perturbation"]) == (platform, memory, call)}
    if not found or not {status for status, _ in found} <= {"ok", "skipped"} or \
            any(status == "skipped" and text != reason for status, text in found):
        wrong.append(f"{platform} {memory}/{call}: {sorted(found) or 'no row'}")
for row in rows:
    # That a registered page can reach a child is what some pin cases show.
    if row["platform"] == "kernel":
        continue
    violated = {name: value for name, value in row.items() if name.startswith("violations_") and value not in ("", "0")}
    if violated:
        wrong.append(f"{row['case_name']}: {violated}")
for text in sorted(set(wrong)):
    print("WRONG", text)
# What the machine has and most hosts have not, by perturbation; RDMA and KVM by memory and platform.
KINDS = {"move_pages": "NUMA", "mbind": "NUMA", "reclaim": "reclaim", "pageout": "swap"}
counts = collections.Counter()
for case in {(row["platform"], row["memory"], row["perturbation"]) for row in rows if row["status"] == "ok"}:
    kinds = {KINDS.get(case[2]), "RDMA" if case[1] == "pin_rdma" else None, "KVM" if case[0] == "kvm" else None}
    counts.update(kinds - {None})
print("ok: " + ", ".join(f"{kind} {counts[kind]}" for kind in ("NUMA", "reclaim", "swap", "RDMA", "KVM")))
print(f"{len(WANTED)} rows looked for, {len(rows)} rows read, {len(set(wrong))} wrong")
sys.exit(1 if wrong else 0)
