"""Configurations of the peers, and the catalogues."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from bench.drills import DRILLS
from bench.drills.idle_connections import clients_allowed
from bench.drills.mixed_load import slope_per_hour
from bench.drills.slow_clients import KINDS, established
from bench.errors import BenchError
from bench.peers import BASELINE, PEERS
from bench.peers.gatewright import Gatewright
from bench.peers.peer import Peer, Setup, service_paths
from bench.scenarios import SCENARIOS
from bench.selection import choose
from bench.template import render

PROGRAM = Path("/usr/sbin/gateway")
SETUP = Setup(port=9080, upstreams=(9001, 9002))


def test_a_line_of_its_own_keeps_its_indentation_and_goes_away_when_empty() -> None:
    template = "a {\n    @{LINES}\n    @{NONE}\n    b @{WORD};\n}\n"
    values = {"LINES": "one;\ntwo;", "NONE": "", "WORD": "$host"}
    assert render(template, values) == "a {\n    one;\n    two;\n    b $host;\n}\n"


def test_a_placeholder_without_a_value_is_an_error() -> None:
    with pytest.raises(KeyError, match="PORT"):
        render("listen @{PORT};", {})


@pytest.mark.parametrize("peer", PEERS)
def test_each_peer_writes_a_whole_configuration(peer: type[Peer], tmp_path: Path) -> None:
    command = peer(PROGRAM).prepare(SETUP, tmp_path)
    written = "".join(path.read_text() for path in tmp_path.iterdir())
    assert command[0] == str(PROGRAM)
    assert "@{" not in written
    assert all(str(port) in written for port in (9080, 9001, 9002))


@pytest.mark.parametrize("peer", PEERS)
def test_each_peer_has_every_route(peer: type[Peer], tmp_path: Path) -> None:
    peer(PROGRAM).prepare(replace(SETUP, routes=3), tmp_path)
    written = "".join(path.read_text() for path in tmp_path.iterdir())
    assert all(path in written for path in service_paths(3))


@pytest.mark.parametrize("peer", PEERS)
def test_what_a_scenario_adds_lands_in_the_configuration(peer: type[Peer], tmp_path: Path) -> None:
    additions = dict.fromkeys(peer.optional, "added: here")
    peer(PROGRAM).prepare(replace(SETUP, additions=additions), tmp_path)
    written = "".join(path.read_text() for path in tmp_path.iterdir())
    assert written.count("added: here") >= len(peer.optional)


def test_an_addition_without_a_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no place for NOWHERE"):
        PEERS[0](PROGRAM).prepare(replace(SETUP, additions={"NOWHERE": "x"}), tmp_path)


def test_names_are_unique_and_the_baseline_comes_first() -> None:
    for catalogue in (SCENARIOS, PEERS, DRILLS):
        names = [each.name for each in catalogue]
        assert len(names) == len(set(names))
    assert PEERS[0].name == BASELINE


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(BenchError, match="no scenario is called 'h3'; there are h1-1k"):
        choose("scenario", SCENARIOS, "h1-1k,h3")


def test_there_are_eleven_kinds_of_slow_clients() -> None:
    assert len({kind.name for kind in KINDS}) == 11


def test_only_connections_that_the_gateway_still_holds_are_established() -> None:
    table = (
        "  sl  local_address rem_address   st\n"
        "   0: 0100007F:2378 0100007F:9C40 01 00000000\n"
        "   1: 0100007F:2378 0100007F:9C41 04 00000000\n"
        "   2: 0100007F:9C40 0100007F:2378 01 00000000\n"
    )
    assert established(table, 0x2378) == {0x9C40}


def test_idle_clients_fit_the_limit_of_descriptors() -> None:
    assert clients_allowed(1_000_000) == 10_000
    assert clients_allowed(20_000) == 9_600


def test_a_step_in_memory_is_no_slope_and_growth_is_one() -> None:
    seconds = range(60, 180)
    assert slope_per_hour((s, 1e6 if s < 80 else 2e6) for s in seconds) == 0
    assert slope_per_hour((s, 1e6 + 100.0 * s) for s in seconds) == pytest.approx(360_000)


def test_a_stuck_gateway_runs_in_the_python_that_its_command_names(tmp_path: Path) -> None:
    program = tmp_path / "gatewright"
    program.write_text("#!/opt/python3\n")
    command = Gatewright(program).prepare(replace(SETUP, stuck=True), tmp_path)
    assert command[:2] == ["/opt/python3", "-c"]
