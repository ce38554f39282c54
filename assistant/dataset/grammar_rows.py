"""Steps that change the rows before anything is measured: filling and dropping, outliers, scaling, encoding."""

from __future__ import annotations

import re
from typing import Any

from assistant.dataset.draft import Draft, Want
from assistant.dataset.page import Found, Page
from assistant.dataset.steps import (
    Col,
    Derive,
    DropDuplicates,
    DropMissing,
    Encode,
    Impute,
    Outliers,
    Replace,
    Scalar,
    Scale,
    Step,
)
from assistant.dataset.tokens import number_value

_FILL = (
    r"(?:fill|filling|filled|replace|replacing|replaced|impute|imputing|imputed|handle|handling|"
    r"handled|substitute|substituting|fill in)"
)
_MISSING = (
    r"(?:any |all )?(?:missing|null|nan|na|empty)(?: or (?:missing|null|nan))?(?: (?:values?|entries|data|ones))?"
)
_DROP = (
    r"(?:drop|dropping|dropped|remove|removing|removed|delete|deleting|eliminate|eliminating|exclude|"
    r"excluding|discard|discarding)"
)
_IGNORE = (
    r"(?:ignore|ignoring|exclude|excluding|omit|omitting|skip|skipping|disregard|disregarding|"
    r"do not consider|not consider|without considering|consider only non|only consider non|not include)"
)
_ROWS = r"(?:any |all |the )?(?:rows?|records?|entries|observations?|samples?|data points?|instances)"


def read_rows(draft: Draft, page: Page) -> None:
    """Read row steps of a text, in the order they are applied: missing values, outliers, scaling, encoding."""
    _imputes(draft, page)
    _drops(draft, page)
    _duplicates(draft, page)
    _outliers(draft, page)
    _scales(draft, page)
    _encodes(draft, page)


def _add(draft: Draft, found: Found, step: Step) -> None:
    if all(other != step for other, _ in draft.rows):
        draft.rows.append((step, found.said))
        columns = getattr(step, "columns", ())
        if len(columns) == 1 and not isinstance(step, DropMissing) and not draft.focus:
            draft.focus = tuple(columns)
    found.take()


# -- missing values ---------------------------------------------------------------------------------------------------

_HOW = (
    r"(?P<how>M\d+|zeros?|N\d+|V\d+|forward fill(?:ing)?|ffill|backward fill(?:ing)?|bfill|"
    r"(?:linear )?interpolation|interpolat\w+|previous value|next value|unknown|no|none|\S+)"
)
_WITH = (
    r"(?:with|by|using|to|through|as)(?: (?:imputing|replacing|filling|them|column|columns|it|with|using|by|their|"
    r"its|of|that|respective|overall))*"
)


def _imputes(draft: Draft, page: Page) -> None:
    inside = r"(?:(?:in|of|for|from|within)(?: (?:both|each|every|all|of))* )?"
    for found in page.find(
        rf"{_FILL} {_MISSING} {inside}(?P<c>{{CS}}) {_WITH} {_HOW}(?: (?:of|value|values|for|that|"
        rf"respective|their|its|corresponding|imputation|strategy|method))*(?: (?P<o>{{CS}}))?"
    ):
        _impute(draft, found)
    for found in page.find(
        rf"(?:and|,) (?:in|for|of) (?P<c>{{CS}}) {_WITH} {_HOW}(?: (?:of|value|values|for|that))*(?: (?P<o>{{CS}}))?"
    ):
        if any(isinstance(step, Impute) for step, _ in draft.rows):
            _impute(draft, found)
    for found in page.find(
        rf"{_FILL} {_MISSING} {_WITH} {_HOW}(?: (?:of|value|values|for|that|respective|their|its|"
        rf"corresponding|strategy|method|each|in))*(?: (?P<c>{{CS}}))?"
    ):
        _impute(draft, found)
    for found in page.find(
        rf"{_HOW} imputation(?: (?:for|on|of|in|to|method|strategy|handle|missing|values))*(?: (?P<c>{{CS}}))?"
    ):
        _impute(draft, found)
    for found in page.find(rf"{_FILL} {_MISSING} {inside}(?P<c>{{CS}})"):
        _later(draft, found)


