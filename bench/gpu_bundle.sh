#!/usr/bin/env bash
# Collects what gpu_check.sh needs on a machine that has a card but none of our packages.
set -euo pipefail

root=$(cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/.." && pwd)
limit_mib=64

usage() {
  cat <<'TEXT'
usage: bench/gpu_bundle.sh OUT.tar.gz [--build DIR] [--with full] [--with svhn]

Packs ssgan, the tests, their libraries but for the C library's and NVIDIA's, bench/ and the small
golden cases, of ../shared too where that is; --with adds from there the golden case of the
tutorial's sizes, or the SVHN subset. DIR is a build for any processor, build-portable unless given:

  cmake --preset cuda -B build-portable -DGRADUS_NATIVE=OFF -DGRADUS_BUILD_TESTS=ON &&
    cmake --build build-portable

There: tar xf OUT.tar.gz && gradus-gpu/gradus/bench/gpu_check.sh
TEXT
}

die() {
  echo "gpu_bundle: $*" >&2
  exit "${status:-1}"
}

out='' build=$root/build-portable extras=()
while (($# > 0)); do
  case $1 in
    -h | --help)
      usage
      exit
      ;;
    --build | --with)
      if (($# == 1)); then status=2 die "$1 needs a word"; fi
      if [[ $1 == --build ]]; then build=$2; else extras+=("$2"); fi
      shift
      ;;
    -*) status=2 die "unknown option $1" ;;
    *)
      if [[ $out ]]; then status=2 die "unexpected word $1"; fi
      out=$1
      ;;
  esac
  shift
done
if [[ ! $out ]]; then
  usage >&2
  exit 2
fi
if [[ ! -e $build/bin/ssgan ]]; then
  die "no program at $build/bin/ssgan; --help says how to build"
fi
if ! grep -qs '^GRADUS_NATIVE:[A-Z]*=OFF' "$build/CMakeCache.txt"; then
  die "$build is for this processor alone; --help says how to build for any"
fi
if [[ ! -e $build/lib/libgradus_cuda.so ]]; then die "$build has no CUDA backend"; fi

work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
top=$work/gradus-gpu here=$work/gradus-gpu/gradus
mkdir -p "$here/bin" "$here/lib" "$here/tests/golden"

# With those for newer processors, in glibc-hwcaps/.
(cd -- "$build/lib" && find . -name 'libgradus_*.so*' -exec cp -d --parents -t "$here/lib" -- {} +)
for program in ssgan gradus_tests gradus_cudnn_tests; do
  if [[ -e $build/bin/$program ]]; then cp -- "$build/bin/$program" "$here/bin"; fi
done
ldd "$here"/bin/* "$build"/lib/libgradus_{tensor,cuda}.so |
  awk '$2 == "=>" && $3 ~ "^/" {print $3}' | sort -u | while read -r library; do
  case ${library##*/} in
    ld-linux* | libc.so* | libm.so* | libdl.so* | librt.so* | libpthread.so*) ;;
    libcuda.so* | libcu* | libnv* | libgradus_*) ;;
    *) cp -L -- "$library" "$here/lib" ;;
  esac
done
find "$here/bin" "$here/lib" -type f -exec strip --strip-unneeded {} +

cp -r -- "$root/bench" "$here"
find "$here/bench" -name __pycache__ -prune -exec rm -r {} +
cp -r -- "$root/tests/golden/random" "$here/tests/golden"
cp -r -- "$root/tests/fixtures" "$here/tests"
golden=$root/../shared/golden svhn=$root/../shared/data/svhn-subset
for case_dir in "$golden"/small*; do
  if [[ -e $case_dir/case.json ]]; then
    mkdir -p "$top/shared/golden"
    cp -r -- "$case_dir" "$top/shared/golden"
  fi
done
for extra in "${extras[@]}"; do
  case $extra in
    full) from=("$golden/full") to=$top/shared/golden ;;
    svhn) from=("$svhn") to=$top/shared/data ;;
    *) status=2 die "--with $extra: full or svhn" ;;
  esac
  mkdir -p "$to"
  cp -r -- "${from[@]}" "$to"
done
chmod -R u+w "$top"

tar -czf "$out" -C "$work" gradus-gpu
size=$(stat -c %s -- "$out")
du -sk "$here"/* "$top"/shared/*/* 2>/dev/null | sed "s|$top/||"
echo "$out: $((size >> 20)) MiB"
if ((size >= limit_mib << 20)); then die "more than $limit_mib MiB; leave out a --with"; fi
