"""The whole pandas program of a query, and for each of its values one expression over `df` that gives it.

The program is what a person copies and runs: it reads the file as it was read here, does the steps and prints what was
asked for. Nothing here computes.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from assistant.dataset import code_fits, code_measures, code_stats
from assistant.dataset.code_expr import OPERATORS, Writer
from assistant.dataset.code_steps import stepped
from assistant.dataset.code_table import reading
from assistant.dataset.relevant import Done, relevant
from assistant.dataset.steps import All, AnyOf, Compare, Condition, Const, Decide, Fit, Measure, Not, Output, Ref, Test
from assistant.dataset.types import Outcome
from assistant.dataset.values import tidy
from assistant.dataset.walk import Values, ref_value, same_key

TAKEN = frozenset({"df", "pd", "np", "stats", "answers", "name", "value"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """Code so far: the steps done, and `variables` and `expressions` that stand for values by label.

    Both map a label, and a label with a part, to code: the first within the program, the second by itself.
    """

    done: tuple[Done, ...] = ()
    lines: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    expressions: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    program_parts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    imports: frozenset[str] = frozenset()

    def writer(self, kinds: Mapping[str, str], values: Values, *, alone: bool) -> Writer:
        """Return a writer whose earlier values stand `alone` as expressions, or as the program's variables."""
        return Writer(kinds, values, lambda ref: self.code_of(ref, values, alone=alone))

    def code_of(self, ref: Ref, values: Values, *, alone: bool) -> str:
        """Return code for an earlier value, one of its parts, or one of its groups."""
        names, parts = (self.expressions, self.parts) if alone else (self.variables, self.program_parts)
        whole = f"({names[ref.label]})" if alone else names[ref.label]
        if ref.part is None:
            return whole
        if ref.part in parts[ref.label]:
            return f"({parts[ref.label][ref.part]})"
        outcome = values[ref.label]
        if isinstance(outcome.value, Mapping) and ref.part not in outcome.parts:
            return f"{whole}[{group_of(outcome.value, (ref.part,))!r}]"
        return repr(ref_value(ref, values))

    def after(self, step: Any, kinds: Mapping[str, str], values: Values, names: tuple[str, ...]) -> Script:
        """Return the script after a step that changes rows or columns."""
        line = "df = " + stepped(step, "df", self.writer(kinds, values, alone=False), names)
        return replace(self, done=(*self.done, Done(step, kinds, names)), lines=(*self.lines, line))

    def chain(self, step: Any, values: Values) -> str:
        """Return code over `df` alone for the rows that a yielding step is of."""
        code = "df"
        for one in relevant(self.done, step):
            code = stepped(one.step, code, self.writer(one.kinds, values, alone=True), one.names)
        return code

    def yielding(self, step: Any, kinds: Mapping[str, str], values: Values, found: Mapping[str, Any]) -> Script:
        """Return the script after a step that yields a value; `found` are its parts."""
        alone = self.writer(kinds, values, alone=True)
        inside = self.writer(kinds, values, alone=False)
        variable = identifier(step.label, self.variables.values())
        expression, parts, imports = written(step, self.chain(step, values), alone, found)
        if isinstance(step, Fit):
            lines, value, program_parts = code_fits.program(step, variable, kinds, found)
        else:
            value, program_parts, _ = written(step, "df", inside, found)
            lines = (f"{variable} = {value}",)
        return replace(
            self,
            lines=(*self.lines, *lines),
            variables={**self.variables, step.label: variable},
            expressions={**self.expressions, step.label: expression},
            parts={**self.parts, step.label: parts},
            program_parts={**self.program_parts, step.label: program_parts},
            imports=self.imports | imports,
        )


def written(step: Any, frame: str, w: Writer, found: Mapping[str, Any]) -> tuple[str, dict[str, str], frozenset[str]]:
    """Return code for the value of a yielding step, for its parts, and the imports that it needs."""
    match step:
        case Measure():
            return code_measures.measured(step, frame, w), code_measures.parts(step, frame, w), frozenset()
        case Test():
            return *code_stats.tested(step, frame, w), frozenset()
        case Fit():
            return *code_fits.expressions(step, frame, w.kinds, found), code_fits.imports(step, w.kinds)
        case Decide():
            return decided(step, w), {}, frozenset()
    raise TypeError(f"no code for {type(step).__name__}")


