#!/usr/bin/env bash
# mpi.sh SSGAN TESTS FOLDER FAKE_CUDA: ssgan train under mpirun: the same bytes each time, the same losses as one
# process, one writer; and what ends one rank ends all, with the last checkpoint whole.
set -euo pipefail

ssgan=$1 tests=$2 folder=$3 fake_cuda=$4
if ! command -v mpirun >/dev/null; then
  echo "skipped: no mpirun"
  exit 77
fi
if "$ssgan" --version | grep 'mpi:  none'; then
  echo "skipped: this build has no MPI"
  exit 77
fi
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
# More ranks than cores: Open MPI 4, then 5.
export OMPI_MCA_rmaps_base_oversubscribe=1 PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe
rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"
failed=0
fault() {
  echo "FAULT: $*"
  failed=1
}

epochs=2 device=cpu
# run RANKS NAME WORDS...: a short training in the folder NAME; its words in NAME.err
run() {
  local ranks=$1 name=$2
  shift 2
  timeout 300 mpirun -np "$ranks" "$ssgan" train --device $device --batch-size 9 --g-size-mult 2 \
    --d-size-mult 3 --limit-batches 6 --epochs $epochs --out "$name" "$@" >"$name.out" 2>"$name.err" </dev/null
}
# same_losses A B STEPS: the losses of both runs' first steps differ by rounding alone
same_losses() {
  paste <(head -n "${3:-12}" "$1/metrics.jsonl") <(head -n "${3:-12}" "$2/metrics.jsonl") | sed -E 's/[^0-9eE.+-]+/ /g' | awk -v steps="${3:-12}" '
    { for (i = 1; i <= NF / 2; ++i) { d = $i - $(i + NF / 2); if (d * d > 1e-6) bad = 1 } }
    END { exit bad || NR < steps }' || fault "losses of $1 and $2 differ"
}
for ranks in 1 2 3 4; do
  mpirun -np $ranks "$tests" '[mpi]' >golden.out 2>&1 || { fault "golden cases, $ranks ranks"; cat golden.out; }
  run $ranks run$ranks || fault "$ranks ranks: $(cat run$ranks.err)"
  same_losses run1 run$ranks
done
run 2 again || fault "again"
for file in metrics.jsonl checkpoints/step_00000012.safetensors; do
  cmp run2/$file again/$file || fault "2 ranks twice: $file differs"
done
grep -q '1 thread in each of 2 ranks' run2.err || fault "does not say how many ranks"
[[ $(grep -c 'settings   preset' run2.err) == 1 ]] || fault "several ranks say the same"

# Goes on with another number of ranks, and says so.
run 2 other --max-steps 7 || fault "seven steps"
run 3 other --resume || fault "going on with 3 ranks: $(cat other.err)"
grep -q 'ranks 2 -> 3: the bits may differ' other/log.txt || fault "no word of the ranks in log.txt"
same_losses run1 other
run 2 both --baseline --seed 2 || fault "a baseline: $(cat both.err)"
[[ -e both/baseline/summary.json ]] || fault "no baseline"

# A wrong flag: one message.
run 2 wrong --patience -1 && fault "a wrong flag passes"
[[ $(grep -c patience wrong.err) == 1 ]] || fault "a wrong flag: $(cat wrong.err)"

# What ends one rank ends all of them, soon.
status=0
run 2 nan --lr 1e30 || status=$?
[[ $status == 5 ]] || fault "a loss that is not finite: status $status"
grep -q 'not finite\|is -\?nan\|is -\?inf' nan.err || fault "a loss that is not finite: $(cat nan.err)"
# Of two ranks that train on and on: rank 0 cannot write, mpirun is told to stop, rank 1 is killed.
epochs=100000
for how in full TERM KILL; do
  run 2 $how --save-every 5 &
  runner=$!
  for ((i = 0; i < 3000; ++i)); do
    [[ -e $how/checkpoints/step_00000010.safetensors ]] && break
    kill -0 $runner 2>/dev/null || break
    sleep 0.1
  done
  mapfile -t ranks < <(pgrep -f "train .*--out $how " | while read -r pid; do
    [[ $(readlink "/proc/$pid/exe") != "$(readlink -f "$ssgan")" ]] || echo "$pid"; done)
  ((${#ranks[@]} == 2)) || fault "$how: ${#ranks[@]} ranks found"
  kept=$how/checkpoints
  case $how in
    full)
      kept=kept
      mv full/checkpoints kept
      touch full/checkpoints
      ;;
    TERM) kill -TERM "$(ps -o ppid= -p "${ranks[0]}" | tr -d ' ')" ;;
    KILL) kill -KILL "${ranks[1]}" ;;
  esac
  status=0
  wait $runner || status=$?
  ((status != 0)) || fault "$how: status 0"
  ((status != 124)) || fault "$how: goes on and on"
  for pid in "${ranks[@]}"; do
    for ((i = 0; i < 3000; ++i)); do
      [[ -e /proc/$pid ]] || break
      sleep 0.1
    done
    [[ ! -e /proc/$pid ]] || fault "$how: a rank lives on"
  done
  for file in "$kept"/*.safetensors; do
    "$ssgan" sample --checkpoint "$file" --out sample.png >/dev/null 2>&1 || fault "$how: $file is damaged"
  done
done
[[ $(grep -c 'ssgan: ' full.err) == 1 ]] || fault "several messages: $(cat full.err)"

# Ranks with devices, on a CUDA without a card: what NCCL is asked for is captured with the step, and
# computes the same.
epochs=1
run 2 host || fault "without cards: $(cat host.err)"
device=cuda
run_cards() { LD_LIBRARY_PATH=$fake_cuda run "$@" || fault "$2: $(cat "$2.err")"; }
GRADUS_FAKE_LOG=$PWD/cards.log run_cards 2 cards
run_cards 2 eager --no-graph
cmp cards/metrics.jsonl eager/metrics.jsonl || fault "captured and eager steps differ"
same_losses cards host 6
grep -q '^graph exchange ' cards.log || fault "no exchange was captured: $(cat cards.log)"
device=cpu

# A sweep: a rank a seed.
epochs=1
run 2 sweep --sweep --seeds 1..3 || fault "a sweep: $(cat sweep.err)"
for seed in 1 2 3; do
  [[ -e sweep/seed-$seed/summary.json ]] || fault "a sweep: no seed $seed"
done
# What is wrong with one rank's seed is said by that rank.
rm -r sweep/seed-2
run 2 sweep --sweep --seeds 2..3 --resume --labels per-class:7 && fault "a sweep goes on with other labels"
grep -q "ssgan: seed 3: .*labels" sweep.err || fault "a sweep with other labels: $(cat sweep.err)"
exit $failed
