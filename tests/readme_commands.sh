#!/usr/bin/env bash
# readme_commands.sh SSGAN SOURCE: runs the commands of ssgan that README.md lists, in its order, each
# in a short variant: small networks, few steps, drawn digits for SVHN. Left out are the download and
# what needs another program's files.
set -euo pipefail

ssgan=$(realpath "$1") source=$(realpath "$2") ran=0 left=0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

small='--epochs 1 --limit-batches 2 --d-size-mult 3 --g-size-mult 2'
checkpoint=runs/NAME/checkpoints/step_00000002.safetensors

# What comes before a line's command, so that it finds what its reader has by then.
before() {
  case $1 in
    *--resume*) "$ssgan" train $small --max-steps 1 --out runs/NAME ;;
    'ssgan compare-runs'*) "$ssgan" train $small --seed 2 --out runs/B && ln -s NAME runs/A ;;
  esac
}

while IFS= read -r line; do
  short=$(sed -E 's/ +#.*//; s/ \.\.\.$//; s/--data svhn --data-dir DIR/--data digits/; s/photo\.jpg/some.png/
    s/--steps? 700/--step 2/; s/--seeds 1\.\.5/--seeds 1..2/' <<<"$line")
  case $short in
    'ssgan data fetch'* | 'ssgan step'* | 'ssgan import'*)
      left=$((left + 1))
      continue
      ;;
    *--resume*) ;;
    *'--preset best'*) short="$short --epochs 1 --limit-batches 2 --d-size-mult 3" ;;
    'ssgan train'*) short="$short $small" ;;
    'ssgan export'* | 'ssgan sample'*) short=${short/--checkpoint F/--checkpoint $checkpoint} ;;
    'ssgan bench'*) short="$short --d-size-mult 3 --g-size-mult 2 --steps 3" ;;
    'ssgan graph'*) short="$short --d-size-mult 3 --g-size-mult 2" ;;
    'ssgan watch'*) short="$short --once" ;;
    'ssgan toy'*) short="$short --steps 20" ;;
  esac
  status=0
  { before "$short" && eval "\"$ssgan\" ${short#ssgan }"; } >out.txt 2>&1 </dev/null || status=$?
  ((status == 0)) || { cat out.txt; echo "status $status of: $short, for: $line"; exit 1; }
  ran=$((ran + 1))
done < <(sed -nE 's/^    (ssgan [a-z].*)/\1/p' "$source/README.md")
echo "$ran commands, $left left out"
((ran >= 20))
