"""Who may import what, where import-linter cannot see it: an extension module is not in its graph."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "python" / "gateway"


def importers(name: str) -> set[str]:
    """Every file that imports `name`, by its path in the package."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
                if any(part == name for one in names for part in one.split(".")):
                    found.add(str(path.relative_to(PACKAGE)))
    return found


def test_only_the_engine_and_the_resources_know_the_extension() -> None:
    assert importers("_gateway") == {"engine.py", "resources/__init__.py"}


def test_no_file_is_a_drawer() -> None:
    names = {path.stem for path in PACKAGE.rglob("*.py")} | {path.name for path in PACKAGE.rglob("*") if path.is_dir()}
    assert not names & {"utils", "helpers", "common", "misc", "manager", "base"}


def test_no_file_is_long() -> None:
    assert [path for path in PACKAGE.rglob("*.py") if len(path.read_text().splitlines()) > 500] == []
