#!/usr/bin/env bash
# Makes a virtual environment for each framework that compare.py measures against.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: bench/setup_peers.sh DIR [torch] [tensorflow] [jax]

Makes DIR/torch, DIR/tensorflow and DIR/jax, or the named ones, with $PYTHON (python3.11 unless set;
TensorFlow 2.15 needs Python 3.9 to 3.11). pip's own settings hold: "torch" alone with
PIP_INDEX_URL=https://download.pytorch.org/whl/cpu is a PyTorch without CUDA's 3 GB.
TEXT
}

case ${1:-} in
  '' | -h | --help)
    usage
    exit $((${#1} == 0 ? 2 : 0))
    ;;
esac
dir=$1
shift
if (($# == 0)); then set -- torch tensorflow jax; fi

declare -A packages=([torch]='torch numpy' [tensorflow]='tensorflow-cpu==2.15.1' [jax]='jax[cpu]')
for name in "$@"; do
  if [[ ! ${packages[$name]:-} ]]; then
    echo "setup_peers: no such peer: $name" >&2
    usage >&2
    exit 2
  fi
done

mkdir -p -- "$dir"
for name in "$@"; do
  "${PYTHON:-python3.11}" -m venv -- "$dir/$name"
  read -ra wanted <<<"${packages[$name]}"
  "$dir/$name/bin/pip" install --quiet --disable-pip-version-check "${wanted[@]}"
  "$dir/$name/bin/python" -c '
import importlib.metadata, platform, sys
names = [word.split("=")[0].split("[")[0] for word in sys.argv[1:]]
print("Python", platform.python_version(), *(f"{n} {importlib.metadata.version(n)}" for n in names))
' "${wanted[@]}"
done
