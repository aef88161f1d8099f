#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""scripts/fleet on a Slurm cluster of this machine: every GPU is measured once, failed ones are
measured again, an odd one is named; then the same with the software GPU; and over ssh."""

import os
import pathlib
import subprocess
import sys
import tempfile

from loopback_cluster import Cluster, why_impossible
from nights import PROJECT, check

NODES = {"node1": 1, "node2": 2, "node3": 1, "cpu1": 0}
SKIPPED = 77

# What stands for the bench on a node: GPUs have names by node and number, one is slow, and what
# `broken` names fails as it says.
BENCH = """#!/bin/bash
node=$SLURMD_NODENAME
while [ $# -gt 0 ]; do
  case $1 in --machine) node=$2;; --runs) runs=$2;; --results) results=$2;; esac
  shift 2
done
gpu=GPU-$node-$ROCR_VISIBLE_DEVICES
echo "$gpu" >>{folder}/measured
case $(cat {folder}/broken/$gpu 2>/dev/null) in
  refuses) echo "no such device" >&2; exit 77;;
  dies)
    {fake} --results "$results" --machine "$node" --device "$gpu" --runs 10000 \\
      --acknowledge {folder}/stored &
    while ! [ -s {folder}/stored ]; do :; done
    kill -9 $! $PPID $$;;
