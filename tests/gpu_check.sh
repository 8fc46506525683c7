#!/usr/bin/env bash
# usage: gpu_check.sh SOURCE PROGRAM   bench/gpu_check.sh --budget: what is left out, and the order
# of what it prints, where there is no card
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
mkdir -p "$work/bundle/gradus/bin"
ln -s "$2" "$work/bundle/gradus/bin/ssgan"

said=$("$1/bench/gpu_check.sh" --bundle "$work/bundle" --only env,bench --budget 400 --out "$work/out")
[[ $(sed -n 1p <<<"$said") == env* ]]
[[ $(sed -n 2p <<<"$said") == "bench            0 s  left out: it may take 480 s, and "*" are left" ]]
grep -q '^=== env$' <<<"$said"
grep -q '^bench ' "$work/out/gpu_check.log"
if "$1/bench/gpu_check.sh" --bundle "$work/bundle" --budget soon 2>"$work/err"; then exit 1; fi
grep -q -- '--budget needs seconds, got soon' "$work/err"
