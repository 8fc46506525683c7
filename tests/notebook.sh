#!/usr/bin/env bash
# notebook.sh SSGAN SOURCE: docs/guide/replay.ipynb, executed on a step of a small run.
set -euo pipefail

ssgan=$1 source=$2
for module in nbconvert ipykernel numpy safetensors; do
  if ! python3 -c "import $module" 2>/dev/null; then
    echo "skipped: python3 has no $module (pip install jupyter numpy safetensors)"
    exit 0
  fi
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp "$source/docs/guide/replay.ipynb" "$folder"
cd "$folder"
"$ssgan" train --preset mended --out runs/small --epochs 1 --limit-batches 40 --batch-size 16 --labelled-batch 4 \
  --g-size-mult 4 --d-size-mult 8 >&2
"$ssgan" replay --run runs/small --step 20 --out step20.safetensors >&2
python3 -m nbconvert --to markdown --execute --stdout replay.ipynb | tee out.md
grep -q 'discriminator.dense.bias after step 20 *relative difference' out.md
