#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What scripts/nightly does on good and bad nights."""

import shutil
import subprocess
import sys
import time

from nights import PROJECT, Nights, check


def wait_for_next_second():
    """Recordings are named by their second, and the comparison goes by names."""
    now = int(time.time())
    while int(time.time()) == now:
        time.sleep(0.05)


def main():
    nights = Nights(sys.argv[1:])
    sent = nights.folder / "sent"
    notify = f'printf "%s\\n" "$NOTIFIER_SUBJECT" >{sent}; cat >>{sent}'
    options = ("--runs", "10", "--notify", notify)

    good = nights.run(*options)
    check(good.returncode == 0, good.stdout + good.stderr)
    check((nights.site / "index.html").exists(), "no site")
    check(not sent.exists(), "a good night is no news")
    check(len(nights.recordings()) == 1 and not nights.findings(), nights.findings())

    wait_for_next_second()
    slow = nights.run(*options, NOTIFIER_FAKE_SLOW="1.3")
    check(slow.returncode == 1, f"a slow night ends with 1: {slow.stdout}{slow.stderr}")
    check("regression" in sent.read_text().splitlines()[0], sent.read_text())
    check("fork_exit" in sent.read_text(), sent.read_text())
    sent.unlink()

    wait_for_next_second()
    bad = nights.run(*options, bench=("--exit-code", "1"))
    check(bad.returncode == 1, bad.stdout + bad.stderr)
    check("violation or failed case" in sent.read_text(), sent.read_text())

    # Another GPU in the same machine is slower by nature, not since last night.
    wait_for_next_second()
    other = nights.run(*options, NOTIFIER_FAKE_SLOW="2", NOTIFIER_FAKE_DEVICE="other GPU")
    check(other.returncode == 0, f"two GPUs were mixed: {other.stdout}{other.stderr}")
    summary = (nights.results / ".nightly.md").read_text()
    check("other GPU" in summary and "device" in summary, summary)

    published = nights.folder / "published"
    wait_for_next_second()
    public = nights.run("--runs", "2", "--publish", str(published))
    check((published / "data" / "index.js").exists(), public.stdout + public.stderr)
    precious = nights.folder / "precious"
    precious.mkdir()
    (precious / "file").write_text("x")
    refused = subprocess.run([PROJECT / "scripts/publish", nights.site, precious])
    check(refused.returncode == 2 and (precious / "file").exists(), "publish replaced a folder")

    lock = subprocess.Popen(["flock", "--no-fork", nights.results / ".nightly.lock", "sleep", "60"])
    while subprocess.run(["flock", "--nonblock", nights.results / ".nightly.lock", "true"]).returncode == 0:
        time.sleep(0.02)
    locked = nights.run()
    lock.kill()
    lock.wait()
    check(locked.returncode == 75, f"a second night at once: {locked.returncode}")

    hot = nights.system / "sys/class/drm/card0/device/hwmon/hwmon1"
    hot.mkdir(parents=True)
    (hot / "temp1_input").write_text("91000\n")
    (nights.system / "proc" / "loadavg").write_text("99.00 0.00 0.00 1/1 1\n")
    wait_for_next_second()
    warned = nights.run("--runs", "2", "--no-site")
    check("a GPU is hot: 91 degrees" in warned.stderr, warned.stderr)
    check("the load is 99" in warned.stderr, warned.stderr)
    check("91 degrees" in (nights.results / ".nightly.md").read_text(), "not in the summary")

    oldest = nights.recordings()[0].parent / "samples.csv"
    content = oldest.read_bytes()
    subprocess.run(["touch", "-d", "100 days ago", oldest], check=True)
    wait_for_next_second()
    nights.run("--runs", "2", "--no-site", "--pack-after", "30")
    check(not oldest.exists(), "not packed")
    unpacked = subprocess.run(["gunzip", "-c", f"{oldest}.gz"], capture_output=True, check=True)
    check(unpacked.stdout == content, "packing lost something")
    check(not nights.findings(), f"packed recordings are valid: {nights.findings()}")

    for wrong in (["--runs", "x"], ["--nonsense"], ["--runs"]):
        done = subprocess.run([PROJECT / "scripts/nightly", *wrong], capture_output=True)
        check(done.returncode == 2, wrong)
    units = subprocess.run(
        [PROJECT / "scripts/nightly", "--print-units", "03:15"], capture_output=True, text=True
    ).stdout
    check("OnCalendar=*-*-* 03:15" in units and "# 15 03 * * *" in units, units)
    shutil.rmtree(nights.folder)


if __name__ == "__main__":
    main()
