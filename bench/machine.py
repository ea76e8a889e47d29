"""Where a run took place: what a reader needs to judge its numbers."""

from __future__ import annotations

import datetime as dt
import os
import platform
from pathlib import Path

from bench.errors import BenchError
from bench.processes import run

REPOSITORY = Path(__file__).parents[1]


def describe() -> dict[str, str]:
    """Return the machine, the kernel, the tools and the revision of the checkout."""
    cpuinfo = Path("/proc/cpuinfo").read_text()
    models = [line.split(": ")[1] for line in cpuinfo.splitlines() if line.startswith("model name")]
    memory = Path("/proc/meminfo").read_text().split()[1]
    return {
        "date": dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "revision": revision(),
        "cpu": models[0] if models else platform.machine(),
        "cpus": str(os.cpu_count()),
        "virtual": "yes" if " hypervisor" in cpuinfo else "no",
        "memory_mib": str(int(memory) // 1024),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "wrk": _first_line(["wrk", "-v"]),
        "valgrind": _first_line(["valgrind", "--version"]),
        "strace": _first_line(["strace", "--version"]),
    }


def revision() -> str:
    """Return the checkout's commit, with ``+`` when its files were changed since."""
    try:
        commit = run(["git", "-C", str(REPOSITORY), "rev-parse", "--short=12", "HEAD"]).strip()
        changed = run(["git", "-C", str(REPOSITORY), "status", "--porcelain", "-uno"]).strip()
    except BenchError:
        return "unknown"
    return commit + ("+" if changed else "")


def _first_line(command: list[str]) -> str:
    try:
        return run(command).splitlines()[0]
    except BenchError as error:
        # wrk exits with 1 after saying its version.
        text = str(error).partition("failed (1): ")[2]
        return text.splitlines()[0] if text else "absent"
