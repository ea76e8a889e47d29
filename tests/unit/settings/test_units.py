"""`gateway.settings.units`: nginx's way of writing values."""

import pytest

from gateway.settings.units import Duration, Size, Switch


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("60s", 60),
        ("1m 30s", 90),
        ("1m30s", 90),
        ("500ms", 0.5),
        ("2h", 7200),
        ("1d", 86400),
        ("1M", 2592000),
        ("15", 15),
        ("0.5", 0.5),
        (15, 15),
        (0.25, 0.25),
        (0, 0),
    ],
)
def test_a_duration_is_seconds(text: object, seconds: float) -> None:
    assert Duration.parse(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "s", "10 parsecs", "-1s", -1, True, None, "1.5m", "1s2", float("inf"), "9" * 400 + "s", 10**400]
)
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        Duration.parse(text)


@pytest.mark.parametrize(("text", "count"), [("16k", 16384), ("1M", 1048576), ("1g", 1 << 30), ("7", 7), (0, 0)])
def test_a_size_is_bytes(text: object, count: int) -> None:
    assert Size.parse(text) == count


@pytest.mark.parametrize("text", ["", "k", "1.5m", -1, True, None, "10 k", "1t", "9" * 30, 2**63])
def test_what_is_no_size_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        Size.parse(text)


@pytest.mark.parametrize(("text", "on"), [("on", True), ("off", False), (True, True), (False, False), ("On", True)])
def test_a_switch_is_on_or_off(text: object, on: bool) -> None:
    assert bool(Switch.parse(text)) is on


@pytest.mark.parametrize("text", ["", "maybe", 1, None])
def test_what_is_no_switch_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="neither `on` nor `off`"):
        Switch.parse(text)
