"""Queries as JSON and links: every one comes back as it was, and what is tampered with is refused in words."""

from __future__ import annotations

import base64
import contextlib
import json
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.dataset import steps
from assistant.dataset.steps import (
    COMPARISONS,
    FUNCTIONS,
    MEASURES,
    All,
    AnyOf,
    Call,
    Case,
    Col,
    Compare,
    Const,
    Cut,
    Decide,
    Derive,
    DropMissing,
    Filter,
    Fit,
    Impute,
    Limit,
    Measure,
    Not,
    Outliers,
    Output,
    Query,
    Ref,
    Replace,
    Sort,
    Summarise,
)
from assistant.dataset.wire import LINK_BYTES, check, link, query_from_link, query_json, query_of
from kb.errors import BadInput

NAMES = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
NUMBERS = st.floats(allow_nan=False) | st.integers(-(10**12), 10**12)
SCALARS = st.none() | st.booleans() | NUMBERS | NAMES
Draw = st.DrawFn


def tuples(of: st.SearchStrategy[Any], most: int = 3) -> st.SearchStrategy[Any]:
    """Return tuples of at most a few."""
    return st.lists(of, max_size=most).map(tuple)


@st.composite
def expressions(draw: Draw, depth: int = 2) -> Any:
    """Draw an expression, nested at most `depth` deep."""
    kind = draw(st.integers(0, 6 if depth else 2))
    inner = expressions(depth - 1) if depth else st.just(Const(1))
    if kind < 3:
        return draw([st.builds(Col, NAMES), st.builds(Const, SCALARS), st.builds(Ref, NAMES, st.none() | NAMES)][kind])
    if kind == 3:
        return Call(draw(st.sampled_from(sorted(FUNCTIONS))), draw(tuples(inner)))
    if kind == 4:
        branches = draw(tuples(st.tuples(conditions(depth - 1), inner), 2))
        return Case(branches=branches, otherwise=draw(inner))
    if kind == 5:
        return Cut(value=draw(inner), how="edges", n=draw(st.integers(0, 9)), edges=draw(tuples(NUMBERS.map(float))))
    pairs = draw(tuples(st.tuples(SCALARS, SCALARS)))
    return Replace(value=draw(inner), pairs=pairs, otherwise=draw(st.none() | inner))


@st.composite
def conditions(draw: Draw, depth: int = 2) -> Any:
    """Draw a condition, nested at most `depth` deep."""
    kind = draw(st.integers(0, 3 if depth > 0 else 0))
    if kind == 0:
        side = expressions(max(depth - 1, 0))
        return Compare(draw(st.sampled_from(COMPARISONS)), draw(side), draw(st.none() | side | tuples(SCALARS)))
    if kind == 1:
        return Not(draw(conditions(depth - 1)))
    return (All if kind == 2 else AnyOf)(draw(tuples(conditions(depth - 1))))


@st.composite
def measures(draw: Draw) -> Measure:
    """Draw a measure."""
    options = st.dictionaries(st.sampled_from(["q", "of", "at"]), SCALARS | conditions() | expressions(), max_size=2)
    return Measure(
        label=draw(NAMES),
        function=draw(st.sampled_from(sorted(MEASURES))),
        columns=draw(tuples(expressions())),
        by=draw(tuples(NAMES)),
        where=draw(st.none() | conditions()),
        options=draw(options),
    )


PLAIN_STEPS: tuple[Any, ...] = (
    st.builds(Impute, columns=tuples(NAMES), how=NAMES, value=SCALARS),
    st.builds(DropMissing, tuples(NAMES)),
    st.builds(Outliers, column=NAMES, factor=st.floats(0, 9)),
    st.builds(Sort, by=tuples(NAMES), descending=st.booleans()),
    st.builds(Limit, st.integers(0, 99)),
    st.builds(Fit, label=NAMES, model=NAMES, features=tuples(NAMES), target=NAMES, metric=NAMES),
)


