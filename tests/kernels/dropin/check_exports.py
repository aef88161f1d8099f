#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares a drop-in library's exported functions with the real library and with what is needed.

1. Each function has the version that the real library gives it.
2. Each function that the software GPU implements is exported.
3. Each function that an executable takes from the library is there in the version it asks for.
"""

import argparse
import re
import subprocess
import sys

_FUNCTION = re.compile(r"^(__hip|hip|hsaKmt)[A-Z]\w*$")
# objdump -T: address, flags, section, size, version (in brackets when not the default), name.
_EXPORT = re.compile(r"^[0-9a-f]+ [gw].{6} (?P<section>\S+)\s+[0-9a-f]+\s+\(?(?P<version>[\w.]+)\)?\s+(?P<name>\S+)$")
_IMPORT = re.compile(r"^[0-9a-f]+ .{7} \*UND\*\s+[0-9a-f]+\s+\(?(?P<version>[\w.]+)\)?\s+(?P<name>\S+)$")


def _lines(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def _matches(pattern, lines):
    for line in lines:
        match = pattern.match(line)
        if match and _FUNCTION.match(match["name"]):
            yield match


def exports(objdump, library):
    return {
        match["name"]: match["version"]
        for match in _matches(_EXPORT, _lines(objdump, "-T", library))
        if match["section"] != "*UND*"
    }


def imports(objdump, executable):
    return {
        match["name"]: match["version"]
        for match in _matches(_IMPORT, _lines(objdump, "-T", executable))
    }


def implemented(nm, archive):
    fields = (line.split() for line in _lines(nm, "--defined-only", archive))
    return {parts[2] for parts in fields if len(parts) == 3 and parts[1] == "T"}


def problems(options):
    have = exports(options.objdump, options.dropin)
    if not have:
        yield "no functions exported"
    if options.real:
        real = exports(options.objdump, options.real)
        for name, version in sorted(have.items()):
            if name in options.newer:
                if name in real and real[name] != version:
                    yield f"{name}: {version}, real {real[name]}"
            elif real.get(name) != version:
                yield f"{name}: {version}, real {real.get(name)}"
    for name in sorted(implemented(options.nm, options.archive)):
        if _FUNCTION.match(name) and name.startswith(options.prefix) and name not in have:
            yield f"{name}: implemented, not exported"
    for executable in options.executable:
        for name, version in sorted(imports(options.objdump, executable).items()):
            if name.lstrip("_").startswith(options.prefix) and have.get(name) != version:
                yield f"{name}: {executable} needs {version}, there is {have.get(name)}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objdump", required=True)
    parser.add_argument("--nm", required=True)
    parser.add_argument("--dropin", required=True)
    parser.add_argument("--real", help="left out where the real library is a static one")
    parser.add_argument("--archive", required=True, help="the static library softgpu")
    parser.add_argument("--prefix", required=True, choices=("hip", "hsaKmt"))
    parser.add_argument("--newer", nargs="*", default=[], help="a newer ROCm's functions")
    parser.add_argument("--executable", nargs="*", default=[])
    options = parser.parse_args()
    found = list(problems(options))
    print("\n".join(found) or f"{len(exports(options.objdump, options.dropin))} functions agree")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
