"""Programs on a device that outlive the connection: scripts for its `sh`, with every value quoted.

A job is a folder below the device's data folder: `log` (what it prints), `pid`, and `exit` once it has ended.
"""

from __future__ import annotations

import re
import secrets
import shlex
import time
from collections.abc import Sequence

_JOB = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{6}\Z")

# `echo` would read the backslashes of a log as its own: printf does not.
# After a reboot the number of a job's process may be another one's, which is neither followed nor ended.
_JOBS = """jobs="${XDG_DATA_HOME:-$HOME/.local/share}/augur-edge/jobs"
boot() { cat /proc/sys/kernel/random/boot_id 2>/dev/null; }
lives() { [ -e "$1/pid" ] && [ "$(cat "$1/boot" 2>/dev/null)" = "$(boot)" ] && kill -0 "$(cat "$1/pid")" 2>/dev/null; }
"""
# In a session of its own the job hears nothing of the connection's end, and can be ended with all it started.
_START = """
mkdir -p "$jobs" || exit 73
if mkdir "$job" 2>/dev/null; then
  boot >"$job/boot"
  run=nohup; command -v setsid >/dev/null && run="nohup setsid"
  $run sh -c 'job=$1; shift; echo $$ >"$job/pid"; "$@" >"$job/log" 2>&1; echo $? >"$job/exit.new"
    mv "$job/exit.new" "$job/exit"' augur-job "$job" {words} </dev/null >/dev/null 2>&1 &
fi
"""
_WATCH = """
echo started
silent=0
while [ ! -e "$job/exit" ]; do
  if lives "$job"; then silent=0; else silent=$((silent + 1)); fi
  [ $silent -gt 5 ] && { echo died; break; }
  printf 'note %s\\n' "$(tail -n 1 "$job/log" 2>/dev/null | cut -c 1-120)"
  sleep 0.5 2>/dev/null || sleep 1
done
[ -e "$job/exit" ] && echo "exit $(cat "$job/exit")"
echo log
cat "$job/log" 2>/dev/null
"""
_STOP = """
lives "$job" || exit 1
pid=$(cat "$job/pid")
kill -TERM "-$pid" 2>/dev/null || kill -TERM "$pid" || exit 1
for i in 1 2 3 4 5 6 7 8 9 10; do
  kill -0 "$pid" 2>/dev/null || break
  sleep 0.2 2>/dev/null || sleep 1
done
kill -KILL "-$pid" 2>/dev/null
[ -e "$job/exit" ] || echo 143 >"$job/exit"
echo stopped
"""
_LIST = """
for job in "$jobs"/*; do
  [ -d "$job" ] || continue
  state=died
  lives "$job" && state=running
  [ -e "$job/exit" ] && state="exit $(cat "$job/exit")"
  printf '%s|%s|%s\\n' "${job##*/}" "$state" "$(tail -n 1 "$job/log" 2>/dev/null | cut -c 1-120)"
done
"""


def new_job() -> str:
    """A name for a job: when it was started, and what no other has."""
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"


def is_job(text: str) -> bool:
    """Whether `text` can be a job's name."""
    return bool(_JOB.match(text))


def start_script(job: str, words: Sequence[str]) -> str:
    """Starts `words` as a job unless it runs or ran already; then tells, line by line, how it goes.

    `started`, `note <its last line>` …, `exit <code>` or `died`, and after `log` all it printed.
    """
    return _head(job) + _START.replace("{words}", " ".join(map(shlex.quote, words))) + _WATCH


def stop_script(job: str) -> str:
    """Ends a job and what it started; says `stopped`."""
    return _head(job) + _STOP


def list_script() -> str:
    """A line `<job>|running, died or exit <code>|<last line of its log>` for each job."""
    return _JOBS + _LIST


def _head(job: str) -> str:
    if not is_job(job):
        raise ValueError(f"{job!r} is no job")
    return f'{_JOBS}job="$jobs/{job}"\n'
