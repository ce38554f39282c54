"""What is left of a question once the rules have read it: words that change nothing, and words that may."""

from __future__ import annotations

import re

from assistant.dataset.lexicon import DOING, DONE, HARMLESS, HARMLESS_PLAIN, HARMLESS_STEMS, HELD, PARTICIPLES, UNITS
from assistant.dataset.page import ENTITY_STEMS, Page
from assistant.dataset.tokens import bag, stem

_TRAILING = bag("rate level amount figure figures type types category categories kind kinds")


def leftovers(page: Page, entities: frozenset[str], *, plain: bool = False) -> list[str]:
    """Words that no rule has used and that may matter, as they were typed; all must be read of a plain question."""
    found = []
    for index, element in enumerate(page.elements):
        if plain and element.code in ("but", "only"):
            harmless = not _matters(page, index, entities)
        else:
            harmless = _harmless(page, index, entities) and not (plain and _matters(page, index, entities))
        if not element.used and not harmless:
            found.append(page.said(index, index + 1))
    return found


_ASKING = bag("list show display print return report check see find give get tell provide let need want like measure")
_ASKING_AFTER = bag(", and then please me us to . ? : ; you i we can could would let")


def _matters(page: Page, index: int, entities: frozenset[str]) -> bool:
    """Tell whether a word that is mostly harmless may say something in a question that stands alone."""
    code = page.elements[index].code
    before = page.elements[index - 1] if index else None
    if not any(character.isalnum() for character in code):
        return code in ("+", "*", "/", "&") or (code in ("-", "–", "—") and before is not None and before.used)
    root = stem(code)
    if root in entities or root in ENTITY_STEMS:
        return before is not None and before.code in HELD and root not in entities and not before.used
    if code in ("but", "only"):
        after = page.elements[index + 1] if index + 1 < len(page.elements) else None
        joined = before is not None and before.used
        return not (joined and (code == "only" or (after is not None and after.used)))
    if code == "overall":
        return before is not None and before.code in ("and", "versus", "vs", "with", ",")
    if code in ("number", "order", "years", "time", "over", "one", "no") or code in _TRAILING:
        return code in ("no", "one", "order")
    if code in _ASKING:
        return before is not None and not before.used and before.code not in _ASKING_AFTER
    if code in DONE:
        return index + 1 >= len(page.elements) or not page.elements[index + 1].code[:1].isalnum()
    return code not in HARMLESS_PLAIN


def _harmless(page: Page, index: int, entities: frozenset[str]) -> bool:
    element = page.elements[index]
    if re.fullmatch(r"[CVMOLKND]\d+", element.code):
        return False
    if not any(character.isalnum() for character in element.code):
        beside = page.elements[index - 1 : index] + page.elements[index + 1 : index + 2]
        if element.code == "/" and len(beside) == 2 and all(each.code[0] == "C" for each in beside):
            return False
        return element.code not in ("<", ">", "=", "%", "+", "*", "^")
    root = stem(element.code)
    if element.code in _TRAILING and index and page.elements[index - 1].used:
        return True
    after = page.elements[index + 1].code if index + 1 < len(page.elements) else ""
    if element.code == "over" and (
        after in ("years", "time") or (after and page.said(index + 1, index + 2).lower() in ("years", "time"))
    ):
        return True
    if element.code in HARMLESS or root in HARMLESS_STEMS or root in entities or root in ENTITY_STEMS:
        return True
    before = page.elements[index - 1] if index else None
    if before is None:
        return False
    follows_column = before.used or before.code[0] == "C"
    if follows_column and (
        element.code in PARTICIPLES
        or (element.code.endswith("ed") and len(element.code) > 4 and element.code not in DOING)
    ):
        return True
    return (element.code in UNITS and before.code in ("in", "of", "~", "per")) or (
        element.code in UNITS and before.used
    )
