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


def runs_in(folder):
    """As the fake bench acknowledges them: machine/recording case run."""
    with (folder / "summary.csv").open(newline="") as file:
        return {
            f"{row['machine']}/{row['recording']} {row['case_name']} {row['run']}"
            for row in csv.DictReader(file)
        }


def main():
    nights = Nights(sys.argv[1:])
    acknowledged = nights.folder / "acknowledged"
    bench = (*BENCH, "--acknowledge", str(acknowledged))
    begin = time.monotonic()
    first = nights.run(*OPTIONS, bench=bench)
    check(first.returncode == 0, f"an undisturbed night: {first.stdout}{first.stderr}")
    usual_s = time.monotonic() - begin
    choose = random.Random(20261122)
    killed = 0
    for number in range(KILLS):
        # Recordings are named by their second; a machine of its own keeps each apart.
        environment = nights.environment(NOTIFIER_FAKE_MACHINE=f"fake{number}")
        night = subprocess.Popen(
            nights.command(*OPTIONS, bench=bench),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        begin = time.monotonic()
        try:
            night.wait(timeout=choose.uniform(0, usual_s))
            # The first may have been a slow one: then most nights would end before they are killed.
            usual_s = (usual_s + time.monotonic() - begin) / 2
        except subprocess.TimeoutExpired:
            os.killpg(night.pid, signal.SIGKILL)
            killed += 1
        night.wait()
    last = nights.run(*OPTIONS, bench=bench, NOTIFIER_FAKE_MACHINE="last")
    check(last.returncode == 0, f"the night after: {last.stdout}{last.stderr}")
    check(killed > KILLS // 3, f"only {killed} nights were still running when killed")
    check(not nights.findings(), nights.findings())
    stored = set().union(*(runs_in(summary.parent) for summary in nights.recordings()))
    lost = set(acknowledged.read_text().splitlines()) - stored
    check(not lost, f"{len(lost)} runs are lost: {sorted(lost)[:5]}")
    left = list(nights.results.glob(".incoming/*/*"))
    check(not left, f"left behind: {left}")
    for folder in nights.results.glob(".set_aside/*"):  # only what had stored no run yet
        machine, recording = folder.name.split(".")[:2]
        check(f"{machine}/{recording} " not in acknowledged.read_text(), f"{folder} holds runs")
    whole = sum("last" not in str(summary) for summary in nights.recordings())
    print(f"{killed} of {KILLS} nights killed; {whole} recordings, {len(stored)} runs, none lost")
    shutil.rmtree(nights.folder)


if __name__ == "__main__":
    main()
