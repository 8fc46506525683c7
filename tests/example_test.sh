#!/usr/bin/env bash
# example_test.sh FACTOR BOUND PROGRAM [ARGUMENT...]: runs an example; its loss must fall below FACTOR
# of the first, and the accuracy that it prints last, if it prints any, rise to BOUND.
set -euo pipefail

factor=$1 bound=$2
shift 2
output=$("$@")
echo "$output"
grep -q '^skipped: ' <<<"$output" && exit 0
awk -v factor="$factor" -v bound="$bound" '
  match($0, /loss [0-9.]+/) { loss = substr($0, RSTART + 5, RLENGTH - 5); if (!n++) first = loss }
  match($0, /accuracy [0-9.]+/) { accuracy = substr($0, RSTART + 9, RLENGTH - 9) }
  END {
    if (n < 2 || loss + 0 >= factor * first) { print "the loss did not fall enough"; exit 1 }
    if (bound > 0 && accuracy + 0 < bound) { print "the accuracy is below " bound; exit 1 }
  }' <<<"$output"
