# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# A virtual machine with a Debian kernel and a minimal root in memory: two NUMA nodes, swap, a software
# RDMA device, KVM. The caller has sourced common.sh and uses guest_run, or guest_prepare once and guest_boot for each boot.
# shellcheck disable=SC2154  # exit_usage is common.sh's

# Groups of modules, each with what it needs. base: what every machine needs. devices: what the machine has beside that, by default
# (NOTIFIER_GUEST_MODULES names the groups; the machine loads base and devices, load_modules GROUP another).
# crc32_generic: rxe asks the crypto interface for it; kernels from about 6.15 on have it built in.
readonly -A guest_modules=([base]='virtio_pci virtio_blk ext4 kvm_amd kvm_intel'
  [devices]='loop fuse ipv6 dummy crc32_generic rdma_rxe ib_uverbs'
  [amdgpu]=amdgpu)
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

guest_add_modules() { # ROOT BASE VERSION GROUP: the file modules/GROUP names them as they are to be loaded
  local root=$1 base=$2 version=$3 group=$4 module file name
  for module in ${guest_modules[$group]}; do
    modprobe -q -d "$base" -S "$version" --show-depends "$module" | sed -n 's/^insmod \([^ ]*\).*/\1/p' ||
      complain "kernel $version: $module is built in or missing"
  done | awk '!seen[$0]++' | while read -r file; do
    name=$(basename "$file")
    say "${name%.xz}" >>"$root/modules/$group"
    if [ -e "$root/modules/${name%.xz}" ]; then continue; fi
    cp "$file" "$root/modules/$name"
    if [ "${name%.xz}" != "$name" ]; then xz -d "$root/modules/$name"; fi
  done
}

guest_add_all_modules() { # ROOT TREE VERSION
  local base=$2 group
  # Newer packages have their files below usr/ only.
  if [ -d "$2/usr/lib/modules" ]; then base=$2/usr; fi
  depmod -b "$base" "$3" 2>/dev/null # warns of lists that the package's own scripts would have made
  mkdir -p "$1/modules"
  for group in base ${NOTIFIER_GUEST_MODULES-devices}; do guest_add_modules "$1" "$base" "$3" "$group"; done
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
  guest_add_all_modules "$root" "$tree" "$version"
  cp "$PROJECT_ROOT/scripts/lib/guest_init" "$root/init"
  cp "$PROJECT_ROOT/scripts/lib/guest_load_modules" "$root/bin/load_modules"
  say "${NOTIFIER_RDMA_MTU:-9000}" >"$root/device_mtu"
}

# tsc=reliable: an emulated machine's counter looks unstable to some kernels, and they then take the HPET, whose
# every reading leaves the guest: kernels would be compared with different clocks. tsc_early_khz: what a kernel measures
# itself on a busy host can be anything, and its seconds with it. Each CPU has a socket of its own, as NUMA nodes do not
# share one.
guest_qemu() { # SECONDS ACCELERATOR KERNEL INITRD QEMU_OPTION...: the console goes to standard output
  local seconds=$1 accelerator=$2 kernel=$3 initrd=$4 cpu=${NOTIFIER_GUEST_CPU:-EPYC,+svm,+npt}
  shift 4
  if [ "$accelerator" = kvm ]; then cpu=${NOTIFIER_GUEST_CPU:-host}; fi
  local options="console=ttyS0 quiet panic=-1 no_timer_check tsc=reliable"
  if [ -n "${guest_counter_khz:-}" ] && [ "$accelerator" = tcg ]; then options+=" tsc_early_khz=$guest_counter_khz"; fi
  timeout --foreground "$seconds" qemu-system-x86_64 -accel "$accelerator" -cpu "$cpu" -smp 2,sockets=2 -m "$(guest_memory_mib)" \
    -nic none -nographic -no-reboot -kernel "$kernel" -initrd "$initrd" \
    -append "$options${NOTIFIER_GUEST_KERNEL_OPTIONS:+ $NOTIFIER_GUEST_KERNEL_OPTIONS}" "$@" </dev/null 2>&1
}

