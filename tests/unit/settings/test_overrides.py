"""`gateway.settings.overrides`: settings from the environment."""

from gateway.settings import read


def test_a_variable_outranks_the_file() -> None:
    reading = read(
        {"nginx_config": {"http": {"access_log": "logs/a.log", "send_timeout": "5s"}}},
        environ={"GATEWRIGHT_NGINX_CONFIG__HTTP__ACCESS_LOG": "off"},
    )
    http = reading.settings.nginx_config.http
    assert (http.access_log, http.send_timeout) == ("off", 5.0)


def test_a_variable_makes_the_sections_it_needs() -> None:
    reading = read({"apisix": None}, environ={"GATEWRIGHT_APISIX__STATUS__PORT": "7086"})
    assert reading.settings.apisix.status is not None
    assert reading.settings.apisix.status.port == 7086


def test_json_is_read_as_such() -> None:
    reading = read({}, environ={"GATEWRIGHT_APISIX__NODE_LISTEN": '[9080, {"ip": "127.0.0.2", "port": 9081}]'})
    assert len(reading.settings.apisix.node_listen) == 2  # type: ignore[arg-type]


def test_a_mistake_names_the_variable() -> None:
    reading = read({}, environ={"GATEWRIGHT_APISIX__NODE_LSTEN": "1"}, file="c.yaml")
    assert str(reading.problems[0]) == (
        "GATEWRIGHT_APISIX__NODE_LSTEN: apisix.node_lsten: unknown key (did you mean `node_listen`?)"
    )


def test_a_hyphen_is_written_as_an_underscore() -> None:
    reading = read({}, environ={"GATEWRIGHT_PLUGIN_ATTR__LOG_ROTATE__INTERVAL": "5"})
    assert [(one.file, one.path) for one in reading.ignored] == [
        ("GATEWRIGHT_PLUGIN_ATTR__LOG_ROTATE__INTERVAL", "plugin_attr.log-rotate")
    ]


def test_a_variable_without_levels_is_not_ours() -> None:
    assert read({}, environ={"GATEWRIGHT_HOME": "/opt"}).problems == []


def test_the_worker_count_of_apisix_containers_is_read() -> None:
    assert read({}, environ={"APISIX_WORKER_PROCESSES": "2"}).settings.nginx_config.worker_processes == 2