def decided(step: Decide, w: Writer) -> str:
    """Return code for a word that follows from earlier values."""
    code = repr(step.otherwise)
    for condition, text in reversed(step.cases):
        code = f"{text!r} if {truth(condition, w)} else {code}"
    return code


def truth(condition: Condition, w: Writer) -> str:
    """Return code for whether a condition over earlier values holds."""
    match condition:
        case Not():
            return f"not ({truth(condition.part, w)})"
        case All() | AnyOf():
            word = " and " if isinstance(condition, All) else " or "
            return word.join(f"({truth(part, w)})" for part in condition.parts) or str(isinstance(condition, All))
        case Compare():
            return compared(condition, w)


def compared(compare: Compare, w: Writer) -> str:
    """Return code for a comparison of earlier values."""
    left, right, op = w.column(compare.left, "df"), compare.right, compare.op
    if op in ("missing", "present") or right is None or right == Const(None):
        return f"pd.isna({left})" if op in ("missing", "eq") else f"pd.notna({left})"
    if isinstance(right, tuple):
        if op == "between":
            return f"{right[0]!r} <= {left} <= {right[1]!r}"
        return f"{left} {'in' if op == 'in' else 'not in'} {right!r}"
    code = w.column(right, "df")
    if op in ("contains", "starts", "ends"):
        method = {"starts": "startswith", "ends": "endswith"}.get(op)
        return f"{left}.{method}({code})" if method else f"{code} in {left}"
    return f"{left} {OPERATORS[op]} {code}"


def identifier(label: str, taken: Iterable[str]) -> str:
    """Return a variable name for a label."""
    name = re.sub(r"\W+", "_", label.strip()).strip("_").lower() or "result"
    if not name.isidentifier() or keyword.iskeyword(name):
        name = f"result_{name}"
    used, number, free = TAKEN | set(taken), 2, name
    while free in used or not free.isidentifier():
        free, number = f"{name if name.isidentifier() else 'result'}_{number}", number + 1
    return free


def group_of(value: Mapping[Any, Any], wanted: tuple[Any, ...]) -> Any:
    """Return the key of a grouped value that is the one wanted."""
    for key in value:
        if same_key(key if isinstance(key, tuple) else (key,), wanted):
            return key
    return wanted if len(wanted) > 1 else wanted[0]


def program(script: Script, table: Any, outputs: tuple[Output, ...], values: Values) -> str:
    """Return the whole program: imports, reading, steps, and what it prints."""
    lines = [*reading(table), *script.lines, *printed(script, outputs, values)]
    text = "\n".join(lines)
    imports = [*sorted(script.imports)]
    head = [f"import {name} as {short}" for name, short in (("numpy", "np"), ("pandas", "pd")) if f"{short}." in text]
    scipy = ["from scipy import stats"] if "stats." in text else []
    return "\n".join([*head, *scipy, *imports, "", text, ""])


def printed(script: Script, outputs: tuple[Output, ...], values: Values) -> tuple[str, ...]:
    """Return the lines that print what was asked for, rounded as asked, or every value."""
    if not script.variables:
        return ("print(df)",)
    if outputs:
        items = [f"    {output.name!r}: {answered(script, output, values)}," for output in outputs]
    else:
        items = [f"    {label!r}: {variable}," for label, variable in script.variables.items()]
    return ("answers = {", *items, "}", "for name, value in answers.items():", "    print(f'{name}: {value}')")


def answered(script: Script, output: Output, values: Values) -> str:
    """Return code for one name that was asked for."""
    outcome = values[output.label]
    code = script.variables[output.label]
    parts = script.program_parts[output.label]
    if output.part is not None and output.part in parts:
        code = parts[output.part]
    elif output.part is not None or output.group:
        code = picked(code, outcome, output)
    number = isinstance(picked_value(outcome, output), float)
    return f"round({code}, {output.digits})" if output.digits is not None and number else code


def picked(code: str, outcome: Outcome, output: Output) -> str:
    """Return code for a group of a value, or the value itself where no code gives a part."""
    wanted = output.group or (output.part,)
    if isinstance(outcome.value, Mapping) and (output.group or output.part not in outcome.parts):
        return f"{code}[{group_of(outcome.value, wanted)!r}]"
    return repr(tidy(picked_value(outcome, output)))


def picked_value(outcome: Outcome, output: Output) -> Any:
    """Return what an output stands for."""
    from assistant.dataset.walk import picked as pick

    return pick(outcome, output.part, output.group)
