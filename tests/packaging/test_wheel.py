"""The wheel as a stranger gets it: installed with no Rust, no compiler and no checkout in reach."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import platform
import shutil
import subprocess
import sys
import threading
import urllib.request
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
ANSWER = b"from the upstream\n"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that `make wheel` builds."""
    dist = tmp_path_factory.mktemp("dist")
    # This may run under make; the inner one is on its own.
    environ = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    built = subprocess.run(
        ["make", "--silent", "wheel", f"DIST={dist}"],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = dist.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of a fresh environment with the wheel in it and nothing else."""
    environment = tmp_path_factory.mktemp("fresh") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    # Dependencies come as wheels or not at all: nothing may be compiled.
    install = [str(environment / "bin/python"), "-m", "pip", "install", "--quiet", "--only-binary=:all:", str(wheel)]
    subprocess.run(install, env=secluded(environment), check=True)
    return environment / "bin"


def secluded(environment: Path) -> dict[str, str]:
    """An environment whose PATH leads to the fresh environment only; what pip is told of proxies and indexes stays."""
    kept = {name: value for name, value in os.environ.items() if name.lower().startswith(("pip_", "http", "no_proxy"))}
    return kept | {"PATH": str(environment / "bin"), "HOME": str(environment.parent)}


@pytest.fixture
def upstream() -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(ANSWER)))
            self.end_headers()
            self.wfile.write(ANSWER)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_installed_command_serves(bare: Path, upstream: str, tmp_path: Path) -> None:
    command = [str(bare / "gatewright"), "run", "--json", "--to", upstream, "--listen", "127.0.0.1:0"]
    gateway = subprocess.Popen(command, cwd=tmp_path, env=secluded(bare.parent), stdout=subprocess.PIPE)
    with ending(gateway):
        assert gateway.stdout is not None
        told = json.loads(gateway.stdout.readline())
        with urllib.request.urlopen(f"http://{told['listeners'][0]}/hello", timeout=10) as answer:
            assert answer.read() == ANSWER
    assert gateway.returncode == 0


@contextlib.contextmanager
def ending(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        process.terminate()
        process.communicate(timeout=30)


def test_no_toolchain_and_no_checkout_was_in_reach(bare: Path, tmp_path: Path) -> None:
    for tool in ("cargo", "rustc", "cc", "maturin"):
        assert shutil.which(tool, path=str(bare)) is None
    where = [
        str(bare / "python"),
        "-c",
        "import gateway, gateway._gateway as inner; print(gateway.__file__, inner.__file__)",
    ]
    told = subprocess.run(where, cwd=tmp_path, env=secluded(bare.parent), check=True, capture_output=True, text=True)
    assert all(Path(path).is_relative_to(bare.parent) for path in told.stdout.split())


@pytest.mark.skipif(platform.system() != "Linux", reason="manylinux")
def test_the_wheel_is_a_manylinux_one(wheel: Path) -> None:
    assert "-manylinux_" in wheel.name


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"gateway", "gatewright"}
    assert "gateway/py.typed" in names
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    assert [name for name in names if Path(name).name.startswith("test_")] == []
