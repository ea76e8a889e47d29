"""What the manuals show can be used: configurations pass, links lead somewhere, chores exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway import configuration

ROOT = Path(__file__).parents[2]
MANUALS = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/**/*.md")), ROOT / "bench/README.md"]
CONFIGURATION = re.compile(r"^```yaml\n# conf/(?:config|apisix)\.yaml.*?\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#]+)(?:#[^)]*)?\)")


def test_the_example_in_the_readme_is_right(tmp_path: Path) -> None:
    (shown,) = CONFIGURATION.findall((ROOT / "README.md").read_text())
    without_certificates = shown.partition("ssls:")[0]  # they are cut short for the reader
    file = tmp_path / "apisix.yaml"
    file.write_text(without_certificates)
    assert configuration.load(file, {}).check() == []


def test_the_quickstart_is_right() -> None:
    loaded = configuration.load(ROOT / "examples/quickstart/config.yaml", {})
    assert (loaded.check(), loaded.ignored) == ([], [])


@pytest.mark.parametrize("manual", MANUALS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(manual: Path) -> None:
    assert [link for link in LINK.findall(manual.read_text()) if not (manual.parent / link).exists()] == []


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs/decisions"
    listed = set(LINK.findall((folder / "README.md").read_text()))
    assert listed == {path.name for path in folder.glob("[0-9]*.md")}


def test_paths_named_in_the_architecture_exist() -> None:
    engine = ROOT / "rust/engine/src"
    text = (ROOT / "ARCHITECTURE.md").read_text()
    steps = text.partition("## A request's way")[2].partition("\n## ")[0]
    named = [path for path in re.findall(r"`([\w/.]+)`", steps) if "/" in path]
    assert len(named) > 15
    assert [path for path in named if not ((engine / path).exists() or (ROOT / path).exists())] == []


def test_chores_named_in_the_manuals_exist() -> None:
    chores = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for manual in MANUALS:
        named = set(re.findall(r"(?:^    |`|\$ )make ([a-z0-9-]+)", manual.read_text(), re.MULTILINE))
        assert named <= chores, manual
