# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Sourced after testing.sh by tests of scripts that start QEMU.

needs_rxe_driver() { [ -e /etc/libibverbs.d/rxe.driver ] || skip "needs ibverbs-providers"; }

# Programs of NOTIFIER_BUILD that do nothing.
make_programs() { # PROGRAM...
  local program
  for program in "$@"; do
    mkdir -p "$NOTIFIER_BUILD/${program%/*}"
    printf '#!/bin/bash\nexit 0\n' >"$NOTIFIER_BUILD/$program"
    chmod +x "$NOTIFIER_BUILD/$program"
  done
}

# What the machine would need, a package that holds a kernel with modules, and a QEMU that does as SCRIPT says.
shadow_machine() { # SCRIPT
  local program
  for program in busybox modprobe depmod debugfs mkfs.ext4 e2fsck mkswap rdma cpio strip ldd; do
    shadow_command "$program" <<<'exit 0'
  done
  shadow_command dpkg <<'END'
mkdir -p "$3/boot" "$3/lib/modules/9.1/kernel"
: >"$3/boot/vmlinuz-9.1"
END
  shadow_command qemu-system-x86_64 <<<"$1"
  export NOTIFIER_ACCELERATOR=tcg
}
