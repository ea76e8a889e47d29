"""The scenarios, in the order reports show them. A new one: its file, and a line here."""

from bench.scenario import Scenario
from bench.scenarios import (
    conn_churn,
    h1_1k,
    h1_1k_default,
    h1_64k,
    h2_tls_1k,
    one_connection,
    post_16k,
    routes_1000,
    tls_h1_1k,
    two_workers,
)

SCENARIOS: tuple[Scenario, ...] = (
    h1_1k.SCENARIO,
    h1_1k_default.SCENARIO,
    one_connection.SCENARIO,
    routes_1000.SCENARIO,
    tls_h1_1k.SCENARIO,
    h2_tls_1k.SCENARIO,
    h1_64k.SCENARIO,
    post_16k.SCENARIO,
    conn_churn.SCENARIO,
    two_workers.SCENARIO,
)
