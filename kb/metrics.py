"""Figures of merit for rankings, answers and confidences, as the literature defines them; higher is better.

A ranking is a sequence of ids, best first.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence


def recall_at_k(relevant: Collection[Hashable], ranking: Sequence[Hashable], k: int) -> float:
    """Return the share of `relevant` among the first `k` (Manning et al. 2008, eq. 8.2); 0 where nothing is."""
    wanted = set(relevant)
    return len(wanted & set(ranking[:k])) / len(wanted) if wanted else 0.0


def ndcg_at_k(gains: Mapping[Hashable, float], ranking: Sequence[Hashable], k: int) -> float:
    """Return the normalised discounted cumulative gain: Σ gain / log2(rank + 1), over that of the best order.

    Järvelin & Kekäläinen 2002 with linear gains; ids without a gain count 0, a repeated id counts once.
    """
    best = _dcg(sorted(gains.values(), reverse=True)[:k])
    seen = list(dict.fromkeys(ranking[:k]))
    return _dcg([gains.get(id, 0.0) for id in seen]) / best if best > 0 else 0.0


def _dcg(gains: Iterable[float]) -> float:
    return math.fsum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, 1))


def reciprocal_rank(hits: Iterable[bool], k: int | None = None) -> float:
    """Return 1 / rank of the first True among the first `k`, 0 where there is none."""
    for rank, hit in enumerate(hits, 1):
        if k is not None and rank > k:
            break
        if hit:
            return 1.0 / rank
    return 0.0


def mrr(rankings: Iterable[Iterable[bool]], k: int | None = None) -> float:
    """Return the mean reciprocal rank over several rankings (Voorhees 1999)."""
    return mean([reciprocal_rank(hits, k) for hits in rankings])


def auroc(labels: Sequence[bool], scores: Sequence[float]) -> float | None:
    """Return the probability that a positive scores above a negative, ties counting half; None with one class only.

    The Mann-Whitney statistic over its largest value (Hanley & McNeil 1982), by mean ranks.
    """
    positives, negatives = sum(labels), len(labels) - sum(labels)
    if not positives or not negatives:
        return None
    ranks = _mean_ranks(scores)
    total = math.fsum(rank for rank, label in zip(ranks, labels, strict=True) if label)
    return (total - positives * (positives + 1) / 2) / (positives * negatives)


def _mean_ranks(scores: Sequence[float]) -> list[float]:
    """Return the rank of each score from 1, equal scores sharing the mean of their ranks."""
    order = sorted(range(len(scores)), key=scores.__getitem__)
    ranks, at = [0.0] * len(scores), 0
    while at < len(order):
        end = at
        while end < len(order) and scores[order[end]] == scores[order[at]]:
            end += 1
        for i in order[at:end]:
            ranks[i] = (at + 1 + end) / 2
        at = end
    return ranks


def mean(values: Sequence[float]) -> float:
    """Return the arithmetic mean, 0 for nothing."""
    return math.fsum(values) / len(values) if values else 0.0


def percentile(values: Sequence[float], q: float) -> float:
    """Return the `q`-th percentile (0…100), linear between neighbours (Hyndman & Fan 1996, type 7); 0 for nothing."""
    if not values:
        return 0.0
    ordered = sorted(values)
    place = (len(ordered) - 1) * q / 100
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def quote_within_words(quote: str, passages: Iterable[tuple[bool, str]], width: int) -> bool:
    """Tell whether `quote` stands whole in a passage from the right file, within the first `width` words.

    `passages` are (from the right file, text) in ranked order, laid end to end; words are what white space parts. Chunk
    size makes no difference: a passage that crosses the limit counts with the words before it.
    """
    wanted, left = f" {comparable(quote)} ", width
    if not wanted.strip():
        return False
    for right, text in passages:
        if left <= 0:
            return False
        starts = [word.end() for word in _WORD.finditer(text)]
        if right and wanted in f" {comparable(text[: starts[left - 1]] if len(starts) > left else text)} ":
            return True
        left -= len(starts)
    return False


_WORD = re.compile(r"\S+")
_LETTERS = re.compile(r"[^a-z0-9]+")
_ROLE = re.compile(r"(?<![\w:]):[A-Za-z][\w.+-]*(?::[A-Za-z][\w.+-]*)*:`([^`]+)`")
_REFERENCE = re.compile(r"(?<!`)`([^`\n]+(?:\n[^`\n]+)?)`__?(?!\w)")
_TARGET = re.compile(r"^(.+?)\s*<[^<>]*>$", re.DOTALL)
_LINK = re.compile(r"!?\[([^\[\]]*)\](?:\([^()\s]*(?:\s+\"[^\"]*\")?\)|\[[^\[\]]*\])")
_TAG = re.compile(r"</?[a-zA-Z][a-zA-Z0-9-]*(?:\s+[a-zA-Z:-]+\s*=\s*(?:\"[^\"]*\"|'[^']*'))*\s*/?>")
_DIRECTIVE = re.compile(r"^[ \t]*\.\.[ \t]+[\w-]+::", re.MULTILINE)


def comparable(text: str) -> str:
    """Return `text` without markup, lower-cased, every run of other characters than a–z and 0–9 as one space.

    Roles, references, links and tags give their display text, so that a source file and what is read from it compare
    equal.
    """
    for pattern in (_ROLE, _REFERENCE):
        text = pattern.sub(_display, text)
    text = _TAG.sub(" ", _LINK.sub(r"\1", _DIRECTIVE.sub(" ", text)))
    return _LETTERS.sub(" ", text.lower()).strip()


def _display(match: re.Match[str]) -> str:
    """Return what a role or reference shows: `title <target>` its title, `~a.b.c` its last part."""
    inner = match.group(1).strip()
    titled = _TARGET.match(inner)
    if titled:
        return titled.group(1)
    return inner.rsplit(".", 1)[-1] if inner.startswith("~") else inner.removeprefix("!")
