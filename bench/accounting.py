"""Who used the CPU and the memory, read from /proc.

    before = tree_usage(pid)
    ...
    spent = tree_usage(pid).cpu_seconds - before.cpu_seconds

CPU seconds of a tree are user + system of every process in it, with those of children already
reaped (``cutime``, ``cstime``), so that the sum never falls when a worker is replaced. The clock
ticks at 100 Hz: over a three-second round at full load that is 0.3 %.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")

# Fields of /proc/PID/stat after the ")" that ends the name: proc(5) counts from 1 and state is 3.
PARENT, USER, SYSTEM, REAPED_USER, REAPED_SYSTEM = (field - 3 for field in (4, 14, 15, 16, 17))
# Fields of a "cpuN" line of /proc/stat: user nice system idle iowait irq softirq steal.
IDLE_FIELDS = (3, 4)
COUNTED_FIELDS = 8


@dataclass(frozen=True)
class Usage:
    """What a tree of processes has used."""

    cpu_seconds: float
    """User and system time since the start."""
    rss_bytes: int
    """Resident memory, pages that processes share counted in each."""
    pss_bytes: int
    """Resident memory, a shared page counted once in all."""
    open_files: int
    """File descriptors open."""


def tree_usage(pid: int) -> Usage:
    """Return what ``pid`` and everything below it has used; zeros once they are gone."""
    ticks = rss = pss = files = 0
    for each in process_tree(pid):
        stat = _stat(each)
        if stat is None:
            continue
        ticks += sum(int(stat[i]) for i in (USER, SYSTEM, REAPED_USER, REAPED_SYSTEM))
        memory = _memory(each)
        rss += memory.get("Rss", 0)
        pss += memory.get("Pss", 0)
        files += _open_files(each)
    return Usage(ticks / TICKS, rss, pss, files)


def tree_cpu(pid: int) -> float:
    """CPU seconds of a tree: :func:`tree_usage` without the dearer memory reading."""
    ticks = 0
    for each in process_tree(pid):
        stat = _stat(each)
        if stat is not None:
            ticks += sum(int(stat[i]) for i in (USER, SYSTEM, REAPED_USER, REAPED_SYSTEM))
    return ticks / TICKS


def process_tree(pid: int) -> list[int]:
    """``pid`` and its descendants, parents first."""
    below: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit() and (stat := _stat(int(entry.name))) is not None:
            below.setdefault(int(stat[PARENT]), []).append(int(entry.name))
    found = [pid]
    for each in found:  # grows while it is walked: breadth first
        found.extend(below.get(each, ()))
    return found


def children_of(pid: int) -> list[int]:
    """Return the direct children of ``pid``."""
    tree = process_tree(pid)[1:]
    return [each for each in tree if (stat := _stat(each)) is not None and int(stat[PARENT]) == pid]


def harness_cpu() -> float:
    """CPU seconds of this process and of the children it has waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def busy_seconds(cpus: frozenset[int]) -> float:
    """Seconds the given CPUs were not idle since boot, time stolen by the host included."""
    return parse_busy((PROC / "stat").read_text(), cpus)


def parse_busy(stat: str, cpus: frozenset[int]) -> float:
    """:func:`busy_seconds` of the text of /proc/stat."""
    ticks = 0
    for line in stat.splitlines():
        name, *fields = line.split()
        if name.startswith("cpu") and name[3:].isdigit() and int(name[3:]) in cpus:
            counted = [int(value) for value in fields[:COUNTED_FIELDS]]
            ticks += sum(value for i, value in enumerate(counted) if i not in IDLE_FIELDS)
    return ticks / TICKS


def _stat(pid: int) -> list[str] | None:
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    return text[text.rindex(")") + 2 :].split()


def _memory(pid: int) -> dict[str, int]:
    try:
        text = (PROC / str(pid) / "smaps_rollup").read_text()
    except OSError:
        return {}
    lines = (line.split() for line in text.splitlines()[1:])
    return {words[0].rstrip(":"): int(words[1]) * 1024 for words in lines}


def _open_files(pid: int) -> int:
    try:
        return sum(1 for _ in (PROC / str(pid) / "fd").iterdir())
    except OSError:
        return 0
