"""`python examples/quickstart`: an upstream and a gateway before it, until Ctrl-C.

`--port` and `--upstream-port` are for machines where 9080 or 8000 is taken.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve().parent
PATIENCE = 10.0  # seconds for either process to accept connections

TRY = """
A gateway answers on http://127.0.0.1:{port}, and passes everything on to a service on port {upstream}.
In another terminal:

    curl -i http://127.0.0.1:{port}/              through the gateway, to the service
    curl http://127.0.0.1:{port}/echo?a=1         what the service was sent
    curl -N http://127.0.0.1:{port}/events        a stream, event by event

Edit {resources} and ask again: a change serves at once, a mistake is named and kept out.
Put it before a service of your own, with no file at all:

    {gatewright} run --to http://127.0.0.1:3000 --listen 9090

Ctrl-C stops both. The access log follows.
"""


def main() -> int:
    """Start both, wait for the end of either."""
    parser = argparse.ArgumentParser(prog="quickstart", description=__doc__)
    parser.add_argument("--port", type=int, default=9080, help="port of the gateway (9080)")
    parser.add_argument("--upstream-port", type=int, default=8000, help="port of the service (8000)")
    arguments = parser.parse_args()
    gatewright = Path(sys.executable).with_name("gatewright")
    # Ctrl-C reaches the whole process group: both children end by themselves, and this waits for them.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    environ = os.environ | {"UPSTREAM_PORT": str(arguments.upstream_port)}
    serve = [str(gatewright), "run", "--config", str(HERE / "config.yaml"), "--listen", f"127.0.0.1:{arguments.port}"]
    try:
        for port in (arguments.upstream_port, arguments.port):
            free(port)
        with (
            running([sys.executable, str(HERE / "upstream.py"), str(arguments.upstream_port)], environ) as upstream,
            running(serve, environ) as gateway,
        ):
            accepts(arguments.upstream_port, upstream)
            accepts(arguments.port, gateway)
            told = TRY.format(
                port=arguments.port,
                upstream=arguments.upstream_port,
                resources=shown(HERE / "apisix.yaml"),
                gatewright=shown(gatewright),
            )
            sys.stdout.write(told + "\n")
            sys.stdout.flush()
            return gateway.wait()
    except NotAcceptingError as error:
        sys.stderr.write(f"quickstart: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 0


class NotAcceptingError(Exception):
    """A port that is taken, or a process that nobody can connect to."""


def free(port: int) -> None:
    """Refuse a port that somebody listens on, before a stranger's service is taken for ours."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that linger do no harm
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise NotAcceptingError(f"port {port}: {reason}; `make run PORT=… UPSTREAM_PORT=…` takes others") from None


@contextlib.contextmanager
def running(command: list[str], environ: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command, and end it in the end."""
    process = subprocess.Popen(command, env=environ)  # noqa: S603 (the commands of this file)
    try:
        yield process
    finally:
        with contextlib.suppress(KeyboardInterrupt):
            if process.poll() is None:
                process.terminate()
            process.wait()


def accepts(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until connections are accepted."""
    end = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    what = Path(str(process.args[1])).name  # type: ignore[index]
    raise NotAcceptingError(f"{what} does not answer on port {port}")


def shown(path: Path) -> str:
    """Write a path as it is typed from here."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


if __name__ == "__main__":
    sys.exit(main())
