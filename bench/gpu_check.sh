#!/usr/bin/env bash
# Shows on a machine with a card what only a card can show, stage by stage.
# shellcheck disable=SC2317 # the stages are called by their names
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: bench/gpu_check.sh [--bundle BUNDLE] [--only STAGE[,STAGE]] [--budget SECONDS] [--out DIR]

  env          driver, card, libraries, Python's packages, cuDNN's description of the card
  tests        gradus_tests "[gpu]"
  golden       golden cases through ssgan step and compare, f64 and f32
  replay       200 steps as a graph, again, and without a graph: the same bytes
  kernels      the time of each kernel of a step, by nsys or ncu
  memcheck     compute-sanitizer on the operations' kernels: memory
  racecheck    the same: races
  peers        the other frameworks' steps against a golden case
  bench        a step beside the other frameworks, batch 128
  bench-large  the fastest of them, batches of 512 and 2048
  bench-tf32   the same in TF32, batches of 128 and 512
  throughput   ssgan's images a second by batch size and width
  train        25 epochs on the SVHN subset in ../shared, else on drawn digits

Without --only, all of them; each ends within its limit, at most 8 minutes. With --budget, a stage
is left out where its limit is more than what is left, what the stages say goes to the log, and at
the end the summary is printed before it. --bundle is gpu_bundle.sh's archive, or the
folder that it unpacks to; else this script's own checkout counts, with its build in build/. --out
gets the log and the files worth keeping. Exit status: 0, or 1 where a stage failed; without a card
most are skipped.
TEXT
}

stages=(env tests golden replay kernels memcheck racecheck peers bench bench-large bench-tf32
  throughput train)
# Limits in seconds, where they are not 480.
declare -A limits=([env]=60 [tests]=240 [golden]=120 [replay]=120 [kernels]=90 [peers]=300
  [bench-tf32]=300 [throughput]=240 [train]=300)
budget=

root=$(cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
out=$work/out

misused() {
  echo "gpu_check: $*; --help lists the stages" >&2
  exit 2
}

while (($# > 0)); do
  case $1 in
    -h | --help)
      usage
      exit
      ;;
    --bundle | --only | --budget | --out) if (($# == 1)); then misused "$1 needs a word"; fi ;;&
    --bundle)
      bundle=$2
      if [[ -f $bundle ]]; then
        tar -xzf "$bundle" -C "$work"
        bundle=$work/gradus-gpu
      fi
      root=$(cd -- "$bundle/gradus" && pwd) || misused "no bundle at $2"
      ;;
    --only) IFS=, read -ra stages <<<"$2" ;;
    --budget)
      [[ $2 =~ ^[0-9]+$ ]] || misused "--budget needs seconds, got $2"
      budget=$2
      ;;
    --out) out=$2 ;;
    *) misused "unexpected word $1" ;;
  esac
  shift 2
done

build=$root
if [[ ! -e $build/bin/ssgan ]]; then build=$root/build; fi
if [[ ! -e $build/bin/ssgan ]]; then misused "no ssgan in $root/bin or $root/build/bin"; fi
shared=$root/../shared
mkdir -p -- "$out"
export root build shared out work
export GRADUS_SOURCE_DIR=$root # the tests look for their files there

# --- libraries ----------------------------------------------------------------------------------

# Where a toolkit or Python's packages may have CUDA's libraries.
library_dirs() {
  python3 -c '
import glob, site, sys
for place in dict.fromkeys([*sys.path, *site.getsitepackages(), site.getusersitepackages()]):
    print(*sorted(glob.glob(place + "/nvidia/*/lib")), sep="\n")' 2>/dev/null || true
  compgen -G '/usr/local/cuda*/lib64' || true
  compgen -G '/usr/local/cuda*/targets/*/lib' || true
}

# The folder of $2 among those of the path $1.
folder_in() {
  local dirs dir
  IFS=: read -ra dirs <<<"$1"
  for dir in "${dirs[@]}"; do
    if compgen -G "$dir/$2" >/dev/null; then
      printf '%s\n' "$dir"
      return
    fi
  done
}

# What the backend misses, given $1 as LD_LIBRARY_PATH; cuDNN opens libnvrtc when it needs it.
missing_libraries() {
  LD_LIBRARY_PATH=$1 ldd "$build/lib/libgradus_cuda.so" | awk '/not found/ {print $1}'
  if [[ $(ldconfig -p) != *libnvrtc.so.* && ! $(folder_in "$1" 'libnvrtc.so.*') ]]; then
    echo 'libnvrtc.so.*'
  fi
}

find_libraries() {
  local path=$build/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} places name dir
  if [[ -e $build/lib/libgradus_cuda.so ]]; then
    places=$(library_dirs | paste -sd :)
    for name in $(missing_libraries "$path"); do
      dir=$(folder_in "$places" "$name")
      if [[ $dir && :$path: != *:"$dir":* ]]; then path+=:$dir; fi
    done
  fi
  printf '%s\n' "$path"
}

