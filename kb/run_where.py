"""Conditions on runs as a person types them: `lr<0.01 and model=xgb and state!=failed` becomes run filters.

Comparisons (`= != < <= > >= ~`, `~` for "contains", `in (a, b)`) joined by `and` or a comma. A name is a field of runs
(state, experiment, name, id, started, …), a parameter or a metric; `params.`, `metrics.` and `tags.` say which. Names
and values with blanks or signs in them stand in quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Literal, NoReturn

from kb.errors import BadInput, NameUnknown
from kb.history import Field, Operator, RunFilter, Scalar
from kb.run_names import Names

_TOKEN = re.compile(
    r"""\s*(?:(?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)|(?P<op><=|>=|!=|==|<>|=|<|>|~)
    |(?P<mark>[(),])|(?P<word>[^\s"'`<>=!~(),]+|!))""",
    re.VERBOSE,
)
_OPERATORS: Mapping[str, Operator] = {
    "=": "eq", "==": "eq", "!=": "ne", "<>": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge", "~": "contains",
}  # fmt: skip
_FIELDS: Mapping[str, Field] = {
    "state": "state", "status": "status", "name": "name", "run_name": "name", "id": "id", "run_id": "id",
    "experiment": "experiment", "source": "source", "dataset": "dataset", "tracker": "tracker", "started": "started",
    "ended": "ended", "duration": "duration", "parent": "parent", "text": "text",
}  # fmt: skip
_KINDS: Mapping[str, Literal["param", "metric", "tag"]] = {
    "param": "param", "params": "param", "parameters": "param", "metric": "metric", "metrics": "metric", "tag": "tag",
    "tags": "tag",
}  # fmt: skip
_HOW = "write for example: lr<0.01 and model=xgb and state!=failed"


def where(text: str, known: Mapping[str, Names]) -> tuple[RunFilter, ...]:
    """Return the filters that `text` means. Raises BadInput where it cannot be read, NameUnknown."""
    tokens = list(_tokens(text))
    return tuple(_comparison(part, text, known) for part in _parts(tokens, text))


Token = tuple[str, str]


def _tokens(text: str) -> Iterator[Token]:
    place = 0
    while text[place:].strip():
        found = _TOKEN.match(text, place)
        if found is None:
            raise BadInput(f"cannot read {text[place:].strip()!r} in {text!r}", hint=_HOW)
        place, kind = found.end(), str(found.lastgroup)
        value = found.group(kind)
        yield kind, re.sub(r"\\(.)", r"\1", value[1:-1]) if kind == "quoted" else value


def _parts(tokens: list[Token], text: str) -> Iterator[list[Token]]:
    """Yield the tokens of each comparison."""
    part, depth = list[Token](), 0
    for kind, value in tokens:
        depth += {"(": 1, ")": -1}.get(value, 0) if kind == "mark" else 0
        joins = (kind == "word" and value.lower() in ("and", "&&", "&")) or (kind, value) == ("mark", ",")
        if kind == "word" and value.lower() in ("or", "||", "not") and depth == 0:
            raise BadInput(f"{value!r} cannot be used in {text!r}", hint="join conditions by and; name in (a, b)")
        if joins and depth == 0:
            yield part
            part = []
        else:
            part.append((kind, value))
    if part or tokens:
        yield part


def _comparison(part: list[Token], text: str, known: Mapping[str, Names]) -> RunFilter:
    operators = [at for at, (kind, value) in enumerate(part) if kind == "op" or (kind, value.lower()) == ("word", "in")]
    if not operators or operators[0] == 0 or operators[0] == len(part) - 1:
        _refuse(part, text)
    at = operators[0]
    name = " ".join(value for _, value in part[:at])
    value = part[at + 1 :]
    field, logged = _field(name, known, quoted=part[0][0] == "quoted")
    if part[at][1].lower() == "in":
        return RunFilter(field=field, op="in", name=logged, value=_listed(value, text))
    if any(kind in ("op", "mark") for kind, _ in value):
        _refuse(part, text)
    return RunFilter(field=field, op=_OPERATORS[part[at][1]], name=logged, value=_value(value))


def _refuse(part: list[Token], text: str) -> NoReturn:
    said = " ".join(value for _, value in part)
    raise BadInput(f"{said or 'nothing'!r} in {text!r} is no comparison", hint=_HOW)


def _listed(tokens: list[Token], text: str) -> tuple[Scalar, ...]:
    if [tokens[0], tokens[-1]] != [("mark", "("), ("mark", ")")]:
        raise BadInput(f"the values after `in` in {text!r} stand in no brackets", hint="write name in (a, b)")
    values, part = list[Scalar](), list[Token]()
    for token in [*tokens[1:-1], ("mark", ",")]:
        if token == ("mark", ","):
            values.append(_value(part))
            part = []
        else:
            part.append(token)
    return tuple(values)


def _value(tokens: list[Token]) -> Scalar:
    """Return a number for what is one, unless it stands in quotes; `none` for nothing."""
    text = " ".join(value for _, value in tokens)
    if any(kind == "quoted" for kind, _ in tokens):
        return text
    if text.lower() in ("none", "null", ""):
        return None
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text


def _field(name: str, known: Mapping[str, Names], *, quoted: bool) -> tuple[Field, str | None]:
    """Return what a name is: a field of runs, or a parameter, metric or tag with its logged name."""
    if not quoted and name.lower() in _FIELDS:
        return _FIELDS[name.lower()], None
    prefix, _, rest = name.partition(".")
    kind = _KINDS.get(prefix.lower())
    if kind is not None and rest and _is_logged(known[kind], rest):
        return kind, rest
    kinds: tuple[Literal["param", "metric", "tag"], ...] = ("param", "metric", "tag")
    for one in kinds:
        if _is_logged(known[one], name):
            return one, name
    near = tuple(dict.fromkeys((*known["param"].nearest(name), *known["metric"].nearest(name))))
    raise NameUnknown("parameter or metric", name, near[:3])


def _is_logged(known: Names, name: str) -> bool:
    return any(bool(tier) for tier in known.tiers(name))
