#!/usr/bin/env bash
# Makes the demo's clips from Debian's asterisk-core-sounds-en-wav (needs that package, and sox). The results are
# committed: the demo itself needs neither.
set -euo pipefail
cd "$(dirname "$0")"
from=/usr/share/asterisk/sounds/en_US_f_Allison
gap=$(mktemp --suffix .wav)
trap 'rm -f "$gap"' EXIT
sox -n -r 8000 -c 1 -b 16 "$gap" trim 0 0.18
# clip NAME PROMPT…: joins the prompts with short pauses, as mu-law at 8 kHz without a header. Pauses inside a prompt are
# cut to a fifth of a second, because half a second of silence ends a caller's turn.
clip() {
  local name=$1 parts=() prompt
  shift
  for prompt in "$@"; do parts+=("$from/$prompt.wav" "$gap"); done
  sox "${parts[@]}" -t ul -r 8000 -c 1 "$name.ulaw" silence -l 1 0.05 0.8% -1 0.2 0.8%
}
clip caller-problem something-terribly-wrong number digits/4 digits/2 digits/1 digits/7
clip caller-interrupts one-moment-please im-sorry
clip caller-human spy-agent
clip agent-greeting hello queue-youarenext
clip agent-looks one-moment-please
clip agent-answer sorry-youre-having-problems number digits/4 digits/2 digits/1 digits/7 tt-monkeysintro
clip agent-thanks queue-thankyou
clip agent-farewell pls-hold-while-try
