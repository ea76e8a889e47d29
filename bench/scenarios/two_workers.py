"""Two workers on two CPUs: what sharing costs."""

from bench.load.exchange import Exchange
from bench.scenario import Scenario
from bench.upstream import BODY_1K

SCENARIO = Scenario(
    name="two-workers",
    summary="GET 1 KiB, 64 kept-alive connections, two workers on two CPUs",
    exchanges=(Exchange("/1k", BODY_1K),),
    workers=2,
)
