"""A thousand prefix routes, all of them asked for in turn."""

from bench.load.exchange import Exchange
from bench.scenario import Scenario
from bench.upstream import BODY_1K

ROUTES = 1000

SCENARIO = Scenario(
    name="routes-1000",
    summary="GET 1 KiB over 1,000 prefix routes, each asked for in turn",
    exchanges=tuple(Exchange(f"/service-{i:04}/orders/17", BODY_1K) for i in range(ROUTES)),
    routes=ROUTES,
    bar=0.90,
)
