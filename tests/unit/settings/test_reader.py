"""`gateway.settings.reader`: what a file and the environment come to."""

from pathlib import Path

import pytest

from gateway.errors import Problem
from gateway.settings import Reading, Settings, read

KEYS = (Path(__file__).parent / "apisix_keys.txt").read_text().split()


def only_problem(reading: Reading) -> Problem:
    assert len(reading.problems) == 1, reading.problems
    return reading.problems[0]


@pytest.mark.parametrize("document", [None, {}, {"apisix": None}, {"apisix": {"node_listen": None, "ssl": None}}])
def test_what_is_absent_or_empty_has_its_default(document: object) -> None:
    reading = read(document)
    assert reading == Reading(Settings(), [], [])


@pytest.mark.parametrize("key", KEYS)
def test_every_key_of_apisix_is_known(key: str) -> None:
    document: object = None
    for part in reversed(key.split(".")):
        document = {part: document}
    assert read(document).problems == []


def test_an_unknown_key_is_refused_with_its_place_and_the_nearest_name() -> None:
    reading = read({"apisix": {"node_lsten": 9081}}, {"/apisix/node_lsten": (3, 5)}, file="conf/config.yaml")
    assert str(only_problem(reading)) == (
        "conf/config.yaml:3:5: apisix.node_lsten: unknown key (did you mean `node_listen`?)"
    )


def test_an_ignored_key_may_be_what_was_meant() -> None:
    assert only_problem(read({"discovry": {}})).suggestion == "discovery"


def test_all_mistakes_are_told_at_once() -> None:
    reading = read(
        {
            "apisix": {"node_listen": ["x", {"prt": 1}], "router": {"http": "tree"}},
            "nginx_config": {"http": {"send_timeout": "soon", "client_max_body_size": -1}},
        }
    )
    assert [problem.path for problem in reading.problems] == [
        "apisix.node_listen[0]",
        "apisix.node_listen[1].prt",
        "apisix.router.http",
        "nginx_config.http.send_timeout",
        "nginx_config.http.client_max_body_size",
    ]


def test_a_wrong_value_leaves_the_default_in_place() -> None:
    reading = read({"apisix": {"enable_ipv6": "perhaps", "delete_uri_tail_slash": True}})
    assert reading.settings.apisix.enable_ipv6
    assert reading.settings.apisix.delete_uri_tail_slash


def test_the_place_of_a_value_without_one_is_that_of_what_holds_it() -> None:
    problem = only_problem(read({"apisix": {"ssl": {"listen": [{"port": "no"}]}}}, {"/apisix/ssl": (7, 3)}))
    assert (problem.line, problem.column, problem.path) == (7, 3, "apisix.ssl.listen[0].port")


def test_an_ignored_key_is_named_with_the_reason() -> None:
    reading = read({"apisix": {"tracing": True}}, {"/apisix/tracing": (2, 3)}, file="c.yaml")
    assert reading.problems == []
    assert [str(one) for one in reading.ignored] == ["c.yaml:2:3: apisix.tracing: tracing is not in this release"]


@pytest.mark.parametrize(
    "document",
    [
        {"apisix": {"enable_reuseport": True}},
        {"apisix": {"ssl": {"listen": [{"port": 9443, "enable_http3": False}]}}},
        {"nginx_config": {"http_configuration_snippet": "# Add custom Nginx http configuration.\n\n"}},
        {"nginx_config": {"stream": {"enable_access_log": False}}},
    ],
)
def test_an_ignored_key_that_asks_for_nothing_else_is_not_named(document: object) -> None:
    assert read(document).ignored == []


def test_an_ignored_key_inside_a_list_is_named() -> None:
    reading = read({"apisix": {"ssl": {"listen": [{"port": 9443, "enable_http3": True}]}}})
    assert [one.path for one in reading.ignored] == ["apisix.ssl.listen[0].enable_http3"]


def test_resources_in_the_same_file_are_somebody_elses() -> None:
    assert read({"routes": [{"uri": "/"}]}, resource_kinds={"routes"}).problems == []


def test_null_turns_the_status_server_off() -> None:
    assert read({"apisix": {"status": None}}).settings.apisix.status is None


def test_numbers_may_come_as_text() -> None:
    reading = read({"apisix": {"node_listen": ["9081"]}, "nginx_config": {"worker_processes": "3"}})
    assert reading.settings.apisix.node_listen == (9081,)
    assert reading.settings.nginx_config.worker_processes == 3


@pytest.mark.parametrize("document", [[], "text", 5])
def test_a_document_that_is_no_mapping_is_refused(document: object) -> None:
    assert only_problem(read(document, file="c.yaml")).message == "must be a mapping of sections"


def test_a_section_that_is_no_mapping_is_refused() -> None:
    assert only_problem(read({"apisix": [1]})).path == "apisix"


def test_the_document_stays_the_callers() -> None:
    document = {"apisix": {"node_listen": 1}}
    read(document, environ={"GATEWRIGHT_APISIX__NODE_LISTEN": "2"})
    assert document == {"apisix": {"node_listen": 1}}
