"""Why a choice was made: the decision that stands, its reasons quoted, the runs behind it, and what it replaced.

From the ledger, notes and runs together. Where nothing says why, it says so and then shows what the runs show.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from assistant.run_cite import main_metrics, value_claim
from assistant.why_runs import Shown, Written, notes_in_runs, shown_by_runs
from assistant.why_subject import Part, Subject, part, subject
from kb import decisions as ledger_store
from kb.decision_links import documents_of, runs_of
from kb.decision_notes import causal
from kb.decisions import Decision
from kb.knowledge import KnowledgeBase
from kb.ledger import Ledger
from kb.runs import RunRow
from kb.text import sentences
from kb.types import AnyCitation, Citation, Claim, DecisionCitation, Hit, SourceKey, Span, Verdict

SAID, WRITTEN = 0.5, 0.6
"""How much of a question a decision, and a sentence in a note or a run, must speak of."""
LEDGER_FIRST = 0.15
PASSAGES = 10
MOST_REASONS, MOST_RUNS, MOST_WRITTEN = 6, 5, 3
_TEAM_WORDS = frozenset(("we", "our", "us", "i", "team"))


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyDecision:
    """A decision as of now, with the runs and documents behind it; `unknown` are names that mean no run."""

    decision: Decision
    status: str
    superseded_by: str | None
    reasons: tuple[Claim, ...]
    runs: tuple[RunRow, ...]
    documents: tuple[SourceKey, ...]
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyAnswer:
    """The answer to a *why*: decisions (what stands first, then what it replaced), and claims that tell it.

    `abstained`: no reason was recorded; `claims` then tell what the runs show. `share` is how much of the question is
    spoken of by what was found.
    """

    question: str
    words: str
    abstained: bool
    decisions: tuple[WhyDecision, ...] = ()
    claims: tuple[Claim, ...] = ()
    runs: tuple[RunRow, ...] = ()
    missing: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    share: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Why:
    """Answers *why* from one knowledge base."""

    kb: KnowledgeBase

    def ask(self, question: str) -> WhyAnswer:
        """Return why something was chosen, or that no reason was recorded."""
        about = subject(question, self.kb.term_weights)
        known = ledger_store.ledger(self.kb.catalogue)
        hits = self.kb.search(question, k=PASSAGES).hits if about.words or about.numbers else ()
        chosen = _chosen(known, about)
        written = self._written(about, hits)
        noted = notes_in_runs(self.kb.catalogue, about)
        best_written = max((one.share for one in (*written, *noted)), default=0.0)
        if chosen and chosen[0][0] >= SAID and chosen[0][0] + LEDGER_FIRST >= best_written:
            return self._completed(self._decided(question, about, known, chosen), about, written, noted)
        if best_written >= WRITTEN:
            return self._told(question, about, written, noted)
        return self._unrecorded(question, about)

    # -- from the ledger -------------------------------------------------------------------------------------

    def _decided(
        self, question: str, about: Subject, known: Ledger, chosen: Sequence[tuple[float, Decision]]
    ) -> WhyAnswer:
        share, best = chosen[0]
        stands = known.standing(best) or ((best,) if known.status(best) in ("proposed", "rejected") else ())
        replaced = tuple(one for one in reversed(known.chain(best)) if one not in stands)
        shown = [self._shown(known, one) for one in (*stands, *replaced)]
        claims = [claim for one in shown[: len(stands) or 1] for claim in self._claims(known, one)]
        claims += [_replacement(known, one) for one in stands if known.replaced(one)]
        notes = [] if stands else ["what is recorded was superseded, and nothing that stands replaced it"]
        ids = {one.place for one in known.chain(best)}
        notes += [problem for problem in known.problems if any(place in problem for place in ids)]
        notes += [f"{name!r} is given as a run, and no one run is called so" for one in shown for name in one.unknown]
        return WhyAnswer(
            question=question,
            words="why: the decision that stands, its reasons and runs, and what it replaced",
            abstained=False,
            decisions=tuple(shown),
            claims=tuple(claims),
            runs=tuple(shown[0].runs) if shown else (),
            unread=_unread(about, [_parts(one.decision) for one in shown]),
            notes=tuple(dict.fromkeys(notes)),
            share=share,
        )

    def _completed(
        self, answer: WhyAnswer, about: Subject, written: Sequence[Written], noted: Sequence[Written]
    ) -> WhyAnswer:
        """Return an answer whose decision has no reason with what notes and runs say, else with what the runs show."""
        first = answer.decisions[0]
        if first.reasons:
            return answer
        told = tuple(one.claim for one in (*written, *noted) if one.share >= WRITTEN)
        if told:
            return replace(answer, claims=(*answer.claims, *told))
        shown = shown_by_runs(self.kb.catalogue, about)
        decision = first.decision
        current = decision.id if first.status == "current" else ""
        return replace(
            answer,
            abstained=True,
            claims=(*answer.claims, *shown.claims),
            runs=answer.runs or shown.runs,
            missing=("No reason was recorded with this decision.", *_evidence(shown)),
            suggestions=(_offer(decision.choice, decision.stage, current),),
        )

    def _shown(self, known: Ledger, decision: Decision) -> WhyDecision:
        text = self._text(decision)
        runs, unknown = runs_of(self.kb.catalogue, decision, text)
        after, status = known.superseded_by(decision), known.status(decision)
        documents = documents_of(self.kb.catalogue, text)
        own = (decision.key,) if decision.key else ()
        reasons = tuple(renewed for claim in decision.reasons if (renewed := self._checked(claim, status)) is not None)
        return WhyDecision(
            decision=decision,
            status=status,
            superseded_by=after[-1].id if after else None,
            reasons=reasons,
            runs=runs,
            documents=tuple(dict.fromkeys((*own, *documents))),
            unknown=unknown,
        )

    def _text(self, decision: Decision) -> str:
        said = " ".join((decision.choice, decision.title, *(claim.text for claim in decision.reasons)))
        if decision.key is None or decision.span is None:
            return said
        document = self.kb.catalogue.document(decision.key)
        return decision.span.of(document.text) if document else said

    def _checked(self, claim: Claim, status: str) -> Claim | None:
        """Return a reason whose every citation stands now, None otherwise."""
        cited: list[AnyCitation] = []
        for citation in claim.citations:
            if isinstance(citation, DecisionCitation):
                cited.append(replace(citation, status=status))
            elif isinstance(citation, Citation) and not self.kb.verify(citation):
                return None
            else:
                cited.append(citation)
        return replace(claim, citations=tuple(cited))

    def _claims(self, known: Ledger, shown: WhyDecision) -> Iterator[Claim]:
        decision = shown.decision
        cited = _cited(decision, shown.status)
        yield Claim(text=decision.choice, verdict=Verdict.QUOTED, citations=(cited,))
        yield from shown.reasons[:MOST_REASONS]
        metrics = main_metrics(shown.runs, self._text(decision))
        found = (value_claim(run, metrics) for run in shown.runs[:MOST_RUNS])
        yield from (claim for claim in found if claim is not None)

    # -- from notes and runs ---------------------------------------------------------------------------------

    def _written(self, about: Subject, hits: Sequence[Hit]) -> tuple[Written, ...]:
        """Return the sentences of found passages that give the team's reason for the subject, best first."""
        found = [one for hit in hits if not hit.kind.startswith("package") for one in self._in_passage(about, hit)]
        return tuple(sorted(found, key=lambda one: -one.share)[:MOST_WRITTEN])

    def _in_passage(self, about: Subject, hit: Hit) -> Iterator[Written]:
        spans = sentences(hit.text)
        headings = " ".join(path[-1] for path in hit.headings if path)
        for at, span in enumerate(spans):
            said = span.of(hit.text)
            before = spans[at - 1].of(hit.text) if at else ""
            if not causal(said) or not _of_team(said, before):
                continue
            share = about.share([part(1.0, said), part(0.6, before), (0.5, part(0.5, headings)[1], ())])
            claim = _quoted(hit, span.shift(hit.span.start), said)
            if share > 0 and all(self.kb.verify(one) for one in claim.passages):
                yield Written(claim=claim, share=share)

    def _told(self, question: str, about: Subject, written: Sequence[Written], noted: Sequence[Written]) -> WhyAnswer:
        best = max(one.share for one in (*written, *noted))
        near = [one for one in (*written, *noted) if one.share >= max(WRITTEN, best - 0.1)]
        runs = tuple(one.run for one in near if one.run is not None)
        claims = [one.claim for one in near]
        metrics = main_metrics(runs)
        claims += [claim for run in runs if (claim := value_claim(run, metrics)) is not None]
        return WhyAnswer(
            question=question,
            words="why: what notes and runs say; no decision is recorded in the ledger",
            abstained=False,
            claims=tuple(claims),
            runs=runs,
            unread=_unread(about, [[part(1.0, claim.text)] for claim in claims]),
            suggestions=(_offer(),),
            share=best,
        )

    def _unrecorded(self, question: str, about: Subject) -> WhyAnswer:
        shown = shown_by_runs(self.kb.catalogue, about) if about.words or about.numbers else None
        named = ", ".join(about.words) or "that"
        return WhyAnswer(
            question=question,
            words=f"why: {named}",
            abstained=True,
            claims=shown.claims if shown else (),
            runs=shown.runs if shown else (),
            missing=(f"No reason was recorded for {named}.", *_evidence(shown)),
            unread=tuple(word for word in about.words if shown is None or word not in shown.words),
            suggestions=(_offer(),),
        )


