#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Kernels are one source for both platforms: each .hip file is built, and nothing in the kernels
asks the preprocessor which platform it is (kernels/amd, the AMD implementation, may)."""

import argparse
import pathlib
import re
import sys

_CONDITIONAL = re.compile(r"^\s*#\s*(if|ifdef|ifndef|elif|else)\b")


def problems(folder, built):
    found = sorted(path.name for path in folder.glob("*.hip"))
    if found != sorted(built):
        yield f"{folder} holds {found}, built are {sorted(built)}"
    for path in sorted(folder.rglob("*")):
        if path.suffix not in (".hip", ".hpp") or (folder / "amd") in path.parents:
            continue
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            if _CONDITIONAL.match(line):
                yield f"{path}:{number}: {line.strip()}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("built", nargs="+", help="names of the sources in the build")
    options = parser.parse_args()
    found = list(problems(options.folder, options.built))
    print("\n".join(found) or "one source, no platform conditional")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
