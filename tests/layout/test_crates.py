"""Which crate may know which, and what else may be in the tree: read from `cargo metadata`."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

ARROWS = {
    "gateway-core": set(),
    "gateway-kit": {"gateway-core"},
    "gateway-net": {"gateway-core"},
    "gateway-ai": {"gateway-core"},
    "gateway-engine": {"gateway-core", "gateway-kit", "gateway-net"},
    "gateway-plugins": {"gateway-core", "gateway-kit", "gateway-ai"},
    "gateway-py": {
        "gateway-core",
        "gateway-kit",
        "gateway-net",
        "gateway-ai",
        "gateway-engine",
        "gateway-plugins",
    },
}
"""What each crate may depend on. A crate exists only where the compiler should refuse an import."""

GUARDED = {
    "pyo3": {"gateway-py"},
    "tokio": {"gateway-net", "gateway-engine", "gateway-py"},
    "rustls": {"gateway-net"},
    "socket2": {"gateway-net", "gateway-engine"},
}
"""Libraries that only these of our crates may use, tests included."""

PERMISSIVE = {
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-3-Clause",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Zlib",
}
"""What may go into a wheel under Apache-2.0; deny.toml has the same."""


@pytest.fixture(scope="module")
def packages() -> list[dict[str, Any]]:
    """Every package that goes into a build on this machine."""
    host = re.search(r"^host: (.*)$", _run("rustc", "-vV"), re.MULTILINE)
    assert host
    told = _run("cargo", "metadata", "--format-version=1", "--locked", f"--filter-platform={host[1]}")
    everything: list[dict[str, Any]] = json.loads(told)["packages"]
    return everything


def _run(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def _ours(packages: list[dict[str, Any]]) -> dict[str, set[str]]:
    return {
        package["name"]: {dependency["name"] for dependency in package["dependencies"]}
        for package in packages
        if package["source"] is None
    }


def test_crates_depend_only_downwards(packages: list[dict[str, Any]]) -> None:
    found = _ours(packages)
    assert set(found) == set(ARROWS)
    for crate, dependencies in found.items():
        assert dependencies & set(ARROWS) <= ARROWS[crate], crate


@pytest.mark.parametrize("library", GUARDED)
def test_guarded_libraries_stay_in_their_crates(packages: list[dict[str, Any]], library: str) -> None:
    users = {crate for crate, dependencies in _ours(packages).items() if library in dependencies}
    assert users <= GUARDED[library]


def test_the_extension_and_the_tests_share_what_is_compiled() -> None:
    """A feature that only the tests turn on would have cargo compile the library twice, and all that use it."""
    extension = _features("--package=gateway-py", "--edges=normal")
    tests = _features("--workspace", "--exclude=gateway-py", "--edges=normal,dev")
    assert {name for name, features in extension.items() if tests.get(name, features) != features} == set()


def _features(*selection: str) -> dict[str, str]:
    told = _run("cargo", "tree", "--locked", "--prefix=none", "--no-dedupe", "--format={p}|{f}", *selection)
    return {name: features for line in told.splitlines() for name, _, features in [line.partition("|")]}


def test_crates_are_named_after_their_folder(packages: list[dict[str, Any]]) -> None:
    for package in packages:
        if package["source"] is None:
            assert package["name"] == f"gateway-{Path(package['manifest_path']).parent.name}"


def test_crates_take_the_lints_of_the_workspace() -> None:
    for manifest in ROOT.glob("rust/*/Cargo.toml"):
        if manifest.parent.name != "fuzz":  # a workspace of its own, for nightly
            assert "[lints]\nworkspace = true" in manifest.read_text(), manifest


def test_dependencies_come_from_the_registry(packages: list[dict[str, Any]]) -> None:
    registry = "registry+https://github.com/rust-lang/crates.io-index"
    assert {package["source"] for package in packages} <= {None, registry}


def test_licences_are_permissive(packages: list[dict[str, Any]]) -> None:
    for package in packages:
        assert _permits(package["license"] or ""), f"{package['name']}: {package['license']}"


def _permits(expression: str) -> bool:
    """Whether an SPDX expression can be met; `/` is the old way to write OR."""
    if " AND " in (flat := _without_groups(expression)):
        return all(_permits(part) for part in flat.split(" AND "))
    return any(part.strip() in PERMISSIVE for part in re.split(r" OR |/", flat))


def _without_groups(expression: str) -> str:
    """Replace each group in brackets by a name that is permitted or not."""
    while group := re.search(r"\(([^()]*)\)", expression):
        expression = expression.replace(group[0], "MIT" if _permits(group[1]) else "refused", 1)
    return expression


@pytest.mark.parametrize(
    ("expression", "permitted"),
    [
        ("MIT OR GPL-3.0", True),
        ("MIT AND GPL-3.0", False),
        ("ISC AND (GPL-3.0 OR MIT)", True),
        ("(MPL-2.0 OR GPL-3.0) AND MIT", False),
        ("Unlicense/MIT", True),
        ("", False),
    ],
)
def test_expressions_are_understood(expression: str, permitted: bool) -> None:
    assert _permits(expression) is permitted