@st.composite
def any_step(draw: Draw) -> Any:
    """Draw a step of any kind."""
    kind = draw(st.integers(0, 6))
    if kind == 0:
        return draw(draw(st.sampled_from(PLAIN_STEPS)))
    if kind == 1:
        return Filter(draw(conditions()))
    if kind == 2:
        return Derive(draw(NAMES), draw(expressions()))
    if kind == 3:
        return Summarise(by=draw(tuples(NAMES)), measures=draw(tuples(measures(), 2)))
    if kind == 4:
        return steps.Test(
            label=draw(NAMES), kind="t", columns=draw(tuples(expressions())), samples=draw(tuples(conditions(), 2))
        )
    if kind == 5:
        return Decide(label=draw(NAMES), cases=draw(tuples(st.tuples(conditions(), NAMES), 2)), otherwise="no")
    return draw(measures())


@st.composite
def queries(draw: Draw) -> Query:
    """Draw a whole query."""
    output = st.builds(
        Output,
        name=NAMES,
        label=NAMES,
        part=st.none() | NAMES,
        group=tuples(SCALARS),
        digits=st.none() | st.integers(0, 9),
    )
    return Query(steps=draw(tuples(any_step())), outputs=draw(tuples(output)), plot=draw(st.sampled_from(["", "bars"])))


SIMPLE = Query(steps=(Measure(label="m", function="mean", columns=(Col("age"),)),))


@given(queries())
def test_a_query_comes_back_from_its_json(query: Query) -> None:
    assert query_of(json.loads(json.dumps(query_json(query), allow_nan=False))) == query


@given(queries())
def test_a_query_comes_back_from_its_link(query: Query) -> None:
    assert query_from_link(link(query)) == query


def test_a_link_stands_in_a_url_as_it_is() -> None:
    assert set(link(SIMPLE)) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


@given(st.text(max_size=200))
def test_a_made_up_link_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        query_from_link(text)


@given(st.integers(0, 10_000))
def test_a_link_that_was_changed_is_refused_or_another_query(place: int) -> None:
    good = link(SIMPLE)
    at = place % len(good)
    with contextlib.suppress(BadInput):
        assert isinstance(query_from_link(good[:at] + ("A" if good[at] != "A" else "B") + good[at + 1 :]), Query)


def test_a_link_that_unpacks_to_much_is_refused() -> None:
    bomb = base64.urlsafe_b64encode(zlib.compress(b"[" * 5_000_000)).decode().rstrip("=")
    assert len(bomb) < LINK_BYTES
    with pytest.raises(BadInput, match="too large"):
        query_from_link(bomb)


def test_a_link_too_long_is_refused_unread() -> None:
    with pytest.raises(BadInput, match="characters"):
        query_from_link("A" * (LINK_BYTES + 1))


def changed(**fields: Any) -> dict[str, Any]:
    """Return the JSON of a query whose only step has other fields."""
    return {"is": "Query", "steps": [query_json(SIMPLE)["steps"][0] | fields]}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (changed(extra=1), "unknown fields: extra"),
        (changed(**{"is": "Exec"}), "should be one of"),
        (changed(label=3), "label should be str"),
        (changed(columns="age"), "columns should be a list"),
        (changed(columns=[{"is": "Col"}]), "lacks name"),
        (changed(options={"of": {"is": "Filter"}}), "should be one of"),
        ({"is": "Query"}, "lacks steps"),
        ([], "should be a Query"),
        (None, "should be a Query"),
    ],
)
def test_what_is_not_a_query_is_refused_in_words(data: Any, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        query_of(data)


def test_a_query_nested_too_deep_is_refused() -> None:
    inner: Any = {"is": "Compare", "op": "missing", "left": {"is": "Col", "name": "a"}}
    for _ in range(200):
        inner = {"is": "Not", "part": inner}
    with pytest.raises(BadInput, match="deep"):
        query_of({"is": "Query", "steps": [{"is": "Filter", "where": inner}]})


def test_problems_are_said_in_words() -> None:
    query = Query(steps=SIMPLE.steps, outputs=(Output(name="x", label="nothing"),))
    assert check(query, ("Age", "fare")) == (
        "there is no column 'age'; nearest: Age",
        "'x' wants 'nothing', which no step gives",
    )


def test_a_derived_column_is_known_to_later_steps() -> None:
    query = Query(steps=(Derive("double", Call("add", (Col("age"), Col("age")))),
                         Measure(label="m", function="mean", columns=(Col("double"),))))  # fmt: skip
    assert check(query, ("age",)) == ()