def _impute(draft: Draft, found: Found) -> None:
    columns = tuple(draft.use(mention) for mention in found.items("C", "c")) if found.match.group("c") else ()
    step = _imputation(found, columns)
    if step is None:
        return
    known = [other for other, _ in draft.rows if isinstance(other, Impute)]
    if any(set(columns) <= set(other.columns) and other.how == step.how for other in known if columns):
        found.take()
        return
    _add(draft, found, step)


def _imputation(found: Found, columns: tuple[str, ...]) -> Impute | None:
    how = found.group("how")
    if how.startswith("M") and how[1:].isdigit():
        function = found.page.item(how)[0]
        return Impute(columns=columns, how=function) if function in ("mean", "median", "mode") else None
    if how.startswith("N") and how[1:].isdigit():
        return Impute(columns=columns, how="constant", value=number_value(found.page.item(how)[0]))
    if how.startswith("V") and how[1:].isdigit():
        return Impute(columns=columns, how="constant", value=found.page.item(how).value)
    if how in ("zero", "zeros"):
        return Impute(columns=columns, how="constant", value=0)
    for beginning, name in (
        ("forward", "forward"),
        ("ffill", "forward"),
        ("previous", "forward"),
        ("backward", "backward"),
        ("bfill", "backward"),
        ("next", "backward"),
        ("linear", "interpolate"),
        ("interpol", "interpolate"),
    ):
        if how.startswith(beginning):
            return Impute(columns=columns, how=name)
    index = found.span("how")[0]
    word = found.page.words[found.page.elements[index].start]
    return Impute(columns=columns, how="constant", value=word.text) if word.quoted and columns else None


def _later(draft: Draft, found: Found) -> None:
    """`handle missing values in a and b`: how is said elsewhere, or nothing was read."""
    columns = {mention.column for mention in found.items("C", "c")}
    known = {name for step, _ in draft.rows if isinstance(step, (Impute, DropMissing)) for name in step.columns}
    if columns <= known or any(isinstance(step, (Impute, DropMissing)) and not step.columns for step, _ in draft.rows):
        found.take()


def _drops(draft: Draft, page: Page) -> None:
    inside = (
        r"(?:(?:present|found|values?) )?(?:in|for|from|of|within)(?: (?:any|either|both|each|all|of|"
        r"these|this|those|N\d+|three|two|respective|combined))*"
    )
    for found in page.find(
        rf"(?:{_DROP}|{_IGNORE}) {_ROWS} (?:with|that have|that contain|which have|which contain|"
        rf"containing|having|where)(?: (?:there is|there are))? {_MISSING}(?: {inside})?(?: (?P<c>{{CS}}))?"
        r"(?: (?:are|is) missing)?"
    ):
        _drop(
            draft,
            found,
            strict=found.match.group().split(" ")[0].startswith(("drop", "remov", "delet", "elimin", "discard")),
        )
    for found in page.find(rf"(?P<c>{{CS}})(?: (?:by|and|with))* {_DROP} (?:corresponding )?{_ROWS}"):
        if (
            "missing" in page.line.split(" ")[max(0, found.span()[0] - 6) : found.span()[0]]
            or "missing" in found.page.text.lower()
        ):
            _drop(draft, found, strict=True)
    for found in page.find(
        rf"{_FILL} {_MISSING} (?:in |of |for )?(?P<c>{{CS}})(?: by)? {_DROP}(?: corresponding)? {_ROWS}"
    ):
        _drop(draft, found, strict=True)
    for found in page.find(rf"(?:{_DROP}|{_IGNORE})(?: (?:any|all))? {_MISSING}(?: {inside}(?: (?P<c>{{CS}}))?)?"):
        _drop(draft, found, strict=False)
    for found in page.find(
        rf"{_ROWS} (?:with|containing|having) {_MISSING}(?: {inside} (?P<c>{{CS}}))? (?:should|must|will|"
        r"are|were|be|to|have|need)(?: (?:be|been|to|all))* (?:removed|dropped|deleted|excluded|"
        r"eliminated|ignored|discarded)"
    ):
        _drop(draft, found, strict=True)
    for found in page.find(
        rf"(?:do not|not|don t|never) (?:include|consider|count|use)(?: \S+){{0,4}}? (?:with|having|of)"
        rf" {_MISSING}(?: {inside})?(?: (?P<c>{{CS}}))?"
    ):
        _drop(draft, found, strict=False)
    for found in page.find(
        r"(?:only )?(?:consider(?:ing)? |using |use |with |all )*(?:only )?(?:non missing|non null|valid|"
        r"available|recorded) (?:values?|data|entries|records|observations|points)(?: (?:of|in|for|from) (?P<c>{CS}))?"
    ):
        _drop(draft, found, strict=False)


