# SPDX-License-Identifier: MIT
"""What the tests of scripts/nightly share: a results folder, tools, and nights with a fake bench."""

import os
import pathlib
import subprocess
import sys
import tempfile

PROJECT = pathlib.Path(__file__).resolve().parents[2]


class Nights:
    def __init__(self, programs):
        self.bench, *tools = [pathlib.Path(program) for program in programs]
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="notifier-nights-"))
        self.results = self.folder / "results"
        self.site = self.folder / "site"
        self.tools = self.folder / "tools"
        self.tools.mkdir()
        for tool in tools:
            (self.tools / tool.name).symlink_to(tool)
        # a machine that is always cool and idle
        self.system = self.folder / "system"
        (self.system / "proc").mkdir(parents=True)
        (self.system / "proc" / "loadavg").write_text("0.00 0.00 0.00 1/1 1\n")

    def command(self, *options, bench=()):
        return [
            str(PROJECT / "scripts" / "nightly"),
            *("--results", str(self.results), "--site", str(self.site), "--wait", "0"),
            *("--bench", str(self.bench), "--tools", str(self.tools)),
            *options,
            "--",
            *bench,
        ]

    def environment(self, **more):
        return {**os.environ, "NOTIFIER_SYSTEM_ROOT": str(self.system), **more}

    def run(self, *options, bench=(), **environment):
        return subprocess.run(
            self.command(*options, bench=bench),
            env=self.environment(**environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def recordings(self):
        return sorted(self.results.glob("[!.]*/*/summary.csv"))

    def findings(self):
        """What notifier_validate says of each recording that is not valid."""
        bad = []
        for summary in self.recordings():
            done = subprocess.run(
                [self.tools / "notifier_validate", summary.parent], capture_output=True, text=True
            )
            if done.returncode != 0:
                bad.append(done.stdout + done.stderr)
        return bad


def check(condition, message):
    if not condition:
        sys.exit(f"FAILED: {message}")
