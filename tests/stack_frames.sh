#!/usr/bin/env bash
# usage: stack_frames.sh CUOBJDUMP LIBRARY   fails where a kernel has a stack frame: arguments or
# arrays that are indexed at run time, and so lie in memory. Those that must have one:
# - sines and cosines, whose reduction of large arguments has a table (fill_normal, unary,
#   small_work)
# - an image's few draws and corners, indexed by what was drawn (augment)
set -euo pipefail
allowed='::((augment|draw_augmentation|fill_normal|unary|unary_backward)_kernel<|small_work_kernel\()'

"$1" --dump-resource-usage "$2" | c++filt | awk -v allowed="$allowed" '
  /Function / { name = $0; sub(/^ *Function /, "", name); sub(/:$/, "", name); next }
  /STACK:/ {
    ++kernels
    if (match($0, /STACK:[0-9]+/) && substr($0, RSTART + 6, RLENGTH - 6) > 0 && name !~ allowed) {
      print name ": " substr($0, RSTART, RLENGTH)
      ++found
    }
  }
  END {
    print kernels " kernels, " found + 0 " with a stack frame that is not listed"
    exit kernels == 0 || found > 0
  }'