esac
slow=1; [ "$gpu" != GPU-node2-1 ] || slow=1.4
exec {fake} --results "$results" --machine "$node" --runs "$runs" --device "$gpu" --slow-factor $slow
"""


class Campaigns:
    def __init__(self, programs):
        self.fake, self.softgpu, *tools = [pathlib.Path(program) for program in programs]
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="notifier-fleet-"))
        self.results = self.folder / "results"
        self.tools = self.folder / "tools"
        self.tools.mkdir()
        for tool in tools:
            (self.tools / tool.name).symlink_to(tool)
        (self.folder / "broken").mkdir()
        self.bench = self.folder / "bench"
        self.bench.write_text(BENCH.format(folder=self.folder, fake=self.fake))
        self.bench.chmod(0o755)

    def run(self, *options, bench=None, path=""):
        return subprocess.run(
            [
                PROJECT / "scripts/fleet",
                *("--results", self.results, "--bench", bench or self.bench),
                *("--tools", self.tools, *options),
            ],
            env={**os.environ, "NOTIFIER_FLEET_POLL_S": "1", "PATH": path + os.environ["PATH"]},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=400,
        )

    def measured(self):
        """The GPUs that the bench was started for since the last question."""
        log = self.folder / "measured"
        gpus = sorted(log.read_text().split()) if log.exists() else []
        log.unlink(missing_ok=True)
        return gpus

    def break_gpu(self, gpu, how):
        (self.folder / "broken" / gpu).write_text(how)

    def mend(self):
        for file in (self.folder / "broken").iterdir():
            file.unlink()

    def recordings(self):
        return sorted(
            str(summary.parent.relative_to(self.results))
            for summary in self.results.glob("[!.]*/*/summary.csv")
        )

    def check_valid(self):
        for recording in self.recordings():
            done = subprocess.run(
                [self.tools / "notifier_validate", self.results / recording],
                capture_output=True,
                text=True,
            )
            check(done.returncode == 0, done.stdout + done.stderr)


def with_failures(campaigns):
    campaigns.break_gpu("GPU-node1-0", "refuses")
    campaigns.break_gpu("GPU-node3-0", "dies")
    first = campaigns.run("--runs", "10")
    text = first.stdout + first.stderr
    # node3's stored runs are enough to tell that node2 has an odd GPU, which weighs more than 3.
    check(first.returncode == 1, f"two GPUs failed: {first.returncode} {text}")
    check(
        campaigns.measured() == ["GPU-node1-0", "GPU-node2-0", "GPU-node2-1", "GPU-node3-0"],
        "every GPU is measured once",
    )
    check("GPU 0 of node1: nothing could run there: no such device" in text, text)
    check("GPU 0 of node3: it did not end by itself" in text, text)
    check("left out: cpu1: no GPU" in text, text)
    machines = [recording.split("/")[0] for recording in campaigns.recordings()]
    check(machines.count("node2") == 2 and "node1" not in machines, f"{machines}")
    check("node3" in machines, f"what the killed bench had stored is kept: {machines}")

    campaigns.mend()
    second = campaigns.run("--resume", "--runs", "10")
    text = second.stdout + second.stderr
    check(campaigns.measured() == ["GPU-node1-0", "GPU-node3-0"], "only what failed is measured again")
    check(second.returncode == 1, f"an outlier: {second.returncode} {text}")
    row = next(line for line in text.splitlines() if line.startswith("| GPU-node2-1 |"))
    check("outlier: slower" in row and "+40" in row, row)
    check(text.count("outlier: ") == 1 and "not measured" not in text, text)
    campaigns.check_valid()

    third = campaigns.run("--resume")
    check(campaigns.measured() == [] and "0 GPU(s) to measure" in third.stdout, third.stdout)
    report = campaigns.run("--report")
    check(report.returncode == 1 and row in report.stdout, report.stdout + report.stderr)


def some_nodes(campaigns):
    done = campaigns.run("--nodes", "node[1,3]", "--runs", "2", "--partition", "all")
    check(campaigns.measured() == ["GPU-node1-0", "GPU-node3-0"], "only the nodes that were asked for")
    check("not compared" in done.stdout, done.stdout + done.stderr)
    check(done.returncode == 0, f"{done.returncode} {done.stderr}")


def time_runs_out(campaigns):
    # A node whose slurmd has gone does not answer; its task is cancelled in the end.
    subprocess.run(["scontrol", "update", "nodename=node1", "state=drain", "reason=test"], check=True)
    done = campaigns.run("--nodes", "node1,node3", "--runs", "2")
    check(done.returncode == 3 and "node1 is not available" in done.stderr, done.stderr)
    check("GPU 0 of node1: it was never started" in done.stdout, done.stdout)
    subprocess.run(["scontrol", "update", "nodename=node1", "state=resume"], check=True)
    done = campaigns.run("--resume", "--runs", "2")
    check(done.returncode == 0, done.stdout + done.stderr)


def with_the_software_gpu(campaigns):
    done = campaigns.run(
        *("--nodes", "node[1-3]", "--runs", "2", "--", "--filter"),
        *("userptr/anon/(fork_exit|dontneed)/default/.*/64KiB", "--no-self-test"),
        bench=campaigns.softgpu,
    )
    text = done.stdout + done.stderr
    check(done.returncode in (0, 1), f"{done.returncode} {text}")
    check("not measured" not in text, text)
    check(sum("software" in line for line in done.stdout.splitlines()) >= 3, text)
    campaigns.check_valid()


def over_ssh(campaigns):
    """ssh is played by a script that runs the command here."""
    folder = campaigns.folder / "path"
    folder.mkdir()
    ssh = folder / "ssh"
    ssh.write_text('#!/bin/bash\necho "$3" >>%s/hosts\nexec bash -c "$4"\n' % campaigns.folder)
    ssh.chmod(0o755)
    os.environ.pop("SLURM_CONF", None)
    campaigns.measured()
    done = campaigns.run("--hosts", "alpha:2 beta", "--runs", "2", path=f"{folder}:")
    check(done.returncode == 0, f"{done.returncode} {done.stdout}{done.stderr}")
    check(campaigns.measured() == ["GPU-alpha-0", "GPU-alpha-1", "GPU-beta-0"], "hosts and GPUs")
    hosts = (campaigns.folder / "hosts").read_text().split()
    check(sorted(hosts) == ["alpha", "alpha", "beta"], hosts)


def wrong_usage():
    for wrong in (["--runs", "x"], ["--nonsense"], ["--runs"], ["--wait", "0"]):
        done = subprocess.run([PROJECT / "scripts/fleet", *wrong], capture_output=True)
        check(done.returncode == 2, wrong)


def main():
    campaigns = Campaigns(sys.argv[1:])
    wrong_usage()
    reason = why_impossible()
    if reason is None:
        with Cluster(NODES) as cluster:
            try:
                with_failures(campaigns)
                some_nodes(campaigns)
                time_runs_out(campaigns)
                with_the_software_gpu(campaigns)
            except SystemExit:
                print(cluster.logs())
                raise
    over_ssh(campaigns)
    if reason is not None:
        print(f"skipped, but for ssh: {reason}")
        sys.exit(SKIPPED)
    print(f"{len(campaigns.recordings())} recordings of {len(NODES)} nodes, all valid")


if __name__ == "__main__":
    main()
