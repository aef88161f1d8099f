# SPDX-License-Identifier: MIT
"""Finds the GPU code objects in a host object or executable and takes their code apart."""

import dataclasses
import re
import struct
import subprocess
import tempfile

# Layout of a bundle: clang's "Clang Offload Bundler" documentation, binary (uncompressed) format.
BUNDLE_MAGIC = b"__CLANG_OFFLOAD_BUNDLE__"


def extract(data):
    """Code objects of all bundles in `data`: a list of (architecture, bytes)."""
    found = []
    start = data.find(BUNDLE_MAGIC)
    while start >= 0:
        found += _entries(data, start)
        start = data.find(BUNDLE_MAGIC, start + 1)
    return found


def _entries(data, start):
    position = start + len(BUNDLE_MAGIC)
    (count,) = struct.unpack_from("<Q", data, position)
    position += 8
    for _ in range(count):
        offset, size, name_size = struct.unpack_from("<QQQ", data, position)
        position += 24
        name = data[position : position + name_size].decode()
        position += name_size
        # hipv4-amdgcn-amd-amdhsa--gfx90a:xnack+; the host's entry is empty.
        if name.startswith("hip") and size > 0:
            yield name.split("--", 1)[1], data[start + offset : start + offset + size]


@dataclasses.dataclass
class Instruction:
    address: int
    opcode: str
    operands: str
    target: int | None = None  # of a branch


@dataclasses.dataclass
class Function:
    name: str
    instructions: list


def disassemble(objdump, code_object):
    with tempfile.NamedTemporaryFile(suffix=".co") as file:
        file.write(code_object)
        file.flush()
        text = subprocess.run(
            [objdump, "--disassemble", file.name], check=True, capture_output=True, text=True
        ).stdout
    return parse(text)


def describe_kernels(readelf, code_object):
    """The kernels' metadata: LLVM's AMDGPUUsage, "Code Object V3 Metadata". A list of dictionaries."""
    with tempfile.NamedTemporaryFile(suffix=".co") as file:
        file.write(code_object)
        file.flush()
        text = subprocess.run(
            [readelf, "--notes", file.name], check=True, capture_output=True, text=True
        ).stdout
    kernels = []
    for line in text.split("amdhsa.kernels:")[-1].splitlines():
        if line.startswith("  - ."):  # what follows belongs to one more kernel
            kernels.append({})
        field = re.match(r"^(?:    |  - )(\.\w+): +(\S+)$", line)
        if field and kernels:
            kernels[-1][field[1]] = field[2]
    return kernels


_FUNCTION = re.compile(r"^([0-9a-f]+) <(.+)>:$")
_INSTRUCTION = re.compile(
    r"^\s+(?P<opcode>[a-z]\w*)\s*(?P<operands>.*?)\s*// (?P<address>[0-9A-F]+):"
    r"[0-9A-F ]*(?:<(?P<symbol>[^>+]+)(?:\+0x(?P<offset>[0-9a-f]+))?>)?\s*$"
)


def parse(text):
    """Functions in the output of llvm-objdump --disassemble."""
    functions = []
    starts = {}
    for line in text.splitlines():
        header = _FUNCTION.match(line)
        if header:
            starts[header[2]] = int(header[1], 16)
            functions.append(Function(header[2], []))
            continue
        match = _INSTRUCTION.match(line)
        if not match:
            if functions and line.startswith("\t"):
                raise ValueError(f"not understood: {line!r}")
            continue
        target = None
        if match["symbol"] in starts:
            target = starts[match["symbol"]] + int(match["offset"] or "0", 16)
        functions[-1].instructions.append(
            Instruction(int(match["address"], 16), match["opcode"], match["operands"], target)
        )
    return functions
