"""`gateway.configuration`: which file is what."""

from pathlib import Path

import pytest

from gateway.configuration import load
from gateway.errors import ConfigError

ROUTES = 'routes:\n  - {uri: /a, upstream: {nodes: {"127.0.0.1:1": 1}}}\n'


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf").mkdir()
    return tmp_path / "conf"


def test_resources_stand_beside_the_settings(conf: Path) -> None:
    (conf / "config.yaml").write_text("apisix:\n  node_listen: 9081\n")
    (conf / "apisix.yaml").write_text(ROUTES)
    configuration = load(None, {})
    assert configuration.settings.apisix.node_listen == 9081
    assert configuration.store.path == Path("conf/apisix.yaml")
    assert configuration.check() == []


@pytest.mark.parametrize("role", ["traditional", "data_plane"])
def test_the_provider_names_the_format(conf: Path, role: str) -> None:
    (conf / "config.yaml").write_text(
        f"deployment:\n  role: {role}\n  role_{role}:\n    config_provider: json\n",
    )
    (conf / "apisix.yaml").write_text(ROUTES)
    store = load(conf / "config.yaml", {}).store
    assert (store.path, store.format) == (conf / "apisix.json", "json")


def test_json_is_found_where_there_is_no_yaml(conf: Path) -> None:
    (conf / "config.yaml").write_text("apisix:\n")
    (conf / "apisix.json").write_text("{}")
    assert load(conf / "config.yaml", {}).store.format == "json"


def test_settings_and_resources_may_stand_in_one_file(conf: Path) -> None:
    (conf / "config.yaml").write_text("apisix:\n  node_listen: 9081\n" + ROUTES)
    configuration = load(conf / "config.yaml", {})
    assert configuration.problems == []
    assert configuration.store.path == conf / "config.yaml"


def test_a_file_that_is_then_not_read_is_named(conf: Path) -> None:
    (conf / "config.yaml").write_text(ROUTES)
    (conf / "apisix.yaml").write_text(ROUTES)
    (ignored,) = load(conf / "config.yaml", {}).ignored
    assert ignored.file == str(conf / "apisix.yaml")
    assert "holds resources itself" in ignored.message


def test_a_file_of_resources_alone_has_the_default_settings(conf: Path) -> None:
    (conf / "apisix.yaml").write_text(ROUTES)
    assert load(None, {}).store.path == Path("conf/apisix.yaml")


def test_without_any_file_the_usual_one_is_asked_for(conf: Path) -> None:
    assert conf.exists()
    with pytest.raises(ConfigError, match="conf/config.yaml: does not exist"):
        load(None, {})


def test_variables_are_replaced_before_the_text_is_read(conf: Path) -> None:
    (conf / "config.yaml").write_text("apisix:\n  node_listen: ${{PORT}}\n  enable_ipv6: ${{V6:=false}}\n")
    apisix = load(conf / "config.yaml", {"PORT": "9099"}).settings.apisix
    assert (apisix.node_listen, apisix.enable_ipv6) == (9099, False)


def test_a_mistake_has_its_place(conf: Path) -> None:
    (conf / "config.yaml").write_text("apisix:\n  node_lsten: 1\n")
    (problem,) = load(conf / "config.yaml", {}).problems
    assert (problem.file, problem.line, problem.suggestion) == (str(conf / "config.yaml"), 2, "node_listen")


def test_text_that_does_not_parse_is_refused_with_its_place(conf: Path) -> None:
    (conf / "config.yaml").write_text("apisix: [\n")
    with pytest.raises(ConfigError) as refused:
        load(conf / "config.yaml", {})
    assert refused.value.problems[0].file == str(conf / "config.yaml")
    assert refused.value.problems[0].line > 0


def test_a_check_covers_both_files(conf: Path) -> None:
    (conf / "config.yaml").write_text("apisix:\n  node_lsten: 1\n")
    (conf / "apisix.yaml").write_text("routes:\n  - nothing: here\n")
    assert {Path(problem.file).name for problem in load(conf / "config.yaml", {}).check()} == {
        "config.yaml",
        "apisix.yaml",
    }


def test_a_check_names_the_file_of_resources_that_is_missing(conf: Path) -> None:
    (conf / "config.yaml").write_text("apisix:\n")
    assert [str(one) for one in load(conf / "config.yaml", {}).check()] == [f"{conf / 'apisix.yaml'}: does not exist"]
