"""`gateway.settings.manual`: the page about settings."""

from pathlib import Path

from gateway.settings.manual import field_docs, markdown, structs

PAGE = Path(__file__).parents[3] / "docs" / "settings.md"


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == markdown(), "run `make gen`"


def test_every_field_is_documented() -> None:
    for struct in structs():
        assert field_docs(struct).keys() == set(struct.__struct_fields__), struct
