"""`gatewright completion`, in the shells themselves."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(params=["bash", "zsh", "fish"])
def shell(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def script(gatewright: Command, shell: str, tmp_path: Path) -> Path:
    done = gatewright("completion", shell)
    assert (done.returncode, done.stderr) == (0, "")
    path = tmp_path / "_gatewright"
    path.write_text(done.stdout)
    return path


ASK = {
    "bash": """
        source {script}
        COMP_WORDS=({words} '{last}') COMP_CWORD={at} COMP_LINE='{words} {last}' COMP_POINT=${{#COMP_LINE}}
        completing=$(complete -p gatewright); [[ $completing =~ -F\\ ([^ ]+) ]] && "${{BASH_REMATCH[1]}}"
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """,
    "fish": "source {script}; complete --do-complete '{words} {last}'",
    # zsh completes only at a terminal, and zpty is one.
    "zsh": """
        zmodload zsh/zpty
        zpty z zsh -f -i
        zpty -w z 'PS1= PS2=; fpath=({folder} $fpath); autoload -Uz compinit; compinit -u -D; LISTMAX=0; \\
            zstyle ":completion:*" list-colors; zstyle ":completion:*" verbose no; setopt no_list_packed; echo be''gin'
        zpty -r z seen '*begin*'
        zpty -w -n z $'{words} {last}\\t\\t'
        zpty -r -m z seen '*{until}*' && print -r -- "$seen"
    """,
}


def completed(shell: str, script: Path, words: str, last: str, until: str) -> str:
    at = len(words.split())
    text = ASK[shell].format(script=script, folder=script.parent, words=words, last=last, at=at, until=until)
    options = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[shell]
    done = subprocess.run(
        [shell, *options, "-c", text], capture_output=True, text=True, timeout=30, check=False, cwd=script.parent
    )
    return done.stdout


def test_a_shell_reads_the_script(shell: str, script: Path) -> None:
    assert subprocess.run([shell, "-n", script], capture_output=True, check=True).stderr == b""


def test_commands_are_completed(shell: str, script: Path) -> None:
    assert "reload" in completed(shell, script, "gatewright", "re", "reload")


def test_options_of_a_command_are_completed(shell: str, script: Path) -> None:
    assert "--remote-addr" in completed(shell, script, "gatewright try", "--rem", "remote-addr")


def test_files_are_completed_where_one_is_wanted(shell: str, script: Path) -> None:
    script.with_name("settings.yaml").touch()
    assert "settings.yaml" in completed(shell, script, "gatewright run --config", "sett", "settings.yaml")


def test_a_shell_that_is_not_known_is_refused(gatewright: Command) -> None:
    done = gatewright("completion", "csh")
    assert done.returncode == 2
    assert "invalid choice" in done.stderr
