#!/usr/bin/env bash
# tests/fresh_machine.sh bookworm|trixie|noble: makes a bare system of Debian 12, Debian 13 or Ubuntu
# 24.04 in a folder, puts a clone of the last commit into it, below a path with a space, and runs the
# README's two commands there: a user with sudo trains a few steps, which installs what building
# needs; root tests everything, which installs what testing needs, and trains a few steps. Says how
# many tests ran.
#
# Needs root, debootstrap and a mirror; ends with 77 and a reason where it cannot make the system. The
# bare system is kept as ${XDG_CACHE_HOME:-~/.cache}/gradus-fresh/SUITE.tar for a month. ../shared, if
# there is one, is seen by the clone too.
set -euo pipefail

root=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/..
suite=${1-}
case $suite in
  bookworm | trixie)
    mirror=${MIRROR:-http://deb.debian.org/debian}
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg components=main script=sid
    ;;
  noble)
    mirror=${MIRROR:-http://archive.ubuntu.com/ubuntu}
    keyring=/usr/share/keyrings/ubuntu-archive-keyring.gpg components=main,universe script=gutsy
    ;;
  *)
    echo "usage: tests/fresh_machine.sh bookworm|trixie|noble" >&2
    exit 2
    ;;
esac

say() { printf 'fresh %s: %s\n' "$suite" "$*" >&2; }
impossible() {
  say "impossible here: $*"
  exit 77
}

((EUID == 0)) || impossible "needs root"
command -v debootstrap >/dev/null || impossible "needs debootstrap (a package of that name)"
[[ -e $keyring ]] || impossible "needs $keyring, a package of $(basename "$keyring" .gpg)'s name"
# What is mounted below is seen by this script alone, and gone when it ends.
if [[ ! ${GRADUS_FRESH_INSIDE-} ]]; then
  try=$(mktemp -d)
  unshare --mount sh -c 'mount -t proc proc "$0" && mount -t devpts -o newinstance devpts "$0"' "$try" \
    2>/dev/null || impossible "mounts are not allowed"
  rmdir "$try"
  GRADUS_FRESH_INSIDE=yes exec unshare --mount -- "${BASH_SOURCE[0]}" "$@"
fi

system=$(mktemp -d "${TMPDIR:-/tmp}/gradus-fresh.XXXXXX")
clean_up() {
  umount "$system/proc" "$system/dev/pts" 2>/dev/null || true
  rm -rf --one-file-system "$system"
}
trap clean_up EXIT
trap 'say "failed: $BASH_COMMAND"' ERR
trap 'exit 130' INT
trap 'exit 143' TERM HUP

cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/gradus-fresh
base=$cache/$suite.tar
mkdir -p "$cache"
if [[ ! $(find "$base" -mtime -30 2>/dev/null) ]]; then
  say "making a bare system from $mirror"
  debootstrap --variant=minbase --keyring="$keyring" --components="$components" "$suite" \
    "$system" "$mirror" "/usr/share/debootstrap/scripts/$script" >"$base.log" 2>&1 || {
    tail -n 3 "$base.log" >&2
    impossible "debootstrap failed; $base.log tells more"
  }
  rm -f "$system"/var/cache/apt/archives/*.deb
  tar -C "$system" --one-file-system -cf "$base.part" .
  mv "$base.part" "$base"
else
  say "a bare system from $base"
  tar -C "$system" -xf "$base"
fi

# --- the system is there: from here on nothing is excused ---

chmod 755 "$system" # mktemp lets nobody else in
cp /etc/resolv.conf /etc/hosts "$system/etc/"
printf '#!/bin/sh\nexit 101\n' >"$system/usr/sbin/policy-rc.d" # packages start no services here
chmod +x "$system/usr/sbin/policy-rc.d"
mount -t proc proc "$system/proc"
mkdir -p "$system/dev/pts"
mount -t devpts -o newinstance,ptmxmode=666 devpts "$system/dev/pts"
ln -sf pts/ptmx "$system/dev/ptmx"

inside() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 TERM=dumb chroot "$system" "$@"; }
as_user() { inside su - visitor -c "cd 'a b/gradus' && $*"; }
as_root() { inside env HOME=/root bash -c "cd '/home/visitor/a b/gradus' && $*"; }

inside apt-get -qq update
inside apt-get -qq install -y --no-install-recommends sudo >/dev/null
inside useradd --create-home --shell /bin/bash visitor
echo 'visitor ALL=(ALL) NOPASSWD: ALL' >"$system/etc/sudoers.d/visitor"
# Nothing but what "minbase" and sudo bring: no compiler, no make, no git.
for tool in c++ cmake make ninja curl git; do
  if inside which "$tool" >/dev/null; then
    say "the system is not bare: it has $tool"
    exit 1
  fi
done

place="$system/home/visitor/a b"
mkdir "$place"
git -c safe.directory='*' clone --quiet "$root" "$place/gradus"
if [[ -d $root/../shared ]]; then
  cp -a "$root/../shared" "$place/shared" # a mount of it might be removed with the system
fi
inside chown -R visitor "/home/visitor/a b/gradus"

say "a user trains a few steps: ./gradus train --max-steps 20"
as_user ./gradus train --max-steps 20
say "root tests: ./gradus test"
as_root ./gradus test | tee "$system/tests.txt"
say "root trains a few steps"
as_root ./gradus train --max-steps 20 --out runs/root

count=$(grep -c '  Passed ' "$system/tests.txt" || true)
skipped=$(grep -c '\*\*\*Skipped ' "$system/tests.txt" || true)
say "$(inside sh -c '. /etc/os-release && echo "$PRETTY_NAME"'), $(inside c++ -dumpfullversion):" \
  "$count tests passed, $skipped skipped, none failed"
if ((count < 100)); then
  say "too few tests ran"
  exit 1
fi