library_path=$(find_libraries)
export library_path

# Python's packages bring libraries of their own, so only our programs get this path.
ours() {
  local program=$1
  shift
  LD_LIBRARY_PATH=$library_path "$build/bin/$program" "$@"
}
cat >"$work/ssgan" <<TEXT
#!/usr/bin/env bash
LD_LIBRARY_PATH=$(printf %q "$library_path") exec $(printf %q "$build/bin/ssgan") "\$@"
TEXT
chmod +x "$work/ssgan"

# --- stages -------------------------------------------------------------------------------------

skip() {
  echo "skipped: $*"
  exit 77
}

fail() {
  echo "failed: $*"
  exit 1
}

# Why ssgan uses no card; nothing where it uses one.
why_no_card() {
  local said
  said=$("$work/ssgan" --version)
  case $said in
    *'not built in'*) echo "this build has no CUDA backend" ;;
    *'none used: '*) echo "${said##*none used: }" ;;
  esac
}

has_nvidia_smi() { command -v nvidia-smi >/dev/null; }

need_card() {
  local reason
  reason=$(why_no_card)
  if [[ ! $reason ]]; then return; fi
  if has_nvidia_smi && [[ $(nvidia-smi -L) == 'GPU '* ]]; then
    fail "there is a card, but ssgan uses none: $reason"
  fi
  skip "no CUDA device: $reason"
}

need_program() { if [[ ! -e $build/bin/$1 ]]; then skip "no $1 in $build/bin"; fi; }

golden_cases() {
  local dir
  for dir in "$root/tests/golden/random" "$shared"/golden/small* "$shared"/golden/full*; do
    if [[ -e $dir/case.json ]]; then printf '%s\n' "$dir"; fi
  done
}

run_env() {
  uname -srm
  getconf GNU_LIBC_VERSION
  if has_nvidia_smi; then nvidia-smi; else echo "no nvidia-smi"; fi
  echo "library path: $library_path"
  if [[ -e $build/lib/libgradus_cuda.so ]]; then
    LD_LIBRARY_PATH=$library_path ldd "$build/lib/libgradus_cuda.so" |
      grep -E 'libcu|not found' || true
  fi
  if ! command -v python3 >/dev/null; then echo "no python3"; else python3 -c '
import importlib.metadata, platform
print("Python", platform.python_version())
for d in importlib.metadata.distributions():
    name = d.metadata["Name"].lower()
    if name in ("torch", "triton", "jax", "jaxlib", "numpy") or name.startswith("nvidia-"):
        print(" ", name, d.version)'
  fi
  "$work/ssgan" --version
  need_card
  need_program gradus_cudnn_tests
  ours gradus_cudnn_tests '[describe]' >"$work/description"
  grep '^{' "$work/description" >"$out/device.json" || fail "cuDNN does not describe the card"
  echo "cuDNN's description of the card: $out/device.json, $(wc -c <"$out/device.json") bytes"
}

run_tests() {
  need_card
  need_program gradus_tests
  ours gradus_tests '[gpu]' --durations yes | tee "$work/tests"
  if grep -q '^skipped: no CUDA device' "$work/tests"; then fail "the tests found no card"; fi
}

run_golden() {
  need_card
  local cases
  mapfile -t cases <<<"$(golden_cases)"
  python3 "$root/bench/check_golden.py" --ssgan "$work/ssgan" --device cuda "${cases[@]}"
}

run_replay() {
  need_card
  local name flags
  for name in graph again eager; do
    flags=()
    if [[ $name == eager ]]; then flags=(--no-graph); fi
    "$work/ssgan" train --device cuda --data digits --seed 1 --max-steps 200 --log-every 200 \
      --out "$work/$name" "${flags[@]}" >"$work/run" 2>&1 || {
      cat -- "$work/run"
      fail "train ${flags[*]}"
    }
  done
  for name in again eager; do
    cmp "$work/graph/metrics.jsonl" "$work/$name/metrics.jsonl"
    cmp "$work"/{graph,"$name"}/checkpoints/step_00000200.safetensors
    echo "graph and $name: the same metrics and the same checkpoint"
  done
}

# The toolkit's program.
tool() { command -v "$1" || compgen -G "/usr/local/cuda*/bin/$1" | sed -n 1p || true; }

run_kernels() {
  need_card
  local nsys ncu
  nsys=$(tool nsys) ncu=$(tool ncu)
  if [[ $nsys ]]; then
    "$nsys" profile --cuda-graph-trace=node --output "$work/step" "$work/ssgan" bench \
      --device cuda --preset tutorial --steps 200
    "$nsys" stats --report cuda_gpu_kern_sum "$work/step.nsys-rep" >"$out/kernels.txt"
  elif [[ $ncu ]]; then
    "$ncu" --print-summary per-kernel --launch-count 400 "$work/ssgan" bench \
      --device cuda --preset tutorial --steps 3 --no-graph >"$out/kernels.txt"
  else
    skip "neither nsys nor ncu"
  fi
  cat -- "$out/kernels.txt"
}

