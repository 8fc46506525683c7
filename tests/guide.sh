#!/usr/bin/env bash
# guide.sh SOURCE EXAMPLE_FOLDER: links in README.md and docs/ lead to files, every page of docs/guide
# has a picture and a command, and what it shows of the examples that compute the same on every machine
# is what they print.
set -euo pipefail

source=$1 programs=$2 faults=0 links=0 lines=0
cd "$source"

fault() {
  echo "$1" >&2
  faults=$((faults + 1))
}

for page in README.md docs/*.md docs/guide/*.md; do
  while IFS= read -r link; do
    links=$((links + 1))
    target=${link%%#*}
    [[ -e $(dirname "$page")/$target ]] || fault "$page: a link to $link, which is not there"
  done < <(grep -oE '\]\([^)]+\)' "$page" | sed 's/^](//; s/)$//' | grep -vE '^(https?:|#)| ' || true)
done

for page in docs/guide/[0-9]*.md; do
  grep -qE '^!\[[^]]+\]\([^)]+\.(svg|png)\)' "$page" || fault "$page: no picture"
  grep -qE '^    (ssgan|build/bin/example_|\./gradus)' "$page" || fault "$page: no command"
  grep -qF "($(basename "$page"))" docs/guide/README.md || fault "$page: not in the list of pages"
done

# A line of a page that is a printed line but for its digits must be one with them, too.
for pair in 02-logits:02_logsumexp 06-batch-norm:05_batch_norm; do
  output=$("$programs/example_${pair#*:}")
  while IFS= read -r line; do
    grep -qxF -- "${line//[0-9]/0}" <<<"${output//[0-9]/0}" || continue
    lines=$((lines + 1))
    grep -qxF -- "$line" <<<"$output" || fault "docs/guide/${pair%:*}.md shows: $line"
  done < <(sed -n 's/^    //p' "docs/guide/${pair%:*}.md")
done
echo "$links links, $lines lines of output, $faults faults"
((faults == 0 && links > 50 && lines > 10))
