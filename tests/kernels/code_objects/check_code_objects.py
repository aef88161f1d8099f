#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks the GPU code in a host object or executable.

Every architecture asked for is there, holds the kernel, and its clock reads come after its memory
accesses (wait_order.py).
"""

import argparse
import pathlib
import sys

import code_objects
import wait_order


def check_architecture(objdump, architecture, code_objects_found, kernel):
    """One code object comes from each kernel source; the kernel is in one of them."""
    functions = [
        function
        for code_object in code_objects_found
        for function in code_objects.disassemble(objdump, code_object)
        if function.name == kernel
    ]
    if not functions:
        return [f"{architecture}: no kernel {kernel}"]
    report = wait_order.check(functions[0])
    print(
        f"{architecture}: {len(functions[0].instructions)} instructions, "
        f"{report.clock_reads} clock reads, {report.read_backs} stores read back at once, "
        f"{len(report.problems)} problems"
    )
    return [f"{architecture}: {problem}" for problem in report.problems]


def check_resources(readelf, architecture, code_objects_found, kernel, wanted):
    """A wave has enough to be saved, and none of it in memory instead (spilled)."""
    described = [
        fields
        for code_object in code_objects_found
        for fields in code_objects.describe_kernels(readelf, code_object)
        if fields[".name"] == kernel
    ]
    if not described:
        return [f"{architecture}: no description of {kernel}"]
    registers = int(described[0][".vgpr_count"])
    local_bytes = int(described[0][".group_segment_fixed_size"])
    in_memory = int(described[0][".private_segment_fixed_size"])
    print(
        f"{architecture}: {registers} vector registers, {local_bytes} bytes of local memory, "
        f"{in_memory} bytes of each lane in memory"
    )
    problems = []
    if registers < wanted.least_vector_registers:
        problems.append(f"{registers} vector registers, fewer than {wanted.least_vector_registers}")
    if local_bytes != wanted.local_bytes:
        problems.append(f"{local_bytes} bytes of local memory, not {wanted.local_bytes}")
    if in_memory != 0:
        problems.append(f"{in_memory} bytes of each lane spilled to memory")
    return [f"{architecture}: {problem}" for problem in problems]


def check_file(options):
    path, kernel = options.file, options.kernel
    by_architecture = {}
    for architecture, code_object in code_objects.extract(path.read_bytes()):
        by_architecture.setdefault(architecture, []).append(code_object)
    problems = []
    for architecture in options.architecture:
        if architecture in by_architecture:
            found = by_architecture[architecture]
            problems += check_architecture(options.objdump, architecture, found, kernel)
            if options.readelf:
                problems += check_resources(options.readelf, architecture, found, kernel, options)
        else:
            problems.append(f"{architecture}: no code object")
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objdump", required=True, help="llvm-objdump of hipcc's own LLVM")
    parser.add_argument("--readelf", help="llvm-readelf; checks what a wave holds as well")
    parser.add_argument("--least-vector-registers", type=int, default=0)
    parser.add_argument("--local-bytes", type=int, default=0)
    parser.add_argument("--kernel", required=True, help="mangled name")
    parser.add_argument("--architecture", action="append", required=True)
    parser.add_argument("--expect-problem", help="succeed only if a problem holds this text")
    parser.add_argument("file", type=pathlib.Path)
    options = parser.parse_args()

    problems = check_file(options)
    for problem in problems:
        print(problem)
    if options.expect_problem is None:
        return 1 if problems else 0
    missing = [
        architecture
        for architecture in options.architecture
        if not any(
            problem.startswith(architecture + ": ") and options.expect_problem in problem
            for problem in problems
        )
    ]
    for architecture in missing:
        print(f"{architecture}: expected a problem with {options.expect_problem!r}")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
