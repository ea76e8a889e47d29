"""Moving bytes: a body larger than any peer's default buffer."""

from bench.load.exchange import Exchange
from bench.scenario import Scenario
from bench.upstream import BODY_64K

SCENARIO = Scenario(
    name="h1-64k",
    summary="GET 64 KiB, 64 kept-alive connections",
    exchanges=(Exchange("/64k", BODY_64K),),
    bar=0.95,
)
