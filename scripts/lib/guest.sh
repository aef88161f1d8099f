# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# A virtual machine with a Debian kernel and a minimal root in memory: two NUMA nodes, swap, a software
# RDMA device, KVM. The caller has sourced common.sh and uses guest_run.
# shellcheck disable=SC2154  # exit_usage is common.sh's

# crc32_generic: rxe asks the crypto interface for it; kernels from about 6.15 on have it built in.
readonly guest_modules=(virtio_pci virtio_blk ext4 loop fuse ipv6 dummy crc32_generic rdma_rxe
  ib_uverbs kvm_amd kvm_intel)
readonly guest_needs=(qemu-system-x86_64 busybox modprobe depmod debugfs mkfs.ext4 e2fsck rdma cpio strip)

guest_missing() { # the first program that is needed and not there; nothing when all are
  local needed
  for needed in "${guest_needs[@]}"; do
    if ! command -v "$needed" >/dev/null; then say "$needed" && return; fi
  done
}

guest_add_libraries() { # ROOT PROGRAM: those that it is linked to, and the loader
  local library
  for library in $(ldd "$2" | grep -o '/[^ ]*'); do
    mkdir -p "$1$(dirname "$library")"
    cp -nL "$library" "$1$library"
  done
}

guest_add_modules() { # ROOT TREE VERSION: with what they need, in the order to load them
  local root=$1 tree=$2 version=$3 base=$2 module file name
  # Newer packages have their files below usr/ only.
  if [ -d "$tree/usr/lib/modules" ]; then base=$tree/usr; fi
  depmod -b "$base" "$version"
  mkdir -p "$root/modules"
  for module in "${guest_modules[@]}"; do
    modprobe -q -d "$base" -S "$version" --show-depends "$module" | sed -n 's/^insmod \([^ ]*\).*/\1/p' ||
      complain "kernel $version: $module is built in or missing"
  done | awk '!seen[$0]++' | while read -r file; do
    name=$(basename "$file")
    cp "$file" "$root/modules/$name"
    if [ "${name%.xz}" != "$name" ]; then xz -d "$root/modules/$name"; fi
    say "${name%.xz}" >>"$root/modules/order"
  done
}

guest_make_root() { # ROOT TREE VERSION PROGRAM...
  local root=$1 tree=$2 version=$3 program
  shift 3
  mkdir -p "$root"/{bin,dev,proc,sys,tmp,mnt,etc}
  for program in "$@" "$(command -v rdma)"; do
    cp "$program" "$root/bin/"
    strip --strip-debug "$root/bin/$(basename "$program")"
    guest_add_libraries "$root" "$program"
  done
  cp "$(command -v busybox)" "$root/bin/"
  local provider providers=/usr/lib/x86_64-linux-gnu/libibverbs
  mkdir -p "$root$providers" "$root/etc/libibverbs.d"
  for provider in "$providers"/librxe*; do
    cp "$provider" "$root$providers/"
    guest_add_libraries "$root" "$provider"
  done
  cp /etc/libibverbs.d/rxe.driver "$root/etc/libibverbs.d/"
  say 'root:x:0:0::/:/bin/sh' >"$root/etc/passwd"
  guest_add_modules "$root" "$tree" "$version"
  cp "$PROJECT_ROOT/scripts/lib/guest_init" "$root/init"
  say "${NOTIFIER_RDMA_MTU:-9000}" >"$root/device_mtu"
}

# tsc=reliable: an emulated machine's counter looks unstable to some kernels, and they then take the HPET, whose
# every reading leaves the guest: kernels would be compared with different clocks.
guest_qemu() { # SECONDS ACCELERATOR KERNEL INITRD QEMU_OPTION...: the console goes to standard output
  local seconds=$1 accelerator=$2 kernel=$3 initrd=$4 cpu=EPYC,+svm,+npt
  shift 4
  if [ "$accelerator" = kvm ]; then cpu=host; fi
  timeout "$seconds" qemu-system-x86_64 -accel "$accelerator" -cpu "$cpu" -smp 2 -m 1536 -nic none \
    -nographic -no-reboot -kernel "$kernel" -initrd "$initrd" \
    -append "console=ttyS0 quiet panic=-1 no_timer_check tsc=reliable" "$@" </dev/null 2>&1
}

