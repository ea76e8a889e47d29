"""What holds for every document, however strange."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from gateway.settings import IGNORED, Settings, engine_settings, read
from gateway.settings.manual import structs
from gateway.settings.units import Duration, Size

KEYS = sorted(
    {name for struct in structs() for name in struct.__struct_fields__}
    | {key for one in IGNORED for key in one.split(".")}
)
"""Names that lead somewhere."""

LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | st.sampled_from(KEYS)
)
DOCUMENTS = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(DOCUMENTS)
def test_any_document_is_judged_and_leaves_usable_settings(document: object) -> None:
    reading = read({"apisix": document, "nginx_config": document, "deployment": document, "plugin_attr": document})
    msgspec.json.encode(engine_settings(reading.settings))
    for problem in [*reading.problems, *reading.ignored]:
        assert problem.path
        assert problem.message
        assert "\n" not in problem.message


@given(DOCUMENTS)
def test_a_document_without_mistakes_reads_the_same_twice(document: object) -> None:
    assert read(document) == read(document)


@given(st.dictionaries(st.from_regex(r"GATEWRIGHT_[A-Z]{1,4}(__[A-Z]{0,4}){1,3}", fullmatch=True), st.text(max_size=9)))
def test_any_environment_is_judged(environ: dict[str, str]) -> None:
    reading = read({}, environ=environ)
    assert reading.settings == Settings()
    assert {problem.file for problem in reading.problems} <= environ.keys()


@given(st.integers(0, 10**4), st.sampled_from(["s", "m", "h", "d"]))
def test_a_duration_means_the_same_as_its_seconds(count: int, unit: str) -> None:
    seconds = Duration.parse(f"{count}{unit}")
    assert Duration.parse(f"{int(seconds)}s") == seconds


@given(st.text(max_size=8))
def test_any_text_is_a_size_or_is_refused(text: str) -> None:
    try:
        size = Size.parse(text)
    except ValueError:
        return
    assert size >= 0
