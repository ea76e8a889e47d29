"""`gateway.settings.checks`: what no field can say alone."""

import pytest

from gateway.settings import read


@pytest.mark.parametrize(
    ("document", "path", "message"),
    [
        (
            {"apisix": {"node_listen": [9080], "ssl": {"listen": [{"port": 9080}]}}},
            "apisix.ssl.listen[0]",
            "port 9080 is taken by `apisix.node_listen`",
        ),
        (
            {"apisix": {"node_listen": 7085}},
            "apisix.status.port",
            "port 7085 is taken by `apisix.node_listen`",
        ),
        (
            {"apisix": {"control": {"port": 9091}}},
            "plugin_attr.prometheus.export_addr.port",
            "port 9091 is taken by `apisix.control.port`",
        ),
        ({"apisix": {"node_listen": [{"ip": "300.1.1.1"}]}}, "apisix.node_listen[0].ip", "is not an IP address"),
        ({"apisix": {"trusted_addresses": ["10.0.0.0/33"]}}, "apisix.trusted_addresses[0]", "nor a CIDR block"),
        ({"nginx_config": {"http": {"real_ip_from": ["x"]}}}, "nginx_config.http.real_ip_from[0]", "nor a CIDR block"),
        ({"nginx_config": {"http": {"access_log": "syslog:server=a"}}}, "nginx_config.http.access_log", "syslog"),
        ({"apisix": {"ssl": {"ssl_protocols": "TLSv1.1"}}}, "apisix.ssl.ssl_protocols", "neither `TLSv1.2` nor"),
        (
            {"apisix": {"ssl": {"ssl_trusted_certificate": "/nowhere.pem"}}},
            "apisix.ssl.ssl_trusted_certificate",
            "`/nowhere.pem` cannot be read",
        ),
        ({"apisix": {"node_listen": [], "ssl": {"enable": False}}}, "apisix.node_listen", "nothing is listened on"),
        ({"deployment": {"role": "control_plane"}}, "deployment.role", "not in this release"),
        (
            {"deployment": {"role": "data_plane", "role_data_plane": {"config_provider": "xds"}}},
            "deployment.role_data_plane.config_provider",
            "the source `xds` is not in this release",
        ),
    ],
)
def test_what_cannot_work_is_refused(document: object, path: str, message: str) -> None:
    (problem,) = read(document).problems
    assert problem.path == path
    assert message in problem.message


@pytest.mark.parametrize(
    "document",
    [
        {"apisix": {"node_listen": [{"ip": "127.0.0.1", "port": 80}, {"ip": "::1", "port": 80}]}},
        {"apisix": {"node_listen": [{"ip": "[::1]", "port": 0}], "ssl": {"listen": [{"port": 0}]}}},
        {"apisix": {"node_listen": 9443, "ssl": {"enable": False}}},
        {"apisix": {"node_listen": 7085, "status": None}},
        {"apisix": {"trusted_addresses": ["10.0.0.1/8", "fd00::/8"]}},
        {"deployment": {"role_control_plane": {"config_provider": "etcd"}}},
    ],
)
def test_what_works_is_taken(document: object) -> None:
    assert read(document).problems == []
