"""The one certificate all peers serve: ECDSA P-256, self-signed, for localhost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from bench.processes import run

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Certificate:
    """A certificate and its key, as PEM files."""

    chain: Path
    """The certificate."""
    key: Path
    """Its private key."""
    both: Path
    """Both in one file, as HAProxy wants them."""

    @classmethod
    def generate(cls, directory: Path) -> Self:
        """Make one with openssl; :exc:`bench.errors.BenchError` if that fails."""
        made = cls(directory / "cert.pem", directory / "key.pem", directory / "both.pem")
        options = "-x509 -nodes -days 30 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -subj /CN=localhost"
        names = "-addext subjectAltName=DNS:localhost,IP:127.0.0.1"
        files = ["-keyout", str(made.key), "-out", str(made.chain)]
        run(["openssl", "req", *options.split(), *names.split(), *files])
        made.both.write_text(made.chain.read_text() + made.key.read_text())
        return made