def _drop(draft: Draft, found: Found, *, strict: bool) -> None:
    """Rows are dropped for named columns; `ignore missing values` alone is what every measure does anyway."""
    columns = (
        tuple(dict.fromkeys(draft.use(mention) for mention in found.items("C", "c"))) if found.match.group("c") else ()
    )
    if columns:
        _add(draft, found, DropMissing(columns))
    elif strict and "these" not in found.match.group().split(" "):
        _add(draft, found, DropMissing(()))
    else:
        found.take()


def _duplicates(draft: Draft, page: Page) -> None:
    for found in page.find(
        rf"(?:{_DROP})(?: (?:any|all))? duplicate(?:s|d)?(?: (?:rows|records|entries|values))"
        rf"?(?: (?:based on|by|in|of) (?P<c>{{CS}}))?"
    ):
        names = tuple(draft.use(mention) for mention in found.items("C", "c")) if found.match.group("c") else ()
        _add(draft, found, DropDuplicates(names))


# -- outliers ---------------------------------------------------------------------------------------------------------

_OUT = r"(?:outliers?|outlier detection|outlying values|anomal(?:y|ies)|extreme values)"
_REMOVED = re.compile(
    r"(?:remov\w*|exclud\w*|drop\w*|eliminat\w*|without|filter\w* out|discard\w*|delet\w*)"
    r"[^.?!;]{0,60}?(?:outliers?|them|these)\b|outliers? (?:are |is |were )?(?:removed|excluded|dropped)"
    r"|without (?:the |these )?outliers|outliers? removal",
    re.IGNORECASE,
)
_REPLACED = re.compile(
    r"replac\w*[^.?!;]{0,120}?(?:outliers?|them|value)[^.?!;]{0,120}?(?:with|by)[^.?!;]{0,20}?\b(mean|median)\b",
    re.IGNORECASE,
)
_CLIPPED = re.compile(r"\b(?:cap|capp\w+|clip\w*|winsori[sz]\w*)\b", re.IGNORECASE)
_COUNTED = re.compile(
    r"how many|number of|count|total number|report|find|identify|detect|are there|list|which", re.IGNORECASE
)


def outlier_action(text: str) -> str:
    """What a text says is done to outliers: keep (nothing), remove, mean, median or clip."""
    replaced = _REPLACED.search(text)
    if replaced and re.search(r"outlier|standard deviation|z[- ]?score|deviat", text, re.IGNORECASE):
        return replaced.group(1).lower()
    if "outlier" in text.lower() and _CLIPPED.search(text):
        return "clip"
    return "remove" if _REMOVED.search(text) else "keep"


def _outliers(draft: Draft, page: Page) -> None:
    link = r"(?: (?:in|of|for|on|from|within|detected|present|found|detection|based|C\d+ (?=of)))*"
    patterns = (
        rf"{_OUT}{link} (?P<c>{{CS}})",
        rf"(?P<c>{{C}}) {_OUT}",
        rf"{_OUT} (?:does|do|did|has|have|are there in) (?P<c>{{C}})(?: (?:have|has|contain|show))?",
        rf"{_OUT}(?: \S+){{0,5}}? (?:in|of|for|on|from) (?:\S+ ){{0,4}}?(?P<c>{{CS}})",
    )
    for pattern in patterns:
        for found in page.find(pattern):
            if "." in found.match.group().split(" "):
                continue
            for mention in found.items("C", "c"):
                if draft.numeric(mention.column):
                    _outlier_column(draft, found, draft.use(mention))


def _outlier_column(draft: Draft, found: Found, name: str) -> None:
    if name not in draft.outlying:
        draft.outlying.append(name)
    draft.focus = tuple(draft.outlying)
    found.take()


