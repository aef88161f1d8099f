#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Lays out a ROCm as AMD does (everything below one folder, headers in include/hsakmt, a static
# libhsakmt) out of the distribution's, and builds a program against it.
# Usage: rocm_layout.sh FOLDER HIPCC HIP_INCLUDE_DIR HSAKMT_INCLUDE_DIR HIP_LIBRARY
set -euo pipefail
source=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=$1 hipcc=$2 hip_headers=$3 hsakmt_headers=$4 hip_library=$5
for header in numa.h xf86drm.h libdrm/amdgpu.h; do
  [ -e "/usr/include/$header" ] || {
    echo "not tested: /usr/include/$header is missing (Debian: libnuma-dev, libdrm-dev)"
    exit 77
  }
done

rm -rf "$folder"
rocm=$folder/opt/rocm
mkdir -p "$rocm/bin" "$rocm/include/hsakmt" "$rocm/lib"
# Without ROCM_PATH: the distribution's compiler has its device library elsewhere.
printf '#!/bin/sh\nexec env -u ROCM_PATH "%s" "$@"\n' "$hipcc" >"$rocm/bin/hipcc"
chmod +x "$rocm/bin/hipcc"
ln -s "$hip_headers/hip" "$rocm/include/hip"
ln -s "$hsakmt_headers"/hsakmt*.h "$rocm/include/hsakmt/"
ln -s "$(readlink -f "$hip_library")" "$rocm/lib/libamdhip64.so"
cc -fPIC -I/usr/include/libdrm -I"$rocm/include/hsakmt" -c "$source/static_thunk.c" -o "$folder/thunk.o"
ar rcs "$rocm/lib/libhsakmt.a" "$folder/thunk.o"

export ROCM_PATH=$rocm
cmake -G Ninja -S "$source" -B "$folder/build" -DNOTIFIER_ROCM=ON -DROCM_PATH="$rocm" \
  -DNOTIFIER_HIP_ARCHITECTURES=gfx906
cmake --build "$folder/build"
"$folder/build/layout_program"
