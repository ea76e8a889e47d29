"""Rows as a run would leave them."""

from __future__ import annotations

from bench.rows import Row


def row(peer: str, number: int, cpu_us: float, *, foreign: float = 0.0, discarded: str = "") -> Row:
    return Row(
        scenario="h1-1k",
        peer=peer,
        round=number,
        requests=3000,
        seconds=3.0,
        cpu_us=cpu_us,
        p50_us=100,
        p90_us=200,
        p99_us=300,
        p999_us=400,
        max_us=500,
        rss_bytes=1_000_000,
        pss_bytes=900_000,
        foreign=foreign,
        discarded=discarded,
    )
