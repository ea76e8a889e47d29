"""How sources are cut: sizes, names, folders, and what may stand where."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

RUST_LINES = 800
PYTHON_LINES = 500
FUNCTION_LINES = 80
MACROS_PER_CRATE = 2
LONGER: set[str] = set()
"""Files above the limit; each has its reason in ARCHITECTURE.md."""

UNSAFE = {
    "rust/net/src/h1/scan/sse2.rs",  # intrinsics of the vector unit, on arrays of sixteen bytes
}
"""Modules with `unsafe`. Anywhere else the workspace's lints deny it."""

LOCKS = {
    "rust/engine/src/shared",  # what all workers share
    "rust/engine/src/supervisor",  # the engine's life, off the request path
    "rust/engine/src/health/mod.rs",  # the list of checks, for who publishes, runs and shows them
    "rust/engine/src/observe",  # registries and files: taken when something is added, reopened or told
}
"""Where a lock that blocks may stand. Workers never wait for each other on the request path."""

VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base"}


FOLDERS = ("bench", "docs", "examples", "python", "rust", "tests")
BUILT = {"target", "__pycache__", "results"}


@cache
def sources() -> list[Path]:
    """Files of the repository; what is built or downloaded into it is not ours to judge."""
    return [
        path
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*"))
        if path.is_file() and not any(part in BUILT or part[0] == "." for part in path.relative_to(ROOT).parts)
    ]


def rust() -> list[Path]:
    return [path for path in sources() if path.suffix == ".rs"]


def shipped() -> list[Path]:
    """Rust that goes into the extension: no tests, benches or fuzz targets."""
    return [path for path in rust() if "src" in path.parts and not {"tests", "tests.rs"} & set(path.parts)]


def python() -> list[Path]:
    return [path for path in sources() if path.suffix == ".py"]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def code(path: Path) -> list[tuple[int, str]]:
    """Lines of Rust with their numbers, comments left out."""
    lines = enumerate(path.read_text().splitlines(), 1)
    return [(number, line) for number, line in lines if not line.lstrip().startswith("//")]


@pytest.mark.parametrize(("files", "limit"), [(rust, RUST_LINES), (python, PYTHON_LINES)], ids=["rust", "python"])
def test_files_fit_in_a_head(files: object, limit: int) -> None:
    assert callable(files)
    lengths = {name(path): len(path.read_text().splitlines()) for path in files()}
    assert {path: length for path, length in lengths.items() if length > limit and path not in LONGER} == {}
    assert {path for path in LONGER if path.endswith(".rs") and lengths.get(path, limit + 1) <= limit} == set()


def test_rust_functions_fit_on_a_screen() -> None:
    """rustfmt closes a function where it began, so lines can be counted without a parser."""
    head = re.compile(r'( *)(?:pub(?:\([^)]*\))? )?(?:(?:const|async|unsafe|extern "C") )*fn (\w+)')
    long = {}
    for path in rust():
        lines = path.read_text().splitlines()
        for start, line in enumerate(lines):
            if (found := head.match(line)) and not line.endswith((";", "}")):
                end = next(
                    at for at in range(start, len(lines)) if lines[at].startswith((found[1] + "}", found[1] + ")"))
                )
                if lines[end].startswith(found[1] + ")") and not lines[end].endswith(
                    ";"
                ):  # arguments on their own lines
                    end = next(at for at in range(end, len(lines)) if lines[at].startswith(found[1] + "}"))
                if end - start + 1 > FUNCTION_LINES:
                    long[f"{name(path)}:{start + 1}"] = end - start + 1
    assert long == {}


def test_python_functions_fit_on_a_screen() -> None:
    long = {}
    for path in python():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or 0) - node.lineno + 1
                if length > FUNCTION_LINES:
                    long[f"{name(path)}:{node.name}"] = length
    assert long == {}


def test_names_say_what_is_inside() -> None:
    vague = [name(path) for path in sources() if VAGUE & {part.partition(".")[0] for part in Path(name(path)).parts}]
    assert vague == []


def test_test_files_are_named_by_subject_not_numbered() -> None:
    assert [name(path) for path in sources() if re.fullmatch(r"test\w*\d\.py|tests?\d+\.rs", path.name)] == []


def test_a_module_with_parts_is_whole_in_its_folder() -> None:
    assert [name(path) for path in rust() if path.with_suffix("").is_dir()] == []


def test_every_rust_module_begins_with_what_it_is() -> None:
    bare = [name(path) for path in shipped() if not path.read_text().startswith(("//!", "#![doc"))]
    assert bare == []


def test_every_python_module_begins_with_what_it_is() -> None:
    bare = [
        name(path) for path in python() if path.stat().st_size and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert [path for path in bare if not path.startswith("tests/")] == []


def test_unsafe_stands_only_in_named_modules() -> None:
    unsafe = {
        name(path) for path in rust() for _, line in code(path) if re.search(r"\bunsafe (\{|fn|impl|extern)", line)
    }
    assert unsafe == UNSAFE


@pytest.mark.parametrize("module", sorted(UNSAFE))
def test_unsafe_blocks_say_why_they_are_sound(module: str) -> None:
    lines = (ROOT / module).read_text().splitlines()
    blocks = [at for at, line in enumerate(lines) if re.search(r"\bunsafe (\{|fn|impl|extern)", line)]
    bare = [at + 1 for at in blocks if not any("// SAFETY:" in line for line in lines[max(at - 3, 0) : at])]
    assert bare == []


def test_locks_stand_only_in_named_modules() -> None:
    locks = {
        name(path) for path in shipped() for _, line in code(path) if re.search(r"\b(Mutex|RwLock|Condvar)\b", line)
    }
    assert {path for path in locks if not path.startswith(tuple(LOCKS))} == set()


def test_macros_are_few() -> None:
    for crate in (ROOT / "rust").iterdir():
        macros = [name(path) for path in crate.rglob("src/**/*.rs") if "macro_rules!" in path.read_text()]
        assert len(macros) <= MACROS_PER_CRATE, macros


def test_nothing_is_left_for_later() -> None:
    """Gaps are told in ROADMAP.md, not in the code."""
    marks = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|\b(todo|unimplemented)!\(")
    found = [
        f"{name(path)}:{number}"
        for path in rust() + python()
        if path != Path(__file__)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if marks.search(line)
    ]
    assert found == []
