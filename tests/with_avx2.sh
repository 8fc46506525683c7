#!/bin/sh
# with_avx2.sh TESTS SSGAN FOLDER: the tests of kernels, with the tensor library that lies in FOLDER.
set -e
if ! grep -q '^flags.* avx2' /proc/cpuinfo; then
  echo "skipped: this processor has no AVX2"
  exit
fi
LD_LIBRARY_PATH=$3
export LD_LIBRARY_PATH
"$2" --version | grep 'vectors of 8 floats' || {
  echo "the library in $3 was not taken, or has other vectors than AVX2's"
  exit 1
}
exec "$1" '[ops]~[cuda]~[slow],[conv]~[cuda]~[slow],[fusion]~[cuda]~[slow],[nn]~[slow],[random]~[slow]'