def _chosen(known: Ledger, about: Subject) -> list[tuple[float, Decision]]:
    """Return the decisions with how much of the subject they speak of, best first; of equals the newest."""
    scored = [(about.share(_parts(one)), at, one) for at, one in enumerate(known.decisions)]
    scored.sort(key=lambda row: (-row[0], known.status(row[2]) != "current", -row[1]))
    return [(share, one) for share, _, one in scored if share > 0]


def _parts(decision: Decision) -> list[Part]:
    reasons = (claim.text for claim in decision.reasons)
    return [
        part(1.0, decision.choice, decision.title, *decision.columns),
        part(0.9, *decision.runs),
        part(0.7, *decision.alternatives),
        part(0.6, *reasons),
    ]


def _unread(about: Subject, places: Sequence[Sequence[Part]]) -> tuple[str, ...]:
    """Return the words of the subject that nothing of what is shown speaks of."""
    parts = [one for place in places for one in place]
    return tuple(word for word in about.words if Subject(weights={word: 1.0}, numbers=()).share(parts) == 0)


def _of_team(said: str, before: str) -> bool:
    """Tell whether a sentence, or the one before it, speaks of what somebody of the team did."""
    words = {word.lower().strip(".,;:!?") for word in f"{before} {said}".split()}
    return bool(words & _TEAM_WORDS)


