# SPDX-License-Identifier: MIT
"""Checks in machine code that a kernel's clock reads come after its memory accesses.

A kernel's stores are not waited for unless a load follows them (kfd_facts section 0, point 35). So
on every path to a clock read

1. each store to memory has been followed by a load, and
2. no load is under way: the wait for it stands before the clock read.

The analysis follows all paths of the control-flow graph with the three sets below. Where it does
not know, it takes the worse: only a wait for *all* loads counts as one.
"""

import dataclasses

_UNCONDITIONAL = "s_branch"
_END = ("s_endpgm", "s_endpgm_saved")
# Jumps to computed addresses: the paths of a function with one are not known.
_INDIRECT = ("s_setpc_b64", "s_swappc_b64", "s_call_b64", "s_rfe_b64", "s_cbranch_i_fork")


@dataclasses.dataclass(frozen=True)
class State:
    stores_without_load: frozenset = frozenset()  # addresses of the store instructions
    stores_with_load_under_way: frozenset = frozenset()
    loads_under_way: frozenset = frozenset()

    def join(self, other):
        return State(
            self.stores_without_load | other.stores_without_load,
            self.stores_with_load_under_way | other.stores_with_load_under_way,
            self.loads_under_way | other.loads_under_way,
        )


@dataclasses.dataclass
class Report:
    problems: list
    clock_reads: int
    read_backs: int  # stores directly followed by a load of the same address


def is_clock_read(instruction):
    return instruction.opcode in ("s_memrealtime", "s_memtime") or (
        instruction.opcode.startswith("s_sendmsg_rtn") and "REALTIME" in instruction.operands
    )


def is_memory_store(instruction):
    return instruction.opcode.startswith(("global_store", "flat_store"))


def is_memory_load(instruction):
    return instruction.opcode.startswith(("global_load", "flat_load"))


def _is_other_load(instruction):
    """Register spills: under way as well, but they say nothing about the stores."""
    return instruction.opcode.startswith(("buffer_load", "scratch_load"))


def waits_for_all_loads(instruction):
    if instruction.opcode == "s_waitcnt":
        return "vmcnt(0)" in instruction.operands or instruction.operands == "0"
    # gfx12 has a counter and an instruction for each kind of access; where one instruction waits
    # for two counters, that of the loads is the upper byte.
    if instruction.opcode == "s_wait_loadcnt":
        return int(instruction.operands, 0) == 0
    if instruction.opcode == "s_wait_loadcnt_dscnt":
        return int(instruction.operands, 0) >> 8 == 0
    return False


def _after(state, instruction):
    if is_memory_store(instruction):
        return dataclasses.replace(
            state, stores_without_load=state.stores_without_load | {instruction.address}
        )
    if is_memory_load(instruction):
        return State(
            frozenset(),
            state.stores_with_load_under_way | state.stores_without_load,
            state.loads_under_way | {instruction.address},
        )
    if _is_other_load(instruction):
        return dataclasses.replace(
            state, loads_under_way=state.loads_under_way | {instruction.address}
        )
    if waits_for_all_loads(instruction):
        return State(state.stores_without_load, frozenset(), frozenset())
    return state


def _successors(instructions, index, index_of):
    instruction = instructions[index]
    if instruction.opcode in _END:
        return []
    if instruction.opcode in _INDIRECT:
        raise ValueError(f"{instruction.opcode} at {instruction.address:#x}: paths unknown")
    if not instruction.opcode.startswith(("s_branch", "s_cbranch")):
        return [index + 1]
    if instruction.target not in index_of:
        raise ValueError(f"branch at {instruction.address:#x} leaves the function")
    target = index_of[instruction.target]
    return [target] if instruction.opcode == _UNCONDITIONAL else [index + 1, target]


def _states_before(instructions):
    index_of = {instruction.address: i for i, instruction in enumerate(instructions)}
    before = {0: State()}
    work = [0]
    while work:
        index = work.pop()
        after = _after(before[index], instructions[index])
        for successor in _successors(instructions, index, index_of):
            joined = after if successor not in before else before[successor].join(after)
            if before.get(successor) != joined:
                before[successor] = joined
                work.append(successor)
    return before


def _place(base, rest):
    """What a load and a store of the same address have in common: all but the cache policy."""
    policy = ("glc", "dlc", "slc", "sc0", "sc1", "nt")
    words = [word for word in rest.split() if word not in policy]
    return base, tuple(word for word in words if not word.startswith(("scope:", "th:")))


def _count_read_backs(instructions):
    count = 0
    for store, load in zip(instructions, instructions[1:]):
        if is_memory_store(store) and is_memory_load(load):
            stored_at, _, store_rest = store.operands.split(", ", 2)
            _, loaded_from, load_rest = load.operands.split(", ", 2)
            count += _place(stored_at, store_rest) == _place(loaded_from, load_rest)
    return count


def check(function):
    """Report on one function."""
    instructions = function.instructions
    before = _states_before(instructions)
    problems = []
    clock_reads = 0
    for index in sorted(before):
        instruction = instructions[index]
        if not is_clock_read(instruction):
            continue
        clock_reads += 1
        state = before[index]
        for what, addresses in (
            ("store without a load after it", state.stores_without_load),
            ("store whose read-back is not waited for", state.stores_with_load_under_way),
            ("load not waited for", state.loads_under_way),
        ):
            for address in sorted(addresses):
                problems.append(
                    f"clock read at {instruction.address:#x}: {what} at {address:#x}"
                )
    if clock_reads == 0:
        problems.append("no clock read")
    read_backs = _count_read_backs(instructions)
    if read_backs == 0:
        problems.append("no store is read back")
    return Report(problems, clock_reads, read_backs)
