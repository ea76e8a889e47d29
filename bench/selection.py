"""From the command line to the peers and scenarios that it names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from bench.errors import BenchError
from bench.peers import PEERS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from bench.peers.peer import Peer


class Named(Protocol):
    """Something with a name on the command line."""

    @property
    def name(self) -> str:
        """The name."""


T = TypeVar("T", bound=Named)


def choose(what: str, known: Sequence[T], wanted: str | None) -> list[T]:
    """Return the members of ``known`` that a comma-separated list names, all without a list."""
    if wanted is None:
        return list(known)
    by_name = {each.name: each for each in known}
    names = [name.strip() for name in wanted.split(",")]
    for name in names:
        if name not in by_name:
            message = f"no {what} is called {name!r}; there are {', '.join(by_name)}"
            raise BenchError(message)
    return [by_name[name] for name in names]


def add_peer_arguments(parser: argparse.ArgumentParser) -> None:
    """Return the options that choose peers and their programs."""
    names = ", ".join(peer.name for peer in PEERS)
    parser.add_argument("--peers", metavar="A,B", help=f"only these of {names}")
    for peer in PEERS:
        parser.add_argument(f"--{peer.name}", type=Path, metavar="PATH", help=f"the {peer.title} to measure")


def find_peers(arguments: argparse.Namespace, say: Callable[[str], None]) -> list[Peer]:
    """Return the peers asked for; without ``--peers``, those that are installed."""
    found: list[Peer] = []
    wanted: str | None = arguments.peers
    for peer in choose("peer", PEERS, wanted):
        given: Path | None = getattr(arguments, peer.name)
        try:
            found.append(peer(peer.locate(given and given.absolute())))
        except BenchError as error:
            if wanted:
                raise
            say(f"left out: {error}")
    if not found:
        message = "no gateway to measure"
        raise BenchError(message)
    return found