def _quoted(hit: Hit, span: Span, said: str) -> Claim:
    cited = Citation(
        key=hit.key, headings=hit.headings[0] if hit.headings else (), span=span, quote=said, page=hit.page
    )
    return Claim(text=said, verdict=Verdict.QUOTED, citations=(cited,))


def _replacement(known: Ledger, decision: Decision) -> Claim:
    olds = known.replaced(decision)
    said = "; ".join(f"“{old.choice}”" + (f" (of {day(old)})" if old.made else "") for old in olds)
    cited = tuple(_cited(old, known.status(old)) for old in olds)
    when = f"On {day(decision)} it" if decision.made else "It"
    return Claim(text=f"{when} replaced {said}.", verdict=Verdict.COMPUTED, citations=cited)


def _cited(decision: Decision, status: str) -> DecisionCitation:
    """Return the citation of what was chosen; that of a note names its collection and root, to be forgotten with it."""
    return DecisionCitation(
        decision_id=decision.id,
        status=status,
        source=decision.place,
        quote=decision.choice,
        collection=decision.key.collection if decision.key else "",
        root=decision.key.root if decision.key else "",
    )


def day(decision: Decision) -> str:
    """Return the day a decision was made, "" where no date is known."""
    return datetime.fromtimestamp(decision.made, UTC).date().isoformat() if decision.made else ""


def _evidence(shown: Shown | None) -> tuple[str, ...]:
    return ("What the runs show:",) if shown and shown.claims else ()


def _offer(choice: str = "", stage: str = "STAGE", supersedes: str = "") -> str:
    chosen = choice.replace('"', "'") or "WHAT WAS CHOSEN"
    more = f" --supersedes {supersedes[:8]}" if supersedes else ""
    return f'Record the reason: citewise decide --stage {stage} --choice "{chosen}" --because "WHY"{more}'


def why_json(answer: WhyAnswer) -> dict[str, Any]:
    """Return the object that `why` prints."""
    from assistant.wire import claim_json

    return {
        "question": answer.question,
        "abstained": answer.abstained,
        "decisions": [_decision_json(one) for one in answer.decisions],
        "claims": [claim_json(claim) for claim in answer.claims],
        "reading": {"words": answer.words, "unread": list(answer.unread)},
        "runs": [_run_json(run) for run in answer.runs],
        "missing": list(answer.missing),
        "suggestions": list(answer.suggestions),
        "notes": list(answer.notes),
    }


def _decision_json(shown: WhyDecision) -> dict[str, Any]:
    from assistant.wire import claim_json

    decision = shown.decision
    return {
        "id": decision.id,
        "stage": decision.stage,
        "title": decision.title,
        "choice": decision.choice,
        "status": shown.status,
        "superseded_by": shown.superseded_by,
        "date": day(decision) or None,
        "by": decision.by,
        "source": decision.place,
        "alternatives": list(decision.alternatives),
        "columns": list(decision.columns),
        "dataset": decision.dataset,
        "reasons": [claim_json(claim) for claim in shown.reasons],
        "runs": [_run_json(run) for run in shown.runs],
        "documents": [{"collection": k.collection, "root": k.root, "source": k.source} for k in shown.documents],
    }


def _run_json(run: RunRow) -> dict[str, Any]:
    return {"run_id": run.run_id, "source": run.main_source, "name": run.name}
