"""`gateway.settings.engine_settings`: what the data plane is told."""

from pathlib import Path

import msgspec
import pytest

from gateway.settings import EngineSettings, Settings, engine_settings, read

GOLDEN = Path(__file__).parent / "engine_settings.json"


def told(document: object, *, ipv6: bool = False) -> EngineSettings:
    reading = read(document)
    assert reading.problems == []
    return engine_settings(reading.settings, ipv6=ipv6)


def test_the_defaults_are_those_of_the_golden_file() -> None:
    assert msgspec.json.format(msgspec.json.encode(engine_settings(Settings()))) + b"\n" == GOLDEN.read_bytes()


def test_without_ipv6_nothing_listens_on_it() -> None:
    assert {listener.ip for listener in told({}).listen} == {"0.0.0.0"}  # noqa: S104


def test_an_address_given_twice_is_listened_on_once() -> None:
    listen = told({"apisix": {"node_listen": [9080, 9080, {"port": 9080}], "ssl": {"enable": False}}}).listen
    assert [(one.ip, one.port) for one in listen] == [("0.0.0.0", 9080)]  # noqa: S104


def test_an_address_of_its_own_has_no_twin_in_ipv6() -> None:
    apisix = {"node_listen": [{"ip": "[::1]", "port": 1}], "ssl": {"enable": False}}
    assert [one.ip for one in told({"apisix": apisix}, ipv6=True).listen] == ["::1"]


def test_proxy_protocol_ports_are_listeners_too() -> None:
    listen = told({"apisix": {"proxy_protocol": {"listen_http_port": 81, "listen_https_port": 444}}}).listen
    assert [(one.port, one.tls) for one in listen if one.proxy_protocol] == [(81, False), (444, True)]


@pytest.mark.parametrize("http", [{"access_log": "off"}, {"enable_access_log": False}])
def test_the_access_log_can_be_off(http: object) -> None:
    assert told({"nginx_config": {"http": http}}).access_log is None


def test_a_format_is_what_nginx_would_make_of_it() -> None:
    log = told({"nginx_config": {"http": {"access_log_format": '"$host" \\"$request\\"\\t$status\n'}}}).access_log
    assert log is not None
    assert log.format == '"$host" "$request"\t$status'


def test_development_has_one_worker() -> None:
    settings = told({"apisix": {"enable_dev_mode": True}, "nginx_config": {"worker_processes": 8}})
    assert settings.workers == 1


@pytest.mark.parametrize(("level", "ours"), [("notice", "info"), ("emerg", "error"), ("debug", "debug")])
def test_levels_are_four(level: str, ours: str) -> None:
    assert told({"nginx_config": {"error_log_level": level}}).error_log.level == ours


def test_nobody_is_believed_when_nobody_is_trusted() -> None:
    assert told({"nginx_config": {"http": {"real_ip_from": ["unix:"]}}}).real_ip is None


def test_tls_versions_that_are_not_offered_are_left_out() -> None:
    assert told({"apisix": {"ssl": {"ssl_protocols": "TLSv1.1 TLSv1.2"}}}).ssl.protocols == ["TLSv1.2"]


def test_servers_can_be_off() -> None:
    settings = told({"apisix": {"status": None}, "plugin_attr": {"prometheus": {"enable_export_server": False}}})
    assert (settings.status, settings.metrics) == (None, None)
    control = told({"apisix": {"control": {}}}).control
    assert control is not None
    assert (control.ip, control.port) == ("127.0.0.1", 9090)
    assert told({"apisix": {"control": {}, "enable_control": False}}).control is None
