# SPDX-License-Identifier: MIT
"""A Slurm cluster on this machine: munged, slurmctld, and one slurmd per node, which are told their
names (-N). Its GPUs are /dev/null, so nothing but the scheduling is real."""

import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "sinfo", "squeue", "scancel")


def why_impossible():
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        return f"no {', '.join(missing)} here (apt-get install slurm-wlm munge)"
    if os.geteuid() != 0:
        return "slurmd wants to be root"
    if not pathlib.Path("/sys/fs/cgroup").is_dir():
        return "no /sys/fs/cgroup, which slurmd looks for"
    return None


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Cluster:
    """`nodes` maps names to numbers of GPUs."""

    def __init__(self, nodes):
        self.nodes = nodes
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="notifier-slurm-"))
        self.folder.chmod(0o755)
        self.daemons = []
        self.configuration = self.folder / "slurm.conf"
        os.environ["SLURM_CONF"] = str(self.configuration)

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o600)
        self.write_configuration()
        munge = self.folder / "munge.socket"
        self.spawn(
            "munged",
            *("--foreground", "--force", f"--key-file={key}", f"--socket={munge}"),
            *(f"--pid-file={self.folder}/munged.pid", f"--log-file={self.folder}/munged.log"),
            f"--seed-file={self.folder}/munged.seed",
        )
        self.wait_for(munge.exists, "munged's socket")
        self.spawn("slurmctld", "-D", "-c", "-f", self.configuration)
        for node in self.nodes:
            self.spawn("slurmd", "-D", "-N", node, "-f", self.configuration)
        self.wait_for(lambda: self.states() == {"idle"}, "idle nodes")

    def write_configuration(self):
        host = socket.gethostname().split(".")[0]
        port, *ports = free_ports(1 + len(self.nodes))
        lines = [
            "ClusterName=loopback",
            f"SlurmctldHost={host}(127.0.0.1)",
            f"SlurmctldPort={port}",
            *("SlurmUser=root", "SlurmdUser=root"),
            *("AuthType=auth/munge", f"AuthInfo=socket={self.folder}/munge.socket"),
            *("CredType=cred/munge", f"StateSaveLocation={self.folder}/state"),
            f"SlurmdSpoolDir={self.folder}/spool.%n",
            f"SlurmctldPidFile={self.folder}/slurmctld.pid",
            f"SlurmdPidFile={self.folder}/slurmd.%n.pid",
            *("ProctrackType=proctrack/linuxproc", "TaskPlugin=task/none"),
            *("SelectType=select/cons_tres", "SelectTypeParameters=CR_Core"),
            *("MpiDefault=none", "AccountingStorageType=accounting_storage/none"),
            *("JobAcctGatherType=jobacct_gather/none", "ReturnToService=2", "GresTypes=gpu"),
        ]
        devices = []
        for (node, gpus), own_port in zip(self.nodes.items(), ports):
            gres = f" Gres=gpu:{gpus}" if gpus else ""
            lines.append(
                f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={own_port} CPUs=1{gres}"
            )
            if gpus:
                files = ",".join(("/dev/null", "/dev/zero", "/dev/full")[:gpus])
                devices.append(f"NodeName={node} Name=gpu File={files}")
        lines.append("PartitionName=all Nodes=ALL Default=YES State=UP")
        self.configuration.write_text("\n".join(lines) + "\n")
        (self.folder / "gres.conf").write_text("\n".join(devices) + "\n")
        (self.folder / "cgroup.conf").write_text("IgnoreSystemd=yes\n")
        (self.folder / "state").mkdir()
        for node in self.nodes:
            (self.folder / f"spool.{node}").mkdir()

    def spawn(self, program, *arguments):
        with (self.folder / f"daemon.{len(self.daemons)}.{program}.log").open("w") as log:
            self.daemons.append(
                subprocess.Popen(
                    [program, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
                )
            )

    def states(self):
        done = subprocess.run(
            ["sinfo", "--noheader", "--Node", "--format=%t"], capture_output=True, text=True
        )
        return set(done.stdout.split())

    def wait_for(self, condition, what):
        limit = time.monotonic() + 120
        while not condition():
            ended = [daemon.args[0] for daemon in self.daemons if daemon.poll() is not None]
            if ended or time.monotonic() > limit:
                raise RuntimeError(f"no {what}; ended: {ended}\n{self.logs()}")
            time.sleep(0.1)

    def logs(self):
        return "\n".join(
            f"--- {log.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-8:])
            for log in sorted(self.folder.glob("*.log"))
        )

    def stop(self):
        for daemon in reversed(self.daemons):
            daemon.terminate()
        for daemon in self.daemons:
            try:
                daemon.wait(timeout=30)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
