#!/usr/bin/env bash
# own_name.sh SSGAN: the program sets GOMP_SPINCOUNT by starting itself again. It keeps its name and
# its arguments, leaves alone what the user has set, and runs where ld.so loads it.
set -euo pipefail

ssgan=$1
unset OMP_WAIT_POLICY GOMP_SPINCOUNT
export OMP_NUM_THREADS=2
failed=0
expect() {  # WHAT GOT WANTED
  if [[ $2 != "$3" ]]; then
    echo "$1: got \"$2\", expected \"$3\""
    failed=1
  fi
}

(exec -a its-name "$ssgan" bench --steps 100000 --device cpu >/dev/null 2>&1) &
pid=$!
trap 'kill "$pid" 2>/dev/null || true' EXIT
for ((i = 0; i < 600; ++i)); do
  if tr '\0' '\n' 2>/dev/null <"/proc/$pid/environ" | grep -qx 'GOMP_SPINCOUNT=1000'; then break; fi
  sleep 0.1
done
expect "GOMP_SPINCOUNT" "$(tr '\0' '\n' <"/proc/$pid/environ" | grep GOMP_SPINCOUNT)" \
  GOMP_SPINCOUNT=1000
expect "name in ps" "$(<"/proc/$pid/comm")" ssgan
expect "command line" "$(tr '\0' ' ' <"/proc/$pid/cmdline")" \
  "its-name bench --steps 100000 --device cpu "

loader=$(readelf -l "$ssgan" | sed -n 's/.*program interpreter: \(.*\)]/\1/p')
expect "started by $loader" "$("$loader" "$ssgan" --version | head -1)" \
  "$("$ssgan" --version | head -1)"
exit $failed
