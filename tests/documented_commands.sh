#!/usr/bin/env bash
# documented_commands.sh SSGAN SOURCE: every command of ssgan and ./gradus that README.md and docs/
# write down exists, with the flags that are written behind it; so does every example that they run.
set -euo pipefail

ssgan=$1 source=$2 faults=0 seen=0
declare -A helps=()

fault() {
  echo "$1" >&2
  faults=$((faults + 1))
}

# help_of WORDS...: what `ssgan WORDS... -h` says
help_of() {
  [[ ${helps[:$*]+yes} ]] || helps[:$*]=$("$ssgan" "$@" -h 2>&1) || fault "ssgan $* -h fails"
}

# check_flags LINE WORDS...: the flags in a line are among those of `ssgan WORDS...`
check_flags() {
  local line=$1 flag
  shift
  help_of "$@"
  for flag in $(grep -oE -- '(^| )--[a-z][a-z0-9-]*' <<<"$line"); do
    [[ ${helps[:$*]} =~ (^|[ ,])$flag([^a-z0-9-]|$) ]] || fault "ssgan $* has no $flag: $line"
  done
}

# Commands stand alone in indented lines, or between backquotes; a comment may follow.
commands=$(
  cd "$source"
  command='((mpirun -np [0-9]+ )?(build[a-z-]*/bin/)?ssgan [a-z-]|build/bin/example_|\./gradus )'
  sed -nE "s#^    +$command#\1#p" README.md docs/*.md docs/guide/*.md
  grep -hoE "\`$command[^\`]+\`" README.md docs/*.md docs/guide/*.md | tr -d '`'
)
while IFS= read -r line; do
  line=${line%%  #*}
  line=${line%%#*}
  line=${line#mpirun -np [0-9] }
  read -r program first second _ <<<"$line"
  seen=$((seen + 1))
  case $program in
    ./gradus)
      if [[ $first == --yes ]]; then read -r _ _ first second _ <<<"$line"; fi
      "$source/gradus" help | grep -qE "^  (${first%,})( |$)" || fault "no such command: $line"
      if [[ $first == train ]]; then check_flags "${line#*train}" train; fi
      if [[ $first == test && $second =~ ^[a-z] && $second != PRESET ]]; then
        grep -q "\"name\": \"$second\"" "$source/CMakePresets.json" || fault "no preset: $line"
      fi
      ;;
    build/bin/example_*)
      [[ -f $source/examples/${program#build/bin/example_}.cpp ]] || fault "no such example: $line"
      ;;
    *)
      while [[ $line == *', ssgan '* ]]; do # "ssgan step, ssgan compare"
        help_of "$(sed -E 's/^[^ ]* ([a-z-]+), .*/\1/' <<<"$line")"
        line=${line#*, }
      done
      read -r _ first second _ <<<"$line"
      case $first in
        -*) check_flags "$line" ;;
        COMMAND | '') ;;
        data) if [[ $second == fetch ]]; then check_flags "$line" data fetch; else check_flags "$line" data; fi ;;
        *) check_flags "$line" "${first%[,.]}" ;;
      esac
      ;;
  esac
done <<<"$commands"
echo "$seen commands, $faults faults"
((faults == 0 && seen >= 20))
