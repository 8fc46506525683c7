#!/usr/bin/env bash
# guide_commands.sh SSGAN SOURCE: runs the commands of docs/guide, page by page, all training first; but
# for those with placeholders, and those that need Fashion-MNIST where it is not installed.
set -euo pipefail

ssgan=$(realpath "$1") source=$2 ran=0 left=0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/docs/guide" "$folder/build"
ln -s "$(dirname "$ssgan")" "$folder/build/bin"
cd "$folder"

ssgan() { "$ssgan" "$@"; }

commands=$(sed -nE 's/^    +((ssgan [a-z]|build\/bin\/example_|small=|cmp ).*)/\1/p' "$source"/docs/guide/[0-9]*.md)
missing='runs/(healthy|hot|few|starved)'
[[ -d /usr/share/datasets/fashion-mnist ]] && missing='^$'
for pass in train others; do
  while IFS= read -r line; do
    if [[ $line == small=* ]]; then
      eval "$line"
      continue
    fi
    is_training=others
    [[ $line == 'ssgan train'* ]] && is_training=train
    [[ $pass == "$is_training" ]] || continue
    if [[ $line =~ NAME|DIR|[[:space:]]F([[:space:]]|$) || $line =~ $missing ]]; then
      left=$((left + 1))
      continue
    fi
    status=0
    eval "$line" >out.txt 2>&1 || status=$?
    ((status == 0)) || { cat out.txt; echo "status $status of: $line"; exit 1; }
    ran=$((ran + 1))
  done <<<"$commands"
done
for picture in "$source"/docs/guide/*.svg; do
  [[ -e docs/guide/$(basename "$picture") || $(basename "$picture") == runs.svg ]] ||
    { echo "no command draws $picture"; exit 1; }
done
echo "$ran commands, $left left out"
((ran >= 20))