# In our own kernels alone: watching the libraries' takes too long.
sanitize() {
  need_card
  need_program gradus_tests
  local sanitizer status=0
  sanitizer=$(tool compute-sanitizer)
  if [[ ! $sanitizer ]]; then skip "no compute-sanitizer"; fi
  LD_LIBRARY_PATH=$library_path "$sanitizer" --tool "$@" --kernel-name kns=gradus \
    --error-exitcode 9 "$build/bin/gradus_tests" 'cuda: operations*,cuda: fills*' 2>&1 |
    tee "$work/sanitizer" || status=$?
  if grep -q 'Device not supported' "$work/sanitizer"; then
    skip "compute-sanitizer does not support this device"
  fi
  return "$status"
}

run_memcheck() { sanitize memcheck --report-api-errors no; } # cuDNN tries and handles errors
run_racecheck() { sanitize racecheck; }

run_peers() {
  need_card
  local mode status=0
  for mode in as_written shared channels_last cuda_graphs compile compile_graphs; do
    check_peer torch_step.py --mode "$mode"
  done
  check_peer torch_step.py --mode cuda_graphs --channels-last
  check_peer jax_step.py
  return "$status"
}

check_peer() {
  local said=0
  echo "$*"
  python3 "$root/bench/peers/$1" "${@:2}" --device cuda --check || said=$?
  if ((said != 0 && said != 3)); then status=1; fi # 3: the framework is not here
}

compare() {
  need_card
  python3 "$root/bench/compare.py" --ssgan "$work/ssgan" --device cuda --rounds 5 --steps 100 \
    --markdown "$out/measurements.md" "$@"
}

fastest=ssgan,torch:cuda_graphs,torch:compile_graphs,jax
export fastest

run_bench() { compare; }
run_bench-large() { compare --batch-sizes 512,2048 --only "$fastest"; }
run_bench-tf32() { compare --precision tf32 --batch-sizes 128,512 --only "$fastest"; }

run_throughput() {
  need_card
  python3 "$root/bench/throughput.py" --ssgan "$work/ssgan" --device cuda --rounds 2 \
    --steps 50 --markdown "$out/measurements.md"
}

run_train() {
  need_card
  local data=(--data digits) accuracy
  if [[ -e $shared/data/svhn-subset/train_32x32.mat ]]; then
    data=(--data svhn --data-dir "$shared/data/svhn-subset")
  fi
  "$work/ssgan" train --device cuda "${data[@]}" --epochs 25 --seed 1 --log-every 500 \
    --out "$work/train"
  cp -- "$work/train/epochs.csv" "$out"
  cat -- "$work/train/summary.json"
  accuracy=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["test_accuracy"])' \
    "$work/train/summary.json")
  # The same runs reach .70 (SVHN) and .74 (digits) on the CPU; seeds differ by .015.
  python3 -c 'import sys; sys.exit(float(sys.argv[1]) < .65)' "$accuracy" ||
    fail "test accuracy $accuracy, .65 or more expected"
}

# --- all of them --------------------------------------------------------------------------------

while read -r _ _ name; do export -f "${name?}"; done <<<"$(declare -F)"
for stage in "${stages[@]}"; do
  if ! declare -F "run_$stage" >/dev/null; then misused "no stage \"$stage\""; fi
done
results=() failed=0
if [[ $budget ]]; then
  exec 3>&1 >"$work/said"
fi
for stage in "${stages[@]}"; do
  limit=${limits[$stage]:-480}
  if [[ $budget ]] && ((SECONDS + limit > budget)); then
    results+=("$(printf '%-12s     0 s  left out: it may take %d s, and %d are left' "$stage" "$limit" \
      $((budget > SECONDS ? budget - SECONDS : 0)))")
    continue
  fi
  printf '\n=== %s\n' "$stage"
  start=$SECONDS status=0
  timeout -k 10 "$limit" bash -euo pipefail -c "run_$stage" 2>&1 |
    tee "$work/log" || status=$?
  case $status in
    0) result=ok ;;
    77) result=$(grep '^skipped: ' "$work/log" | tail -n 1) ;;
    124 | 137) result="FAILED: more than $limit seconds" failed=1 ;;
    *) result="FAILED: status $status" failed=1 ;;
  esac
  cat -- "$work/log" >>"$out/gpu_check.log"
  results+=("$(printf '%-12s %5d s  %s' "$stage" $((SECONDS - start)) "$result")")
done
if [[ $budget ]]; then exec >&3; else printf '\n'; fi
printf '%s\n' "${results[@]}" | tee -a "$out/gpu_check.log"
if [[ $budget ]]; then cat -- "$work/said"; fi
exit "$failed"