guest_memory_mib() { say "${NOTIFIER_GUEST_MEMORY_MIB:-1536}"; }

# The emulated counter runs as the host's does. PROGRAM is guest_helper, if that is among the programs.
guest_find_counter_khz() { # PROGRAM...
  local program
  guest_counter_khz=''
  for program in "$@"; do
    if [ "${program##*/}" = guest_helper ]; then guest_counter_khz=$("$program" counter-khz); fi
  done
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

# Not compressed: an emulated CPU would have to unpack it.
guest_pack() { # ROOT INITRD
  (cd "$1" && find . | cpio -o -H newc 2>/dev/null >"$2")
}

# Makes in WORK all that boots of one kernel have in common.
guest_prepare() { # WORK COMMANDS PACKAGES PROGRAMS (the last two are names of arrays)
  local work=$1 commands=$2 package kernel version accelerator
  local -n guest_packages=$3 guest_programs=$4
  for package in "${guest_packages[@]}"; do dpkg -x "$package" "$work/tree"; done
  kernel=$(find "$work/tree" -name 'vmlinuz*' -print -quit)
  version=$(find "$work/tree" -path '*/lib/modules/*/kernel' -print -quit)
  if [ -z "$kernel" ] || [ -z "$version" ]; then
    die "$exit_usage" "no kernel with modules in ${guest_packages[*]}"
  fi
  mkdir -p "$work/root"
  guest_find_counter_khz "${guest_programs[@]}"
  say "$guest_counter_khz" >"$work/counter_khz"
  guest_make_root "$work/root" "$work/tree" "$(basename "$(dirname "$version")")" "${guest_programs[@]}"
  cp "$commands" "$work/root/commands"
  accelerator=$(guest_accelerator "$kernel" "$work")
  say "vm-$accelerator" >"$work/root/machine_name"
  guest_pack "$work/root" "$work/initrd"
  mv "$kernel" "$work/vmlinuz"
  say "$accelerator" >"$work/accelerator"
  rm -rf "$work/tree" "$work/root"
}

# Boots what guest_prepare made in WORK, runs its commands (a shell script, in /mnt/out, programs in PATH), and
# copies what they leave there to FOLDER, with `console` and `status` (of the commands). Fails when the
# machine did not come to their end; how they ended is the caller's to read.
guest_boot() { # WORK FOLDER
  local work=$1 folder=$2 accelerator half
  accelerator=$(cat "$work/accelerator")
  guest_counter_khz=$(cat "$work/counter_khz")
  half=$(($(guest_memory_mib) / 2))
  rm -rf "$work/out" "$work/disk" "$work/swap"
  truncate -s 768M "$work/disk" && mkfs.ext4 -q -F "$work/disk"
  truncate -s "${NOTIFIER_GUEST_SWAP_MIB:-256}M" "$work/swap" && mkswap -q "$work/swap" 2>/dev/null
  mkdir -p "$folder"
  say "accelerator: $accelerator"
  guest_qemu "${NOTIFIER_GUEST_SECONDS:-900}" "$accelerator" "$work/vmlinuz" "$work/initrd" \
    -object "memory-backend-ram,id=m0,size=${half}M" -numa node,memdev=m0,cpus=0 \
    -object "memory-backend-ram,id=m1,size=${half}M" -numa node,memdev=m1,cpus=1 \
    -drive "file=$work/disk,if=virtio,format=raw" -drive "file=$work/swap,if=virtio,format=raw" \
    >"$folder/console" || complain "the machine ended with $? (124: its time was up); see $folder/console"
  # Of a machine that panicked the journal has the rest.
  e2fsck -fy "$work/disk" >/dev/null 2>&1 || true
  debugfs -R "rdump /out $work" "$work/disk" 2>/dev/null
  if [ -d "$work/out" ]; then cp -r "$work/out/." "$folder/"; fi
  [ -s "$folder/status" ]
}

# One boot.
guest_run() { # WORK FOLDER COMMANDS PACKAGES PROGRAMS (the last two are names of arrays)
  guest_prepare "$1" "$3" "$4" "$5" && guest_boot "$1" "$2"
}
