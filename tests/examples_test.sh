#!/usr/bin/env bash
# examples_test.sh SOURCE [build]: applies the diffs of docs/adding-an-op.md to a copy of the tree;
# with `build`, builds the table of operations there and runs it.
set -euo pipefail

source=$1
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
tar -C "$source" -c --exclude-vcs --exclude='./build*' --exclude=./runs . | tar -C "$copy" -x
cd "$copy"

# The diffs stand in lists, three spaces in; an empty line of context has lost its space.
awk '/^ *```diff$/ { on = 1; next } /^ *```$/ { on = 0 } on { sub(/^   /, ""); print }' \
  docs/adding-an-op.md >examples.patch
patch -p1 --no-backup-if-mismatch <examples.patch
[[ ${2-} == build ]] || exit 0

cmake -B build -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG=-O1 -DGRADUS_BUILD_TESTS=ON
cmake --build build --target gradus_op_tests
build/bin/gradus_op_tests
listed=$(build/bin/gradus_op_tests -s 'ops: values in f64 agree with plain loops')
for row in 'softsign [3, 5]' 'l2_norm [3, 4, 5] axes {1}' 'cumsum [2, 3, 4]'; do
  grep -qF "$row" <<<"$listed" || { echo "the table has no row $row"; exit 1; }
done
