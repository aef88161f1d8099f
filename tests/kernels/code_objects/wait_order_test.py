#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of the checker itself, on a few instructions at a time."""

import struct
import unittest

import code_objects
import wait_order


def function(*lines):
    """A function of four-byte instructions; a branch names the index of its target."""
    text = ["0000000000001000 <kernel>:"]
    for index, line in enumerate(lines):
        line, _, target = line.partition(" -> ")
        comment = f"// {0x1000 + 4 * index:012X}: BF800000"
        if target:
            comment += f" <kernel+{4 * int(target):#x}>"
        text.append(f"\t{line}    {comment}")
    return code_objects.parse("\n".join(text))[0]


def problems(*lines):
    return wait_order.check(function(*lines)).problems


STORE = "global_store_dwordx2 v[0:1], v[2:3], off"
LOAD = "global_load_dwordx2 v[4:5], v[0:1], off glc"
WAIT = "s_waitcnt vmcnt(0)"
CLOCK = "s_memrealtime s[0:1]"
END = "s_endpgm"


class WaitOrder(unittest.TestCase):
    def assert_problem(self, text, found):
        self.assertTrue(any(text in problem for problem in found), found)

    def test_store_read_back_and_waited_for(self):
        self.assertEqual(problems(STORE, LOAD, WAIT, CLOCK, END), [])

    def test_no_read_back(self):
        found = problems(STORE, LOAD, WAIT, STORE, CLOCK, END)
        self.assertEqual(found, ["clock read at 0x1010: store without a load after it at 0x100c"])

    def test_wait_after_the_clock(self):
        found = problems(STORE, LOAD, CLOCK, WAIT, END)
        self.assert_problem("load not waited for at 0x1004", found)
        self.assert_problem("store whose read-back is not waited for at 0x1000", found)

    def test_wait_for_another_counter(self):
        found = problems(STORE, LOAD, "s_waitcnt lgkmcnt(0)", CLOCK, END)
        self.assert_problem("load not waited for", found)

    def test_wait_that_lets_the_last_load_go(self):
        found = problems(STORE, LOAD, LOAD, "s_waitcnt vmcnt(1)", CLOCK, END)
        self.assert_problem("load not waited for", found)

    def test_wait_together_with_another_counter(self):
        self.assertEqual(problems(STORE, LOAD, "s_waitcnt vmcnt(0) lgkmcnt(0)", CLOCK, END), [])

    def test_path_around_the_read_back(self):
        found = problems(STORE, "s_cbranch_execz 2 -> 4", LOAD, WAIT, CLOCK, END)
        self.assert_problem("store without a load after it at 0x1000", found)

    def test_path_around_store_and_read_back(self):
        self.assertEqual(
            problems("s_cbranch_execz 3 -> 4", STORE, LOAD, WAIT, CLOCK, END), []
        )

    def test_problem_that_comes_round_the_loop(self):
        # The store at the loop's end reaches the clock read at its head.
        found = problems(STORE, LOAD, WAIT, CLOCK, STORE, "s_cbranch_scc1 65533 -> 3", END)
        self.assert_problem("clock read at 0x100c: store without a load after it at 0x1010", found)

    def test_code_behind_an_unconditional_branch_is_not_followed(self):
        self.assertEqual(
            problems(STORE, LOAD, WAIT, "s_branch 1 -> 5", STORE, CLOCK, END), []
        )

    def test_spilled_register_under_way(self):
        found = problems(
            STORE, LOAD, WAIT, "buffer_load_dword v1, off, s[0:3], 0", CLOCK, END
        )
        self.assert_problem("load not waited for at 0x100c", found)

    def test_spilled_register_is_no_read_back(self):
        found = problems(
            STORE, LOAD, WAIT, STORE, "scratch_load_dword v1, off, off", WAIT, CLOCK, END
        )
        self.assert_problem("store without a load after it at 0x100c", found)

    def test_gfx11_clock(self):
        clock = "s_sendmsg_rtn_b64 s[0:1], sendmsg(MSG_RTN_GET_REALTIME)"
        self.assertEqual(problems(STORE, LOAD, WAIT, clock, END), [])
        self.assert_problem("load not waited for", problems(STORE, LOAD, clock, END))

    def test_other_messages_are_no_clock(self):
        message = "s_sendmsg_rtn_b64 s[0:1], sendmsg(MSG_RTN_GET_DOORBELL)"
        self.assertEqual(problems(STORE, LOAD, message, END), ["no clock read"])

    def test_gfx12_waits(self):
        store = "global_store_b64 v[0:1], v[2:3], off scope:SCOPE_SYS"
        load = "global_load_b64 v[4:5], v[0:1], off scope:SCOPE_SYS"
        clock = "s_sendmsg_rtn_b64 s[0:1], sendmsg(MSG_RTN_GET_REALTIME)"
        for wait in ("s_wait_loadcnt 0x0", "s_wait_loadcnt_dscnt 0x0", "s_wait_loadcnt_dscnt 0x5"):
            self.assertEqual(problems(store, load, wait, clock, END), [], wait)
        for wait in ("s_wait_loadcnt 0x1", "s_wait_loadcnt_dscnt 0x100", "s_wait_storecnt 0x0"):
            self.assert_problem("load not waited for", problems(store, load, wait, clock, END))

    def test_computed_jump_is_refused(self):
        with self.assertRaisesRegex(ValueError, "paths unknown"):
            problems(STORE, "s_setpc_b64 s[0:1]", CLOCK, END)

    def test_no_clock_read(self):
        self.assertEqual(problems(STORE, LOAD, WAIT, END), ["no clock read"])

    def test_read_back_of_another_place(self):
        other = "global_load_dwordx2 v[4:5], v[0:1], off offset:8 glc"
        self.assertEqual(problems(STORE, other, WAIT, CLOCK, END), ["no store is read back"])


class Bundles(unittest.TestCase):
    @staticmethod
    def bundle(entries):
        names = [name.encode() for name, _ in entries]
        header = 32 + sum(24 + len(name) for name in names)
        table = code_objects.BUNDLE_MAGIC + struct.pack("<Q", len(entries))
        content = b""
        for name, (_, data) in zip(names, entries):
            table += struct.pack("<QQQ", header + len(content), len(data), len(name)) + name
            content += data
        return table + content

    def test_all_bundles_of_a_file(self):
        first = self.bundle(
            [("host-x86_64-unknown-linux", b""), ("hipv4-amdgcn-amd-amdhsa--gfx906", b"one")]
        )
        second = self.bundle([("hipv4-amdgcn-amd-amdhsa--gfx90a:xnack+", b"two!")])
        found = code_objects.extract(b"ELF.." + first + b"between" + second + b"after")
        self.assertEqual(found, [("gfx906", b"one"), ("gfx90a:xnack+", b"two!")])

    def test_no_bundle(self):
        self.assertEqual(code_objects.extract(b"nothing here"), [])


if __name__ == "__main__":
    unittest.main()
