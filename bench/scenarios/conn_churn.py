"""A new connection for every request, closed after it; upstream connections are kept."""

from bench.load.exchange import Exchange
from bench.scenario import Scenario
from bench.upstream import BODY_1K

SCENARIO = Scenario(
    name="conn-churn",
    summary="GET 1 KiB, a new client connection for each request",
    exchanges=(Exchange("/1k", BODY_1K),),
    close=True,
    bar=1.00,
)
