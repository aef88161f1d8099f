# SPDX-License-Identifier: MIT
"""What a guest image must not contain: says each thing found in an object file, and ends with 1.

Usage: check_guest_image.py OBJDUMP FILE [--must-refuse]
--must-refuse: the file is one that has such things; ends with 0 only if some were found.
"""
import re
import subprocess
import sys

# An emulating host runs integer instructions only; a vCPU here has no thread and no C library.
FORBIDDEN = [
    (r"%[xyz]mm\d", "vector register"),
    (r"%mm\d|%st\b", "x87 or MMX register"),
    (r"%k\d", "mask register"),
    (r"%fs:", "thread-local data or stack protector"),
    (r"\b(popcnt|lzcnt|tzcnt|pdep|pext|mulx|ad[co]x|sarx|shlx|shrx|rorx|andn|bextr|bls\w+)\w*\s",
     "instruction beyond the x86-64 baseline"),
    (r"\b(syscall|sysenter|int\s|iret|cpuid|rdrand|rdseed|xgetbv|xsave)", "instruction of a system"),
    (r"call\w*\s.*(<__stack_chk|@plt)", "call out of the image"),
]


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def problems(objdump, path):
    found = []
    for line in output(objdump, "-d", "--no-show-raw-insn", path).splitlines():
        for pattern, what in FORBIDDEN:
            if re.search(pattern, line):
                found.append(f"{what}: {line.strip()}")
    for line in output(objdump, "-t", path).splitlines():
        if "*UND*" in line and line.split()[-1] != "*UND*":
            found.append(f"undefined symbol: {line.split()[-1]}")
    for line in output(objdump, "-h", path).splitlines():
        parts = line.split()
        if len(parts) > 2 and re.match(r"\.(data|bss|tdata|tbss|init_array|writable)", parts[1]):
            if int(parts[2], 16) != 0:
                found.append(f"section {parts[1]} of {int(parts[2], 16)} bytes")
    return found


def main():
    objdump, path = sys.argv[1:3]
    if not re.search(r"\b(mov|call)", output(objdump, "-d", path)):
        print(f"{path}: no instructions")
        return 1
    found = problems(objdump, path)
    for problem in found[:20]:
        print(problem)
    print(f"{path}: {len(found)} problems")
    return (not found) if "--must-refuse" in sys.argv[3:] else bool(found)


sys.exit(main())
