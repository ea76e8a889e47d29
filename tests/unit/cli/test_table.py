"""`gateway.cli.table`: columns that fit."""

from gateway.cli.table import table

ROWS = [("1", "/a", ""), ("orders", "/orders/of/every/shop/*", "x")]


def test_columns_are_as_wide_as_what_is_in_them() -> None:
    assert table(("ID", "URI", "Z"), ROWS, width=None) == [
        "ID      URI                      Z",
        "1       /a",
        "orders  /orders/of/every/shop/*  x",
    ]


def test_the_widest_columns_are_cut_to_fit() -> None:
    lines = table(("ID", "URI", "Z"), ROWS, width=22)
    assert lines[2].startswith("orders  /orders/of")
    assert "…" in lines[2]
    assert max(map(len, lines)) <= 22


def test_a_terminal_that_is_too_narrow_cuts_no_column_to_nothing() -> None:
    assert table(("ID",), [("orders",)], width=1) == ["ID", "ord…"]


def test_without_rows_there_is_the_head() -> None:
    assert table(("ID", "URI"), [], width=80) == ["ID  URI"]
