"""Counts that repeat: instructions and system calls of one request.

A gateway is started under a tool, answers exactly ``n`` requests and ends; then again with more.
The difference of the two counts, divided by the difference in requests, is the cost of a request:
start-up, warm-up and the end are in both and cancel out. Times mean nothing here and are not taken.

- ``callgrind`` counts user-space instructions by running the gateway on valgrind's virtual CPU. Where
  Python is the first thread, that one is left out: no request comes to it, and what Python does at its
  start and end differs from run to run by more than the requests do.
- ``perf`` reads the same from the CPU's own counters, which virtual machines often hide.
- ``strace`` counts system calls.
"""

from __future__ import annotations

import re
import shutil
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from bench.errors import BenchError
from bench.peers.peer import Tracer
from bench.processes import run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# Python's start-up depends on its hash seed; the difference of two runs must not.
STEADY = {"PYTHONHASHSEED": "0"}
# How the names of callgrind's files end for the thread that a process starts with.
FIRST_THREAD = ".out-01"


class Tool(ABC):
    """A program that counts what another does."""

    name: ClassVar[str]
    """Its name in the raw rows."""
    slows: ClassVar[float]
    """How much longer a start may take under it."""

    @abstractmethod
    def available(self) -> bool:
        """Return whether it is installed and works on this machine."""

    @abstractmethod
    def tracer(self, directory: Path) -> Tracer:
        """Return the command in front of the peer's; it writes into ``directory``."""

    @abstractmethod
    def read(self, directory: Path, *, first_threads: bool) -> int:
        """Return what it counted, the peer having ended; without first threads where it can tell them apart."""


class Callgrind(Tool):
    """Instructions by valgrind."""

    name = "callgrind"
    slows = 20.0

    def available(self) -> bool:
        """Return whether valgrind is installed."""
        return shutil.which("valgrind") is not None

    def tracer(self, directory: Path) -> Tracer:
        """Follow every process, a file for each of its threads."""
        command = ("valgrind", "--tool=callgrind", "--trace-children=yes", "--separate-threads=yes")
        files = (
            f"--log-file={directory}/callgrind-%p.log",
            f"--callgrind-out-file={directory}/callgrind-%p.out",
        )
        return Tracer(command + files, STEADY)

    def read(self, directory: Path, *, first_threads: bool) -> int:
        """Sum what each thread executed."""
        paths = directory.glob("callgrind-*.out-*")
        counted = [path for path in paths if first_threads or not path.name.endswith(FIRST_THREAD)]
        return sum(parse_totals(path.read_text()) for path in counted)


class Perf(Tool):
    """Instructions by the CPU's counters."""

    name = "perf"
    slows = 1.0

    def available(self) -> bool:
        """Return whether perf is installed and the CPU shows its counters."""
        if shutil.which("perf") is None:
            return False
        try:
            text = run(["perf", "stat", "-x", ",", "-e", "instructions:u", "true"])
        except BenchError:
            return False
        return parse_perf(text) is not None

    def tracer(self, directory: Path) -> Tracer:
        """Count user-space instructions of all threads and children."""
        output = f"--output={directory}/perf.csv"
        command = ("perf", "stat", "-x", ",", "-e", "instructions:u", output, "--")
        return Tracer(command, STEADY)

    def read(self, directory: Path, *, first_threads: bool) -> int:
        """Return the one counter, of all threads."""
        del first_threads
        count = parse_perf((directory / "perf.csv").read_text())
        if count is None:
            message = "perf counted nothing"
            raise BenchError(message)
        return count


class Strace(Tool):
    """System calls."""

    name = "strace"
    slows = 5.0

    def available(self) -> bool:
        """Return whether strace is installed."""
        return shutil.which("strace") is not None

    def tracer(self, directory: Path) -> Tracer:
        """Count in the kernel's tracer, follow every thread and process."""
        return Tracer(("strace", "-f", "-c", "-o", f"{directory}/strace.txt"), STEADY)

    def read(self, directory: Path, *, first_threads: bool) -> int:
        """Return the total of all threads."""
        del first_threads
        return parse_strace((directory / "strace.txt").read_text())


TOOLS: tuple[Tool, ...] = (Callgrind(), Perf(), Strace())


def per_request(counts: tuple[int, int], measure: Callable[[int], int]) -> float:
    """Return the cost of a request, from the costs of ``counts`` requests."""
    few, many = counts
    return (measure(many) - measure(few)) / (many - few)


def parse_totals(text: str) -> int:
    """Return the instructions of a thread from its callgrind file."""
    found = re.search(r"^totals: (\d+)", text, re.MULTILINE)
    if found is None:
        message = f"callgrind gave no total:\n{text[-400:]}"
        raise BenchError(message)
    return int(found[1])


def parse_perf(text: str) -> int | None:
    """Instructions from ``perf stat -x ,``; None when the counter is not supported."""
    for line in text.splitlines():
        value, *rest = line.split(",")
        if "instructions:u" in rest and value.isdigit():
            return int(value)
    return None


def parse_strace(text: str) -> int:
    """Return calls from the summary of ``strace -c``: the fourth column of its last line."""
    lines = [line.split() for line in text.splitlines() if line.endswith("total")]
    if not lines:
        message = f"strace gave no summary:\n{text[-400:]}"
        raise BenchError(message)
    return int(lines[-1][3])
