"""`gateway.application`: a gateway in three lines."""

import socket
from pathlib import Path

import pytest

import gateway
from gateway import ConfigError, Gateway, ListenError

ROUTES = {"routes": [{"id": "1", "uri": "/*", "upstream": {"type": "roundrobin", "nodes": {"127.0.0.1:9": 1}}}]}


def test_it_listens_on_a_port_of_the_loopback_while_entered() -> None:
    with Gateway(ROUTES) as running:
        assert running.url.startswith("http://127.0.0.1:")
        port = int(running.url.rpartition(":")[2])
        socket.create_connection(("127.0.0.1", port), 5).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 5)


def test_bad_resources_are_refused_before_it_listens() -> None:
    with pytest.raises(ConfigError), Gateway({"routes": [{"id": "1", "methods": ["GET"]}]}):
        pass


def test_bad_settings_are_refused_when_it_is_made() -> None:
    with pytest.raises(ConfigError, match="apisix.node_lsten: unknown key"):
        Gateway(ROUTES, {"apisix": {"node_lsten": 1}})


def test_other_resources_can_be_served_while_it_runs() -> None:
    with Gateway(ROUTES) as running:
        before = running.status()["revision"]
        running.publish({"routes": []})
        assert running.status()["revision"] > before


def test_what_is_refused_changes_nothing() -> None:
    with Gateway(ROUTES) as running:
        before = running.status()["revision"]
        with pytest.raises(ConfigError):
            running.publish({"routes": [{"id": "1", "methods": ["GET"]}]})
        assert running.status()["revision"] == before


def test_a_file_is_read_again_on_demand(tmp_path: Path) -> None:
    path = tmp_path / "apisix.yaml"
    path.write_text("routes: []\n")
    with Gateway(path) as running:
        path.write_text("routes:\n  - methods: [GET]\n")
        with pytest.raises(ConfigError) as refused:
            running.reload()
        assert refused.value.problems[0].file == str(path)


def test_a_port_in_use_is_told_with_the_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        settings = {
            "apisix": {"node_listen": [{"ip": "127.0.0.1", "port": port}], "ssl": {"enable": False}, "status": None},
            "nginx_config": {"http": {"enable_access_log": False}},
            "plugin_attr": {"prometheus": {"enable_export_server": False}},
        }
        with pytest.raises(ListenError) as refused, Gateway(ROUTES, settings):
            pass
    assert refused.value.filename == f"127.0.0.1:{port}"


def test_a_log_that_cannot_be_written_is_told_with_its_key(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings = {"nginx_config": {"http": {"access_log": str(tmp_path / "file" / "access.log")}}}
    with pytest.raises(ConfigError, match="nginx_config.http.access_log"), Gateway(ROUTES, settings):
        pass


def test_it_must_be_started_before_it_can_be_asked() -> None:
    with pytest.raises(RuntimeError, match="not started"):
        Gateway(ROUTES).status()


def test_stopping_twice_is_harmless() -> None:
    running = Gateway(ROUTES)
    running.start()
    assert running.stop()
    assert running.stop()


def test_the_public_face_is_what_it_says() -> None:
    for name in gateway.__all__:
        assert getattr(gateway, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = gateway.nothing