# KVM where it virtualises: with an emulating /dev/kvm a guest takes longer than by QEMU's own emulation.
guest_accelerator() { # KERNEL WORK
  if [ -n "${NOTIFIER_ACCELERATOR:-}" ]; then say "$NOTIFIER_ACCELERATOR" && return; fi
  if [ ! -w /dev/kvm ] || ! grep -qwE 'svm|vmx' /proc/cpuinfo; then say tcg && return; fi
  mkdir -p "$2/trial/bin"
  cp "$(command -v busybox)" "$2/trial/bin/"
  printf '#!/bin/busybox sh\n/bin/busybox poweroff -f\n' >"$2/trial/init"
  chmod +x "$2/trial/init"
  guest_pack "$2/trial" "$2/trial_initrd"
  if guest_qemu 10 kvm "$1" "$2/trial_initrd" >"$2/trial_console"; then say kvm; else say tcg; fi
}

guest_pack() { # ROOT INITRD
  (cd "$1" && find . | cpio -o -H newc 2>/dev/null | gzip -1 >"$2")
}

# Boots the kernel of the packages, runs COMMANDS (a shell script, in /mnt/out, programs in PATH), and
# copies what they leave there to FOLDER, with `console` and `status` (of COMMANDS). Fails when the
# machine did not come to the end of COMMANDS; how they ended is the caller's to read.
guest_run() { # WORK FOLDER COMMANDS PACKAGES PROGRAMS (the last two are names of arrays)
  local work=$1 folder=$2 commands=$3 package kernel version accelerator
  local -n guest_packages=$4 guest_programs=$5
  for package in "${guest_packages[@]}"; do dpkg -x "$package" "$work/tree"; done
  kernel=$(find "$work/tree" -name 'vmlinuz*' -print -quit)
  version=$(find "$work/tree" -path '*/lib/modules/*/kernel' -print -quit)
  if [ -z "$kernel" ] || [ -z "$version" ]; then
    die "$exit_usage" "no kernel with modules in ${guest_packages[*]}"
  fi
  mkdir -p "$work/root"
  guest_make_root "$work/root" "$work/tree" "$(basename "$(dirname "$version")")" "${guest_programs[@]}"
  cp "$commands" "$work/root/commands"
  accelerator=$(guest_accelerator "$kernel" "$work")
  say "vm-$accelerator" >"$work/root/machine_name"
  guest_pack "$work/root" "$work/initrd"
  truncate -s 768M "$work/disk" && mkfs.ext4 -q -F "$work/disk"
  truncate -s 256M "$work/swap" && mkswap -q "$work/swap" 2>/dev/null
  mkdir -p "$folder"
  say "accelerator: $accelerator"
  guest_qemu "${NOTIFIER_GUEST_SECONDS:-900}" "$accelerator" "$kernel" "$work/initrd" \
    -object memory-backend-ram,id=m0,size=768M -numa node,memdev=m0,cpus=0 \
    -object memory-backend-ram,id=m1,size=768M -numa node,memdev=m1,cpus=1 \
    -drive "file=$work/disk,if=virtio,format=raw" -drive "file=$work/swap,if=virtio,format=raw" \
    >"$folder/console" || complain "the machine ended with $? (124: its time was up); see $folder/console"
  # Of a machine that panicked the journal has the rest.
  e2fsck -fy "$work/disk" >/dev/null 2>&1 || true
  debugfs -R "rdump /out $work" "$work/disk" 2>/dev/null
  if [ -d "$work/out" ]; then cp -r "$work/out/." "$folder/"; fi
  [ -s "$folder/status" ]
}