def finish_outliers(draft: Draft, text: str) -> None:
    """Turn the columns whose outliers are asked for into steps and counts, once all settings are known."""
    settings = draft.settings
    method = settings.outlier_method or "iqr"
    factor = settings.outlier_factor if settings.outlier_factor is not None else (3.0 if method == "z" else 1.5)
    action = outlier_action(text)
    draft.settings.outlier_action = action
    for name in draft.outlying:
        options: dict[str, Any] = {"method": method, "factor": factor}
        if method == "z" and settings.ddof == 1:
            options["ddof"] = 1
        if action != "keep" or any(want.function != "outliers" for want in draft.wants if name in want.names):
            step = Outliers(column=name, method=method, factor=factor, action=action, ddof=int(options.get("ddof", 0)))
            draft.rows.append((step, f"outliers in {name}"))
        if _COUNTED.search(text) or action == "keep":
            draft.wants.insert(
                0,
                Want(
                    kind="measure",
                    function="outliers",
                    columns=(Col(name),),
                    options=options,
                    phase="pre",
                    said="outliers",
                ),
            )


# -- scaling and encoding ---------------------------------------------------------------------------------------------

_SCALED = (
    (
        r"(?:min max (?:scal\w+|normali[sz]\w+)|feature scaling|rescal\w+|normali[sz](?:e|es|ed|ing|ation)|min max)",
        "minmax",
    ),
    (
        r"(?:standardi[sz](?:e|es|ed|ing|ation)|z score (?:normali[sz]\w+|standardi[sz]\w+|scaling)|"
        r"standard scal\w+|standardscaler)",
        "standard",
    ),
    (r"(?:robust scal\w+)", "robust"),
)


def _scales(draft: Draft, page: Page) -> None:
    for pattern, method in _SCALED:
        for found in page.find(
            rf"{pattern}(?: (?:of|on|for|to|using|method|technique|with|apply|applied|applying|all|numerical|"
            rf"values?|data))* (?P<c>{{CS}})"
        ):
            names = tuple(draft.use(mention) for mention in found.items("C", "c"))
            if all(draft.numeric(name) for name in names):
                _add(draft, found, Scale(columns=names, method=_scaling(page.text, method)))
        for found in page.find(rf"(?P<c>{{CS}})(?: (?:using|with|by|is|are|should|be|to))* {pattern}"):
            names = tuple(draft.use(mention) for mention in found.items("C", "c"))
            if all(draft.numeric(name) for name in names):
                _add(draft, found, Scale(columns=names, method=_scaling(page.text, method)))


def _scaling(text: str, method: str) -> str:
    if method == "minmax" and re.search(
        r"z[- ]score normali|mean (?:of )?0|zero mean|unit variance|standard scal|standardscaler", text, re.IGNORECASE
    ):
        return "standard"
    return method


def _encodes(draft: Draft, page: Page) -> None:
    for found in page.find(
        r"(?:one hot encod\w+|dummy (?:variables|encod\w+)|get dummies)(?: (?:of|on|for|to|values))* (?P<c>{CS})"
    ):
        _add(draft, found, Encode(columns=tuple(draft.use(m) for m in found.items("C", "c")), method="onehot"))
    for found in page.find(
        r"(?:label encod\w+|ordinal encod\w+|encod\w+|transform|convert|map)(?: (?:of|on|for|to|values|"
        r"categorical))* (?P<c>{CS})"
        r"(?: (?:to|into|as|using|with|in))* (?:binary|numeric|numerical|codes|integers?|label encod\w+|"
        r"labelencoder)(?: (?:format|form|values?|codes|\( N\d+ and N\d+ \)))*"
    ):
        names = tuple(draft.use(m) for m in found.items("C", "c"))
        _add(draft, found, Encode(columns=names, method="codes"))
        _codes(draft, found, names)
        draft.encoded += names


def _codes(draft: Draft, found: Found, names: tuple[str, ...]) -> None:
    """`(0 for Female, 1 for Male)`: numbers stated for values take the place of their sorted order."""
    if len(names) != 1:
        return
    pairs: list[tuple[Scalar, Scalar]] = []
    for stated in found.page.find(r"(?P<n>{N}) (?:for|as|=|if) (?P<v>{V})"):
        value, number = stated.items("V", "v")[0], found.page.item(stated.group("n"))[0]
        if value.column == names[0]:
            pairs.append((value.value, number_value(number)))
            stated.take()
    if pairs:
        draft.rows.pop()
        draft.derives.append(Derive(names[0], Replace(value=Col(names[0]), pairs=tuple(pairs))))
