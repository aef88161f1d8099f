#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Kills scripts/nightly at 200 random points: no run that was stored is lost, all stays valid."""

import csv
import os
import random
import shutil
import signal
import subprocess
import sys
import time

from nights import Nights, check

KILLS = 200
BENCH = ("--cases", "3")
OPTIONS = ("--no-site", "--runs", "20")


def stored_runs(nights):
    runs = set()
    for summary in nights.recordings():
        with summary.open(newline="") as file:
            for row in csv.DictReader(file):
                runs.add(f"{row['recording']} {row['case_name']} {row['run']}")
    return runs


def main():
    nights = Nights(sys.argv[1:])
    acknowledged = nights.folder / "acknowledged"
    bench = (*BENCH, "--acknowledge", str(acknowledged))
    begin = time.monotonic()
    first = nights.run(*OPTIONS, bench=bench)
    check(first.returncode == 0, f"an undisturbed night: {first.stdout}{first.stderr}")
    longest = time.monotonic() - begin
    choose = random.Random(20261122)
    killed = 0
    for _ in range(KILLS):
        night = subprocess.Popen(
            nights.command(*OPTIONS, bench=bench),
            env=nights.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            night.wait(timeout=choose.uniform(0, longest))
        except subprocess.TimeoutExpired:
            os.killpg(night.pid, signal.SIGKILL)
            killed += 1
        night.wait()
        # the bench has its own session only on a real night with systemd; here it is in the group
        nights_done = nights.recordings()
        for old in nights_done[:-12]:  # keeps the comparison short; the runs were checked below
            check_stored(nights, acknowledged, old.parent)
    last = nights.run(*OPTIONS, bench=bench)
    check(last.returncode in (0, 1), f"the night after: {last.stdout}{last.stderr}")
    check(killed > KILLS // 3, f"only {killed} nights were still running when killed")
    check(not nights.findings(), nights.findings())
    lost = set(acknowledged.read_text().splitlines()) - stored_runs(nights) - FORGOTTEN
    check(not lost, f"{len(lost)} runs are lost: {sorted(lost)[:5]}")
    left = list(nights.results.glob(".incoming/*/*"))
    check(not left, f"left behind: {left}")
    aside = list(nights.results.glob(".set_aside/*"))
    for folder in aside:  # only what was killed before its first run
        name = folder.name.split(".")[1]
        check(name not in acknowledged.read_text(), f"{folder} holds runs")
    print(f"{killed} of {KILLS} nights killed, {len(nights.recordings())} recordings at the end")
    shutil.rmtree(nights.folder)


FORGOTTEN = set()


def check_stored(nights, acknowledged, folder):
    """Checks the runs of a recording, then takes it away."""
    wanted = {
        line for line in acknowledged.read_text().splitlines() if line.startswith(folder.name + " ")
    }
    with (folder / "summary.csv").open(newline="") as file:
        there = {f"{r['recording']} {r['case_name']} {r['run']}" for r in csv.DictReader(file)}
    check(wanted <= there, f"{folder.name} lost {sorted(wanted - there)[:5]}")
    done = subprocess.run([nights.tools / "notifier_validate", folder], capture_output=True)
    check(done.returncode == 0, f"{folder.name} is not valid: {done.stdout}{done.stderr}")
    FORGOTTEN.update(wanted)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
