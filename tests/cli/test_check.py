"""What is told without serving: `check`, `version`, `--help`, and a start that is refused."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.cli.output import EXIT_CODES, Exit

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "apisix.yaml").write_text("routes: []\n")
    return tmp_path / "conf" / "config.yaml"


@pytest.mark.parametrize("command", ["check", "test"])
def test_a_good_configuration_is_said_to_be_one(gatewright: Command, conf: Path, command: str) -> None:
    conf.write_text("apisix:\n  tracing: true\n")
    done = gatewright(command)
    assert done.returncode == 0
    assert done.stdout == "conf/config.yaml and conf/apisix.yaml: no mistake, 1 ignored key\n"
    assert done.stderr == "ignored: conf/config.yaml:2:3: apisix.tracing: tracing is not in this release\n"


def test_every_mistake_of_both_files_is_told(gatewright: Command, conf: Path) -> None:
    conf.write_text("apisix:\n  node_lsten: 9080\nnginx_config:\n  http:\n    send_timeout: soon\n")
    conf.with_name("apisix.yaml").write_text("routes:\n  - methods: [GET]\n")
    done = gatewright("check")
    assert done.returncode == 1
    first, second, third, total = done.stderr.splitlines()
    assert first == ("error: conf/config.yaml:2:3: apisix.node_lsten: unknown key (did you mean `node_listen`?)")
    assert second.startswith("error: conf/config.yaml:5:5: nginx_config.http.send_timeout: `soon` is not a duration")
    assert third.startswith("error: conf/apisix.yaml:")
    assert total == "conf/config.yaml and conf/apisix.yaml: 3 mistakes"


def test_a_configuration_cannot_steer_the_terminal(gatewright: Command, conf: Path) -> None:
    conf.write_text('apisix:\n  "\\e]0;mine\\a": 1\n')
    done = gatewright("check")
    assert done.returncode == 1
    assert "\x1b" not in done.stderr
    assert "apisix.\\x1b]0;mine\\x07: unknown key" in done.stderr


def test_a_machine_is_told_in_json(gatewright: Command, conf: Path) -> None:
    conf.write_text("apisix:\n  node_lsten: 9080\n")
    done = gatewright("check", "--json")
    assert (done.returncode, done.stderr) == (1, "")
    told = json.loads(done.stdout)
    assert (told["ok"], told["ignored"]) == (False, [])
    assert told["errors"] == [
        {
            "message": "unknown key",
            "file": "conf/config.yaml",
            "line": 2,
            "column": 3,
            "path": "apisix.node_lsten",
            "suggestion": "node_listen",
        }
    ]


def test_a_mistake_refuses_the_start(gatewright: Command, conf: Path) -> None:
    conf.write_text("apisix:\n  node_lsten: 9080\n")
    done = gatewright("run", "--config", str(conf))
    assert done.returncode == 1
    assert done.stderr == (f"error: {conf}:2:3: apisix.node_lsten: unknown key (did you mean `node_listen`?)\n")


def test_without_a_configuration_both_ways_are_told(gatewright: Command) -> None:
    done = gatewright("run")
    assert done.returncode == 1
    assert done.stderr == (
        "error: conf/config.yaml: does not exist\n"
        "Name a configuration with --config, or try `gatewright run --to http://127.0.0.1:3000`.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--to", "ftp://a"], "only http and https"),
        (["--to", "http://a/b"], "the URL ends after the port"),
        (["--to", "http://"], "names no host"),
        (["--to", "http://a:99999"], "out of range"),
        (["--to", "http://u:p@a"], "a password does not belong in a URL"),
        (["--to", "http://a", "--listen", "a:b"], "write a port"),
        (["--to", "http://a", "--listen", "host:80"], "`host` is not an IP address"),
        (["--to", "http://a", "--config", "b"], "not allowed with"),
        (["--frm", "x"], "unrecognized arguments"),
    ],
)
def test_an_argument_that_cannot_be_meant_is_refused(gatewright: Command, arguments: list[str], reason: str) -> None:
    done = gatewright("run", *arguments)
    assert done.returncode == 2
    assert reason in done.stderr


def test_the_version_is_told(gatewright: Command) -> None:
    assert gatewright("version").stdout.startswith("gatewright ")
    assert set(json.loads(gatewright("version", "--json").stdout)) == {"version", "python", "plugins"}


def test_the_help_tells_every_exit_code(gatewright: Command) -> None:
    text = gatewright("--help").stdout
    for code in Exit:
        assert f"\n  {code.value}  " in text
    assert len(EXIT_CODES.strip().splitlines()) == len(Exit) + 1
