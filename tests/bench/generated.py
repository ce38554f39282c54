"""A generated base of any size: documents whose words fall as they do in real docstrings, and vectors near real ones.

Words are drawn by their frequency in the docstrings of the installed scikit-learn and pandas, with a topic's own words
mixed in. Embedding 100,000 passages takes half an hour, so a generated passage's vector is that of its document's
topic (by the real model) plus noise. Questions are embedded by the real model.
"""

from __future__ import annotations

import ast
import importlib.util
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ingest.loaders.build import DocumentBuilder
from ingest.split import FINGERPRINT, split
from kb.embed import Embedder, MiniLM
from kb.knowledge import KnowledgeBase, Progress
from kb.types import BlockKind, Document, SourceKey

TOPICS = 400
TOPIC_WORDS = 60
SECTIONS = 24
NOISE = 0.75
"""Length of the noise added to a topic's unit vector: passages of one topic have a cosine of about .64."""
TEMPLATES = (
    "How do I {} the {} of a {}?",
    "What does the {} parameter of {} do?",
    "Why is my {} slower with {} than with {}?",
    "{} {} {}",
    "Can {} be used together with {} when {} is missing?",
)
_WORD = re.compile(r"[A-Za-z][A-Za-z_]+[A-Za-z]")


@dataclass(frozen=True, kw_only=True)
class Language:
    """Words with their probabilities, and for each topic the words that are its own."""

    words: np.ndarray
    cumulative: np.ndarray
    topics: np.ndarray
    random: np.random.Generator

    @classmethod
    def learn(cls, packages: Sequence[str] = ("sklearn", "pandas"), seed: int = 0) -> Language:
        """Count the words of the packages' docstrings."""
        counts = Counter(word for package in packages for text in docstrings(package) for word in _WORD.findall(text))
        words, numbers = zip(*sorted(counts.items(), key=lambda item: (-item[1], item[0])), strict=True)
        random = np.random.default_rng(seed)
        # The commonest 300 words carry no topic.
        topics = np.stack([random.choice(np.arange(300, len(words)), TOPIC_WORDS, False) for _ in range(TOPICS)])
        share = np.cumsum(np.array(numbers, dtype=float))
        return cls(words=np.array(words), cumulative=share / share[-1], topics=topics, random=random)

    def draw(self, count: int, topic: int) -> list[str]:
        """Return `count` words, two in five of them the topic's own."""
        common = np.searchsorted(self.cumulative, self.random.random(count))
        own = self.topics[topic][np.minimum(self.random.zipf(1.4, count), TOPIC_WORDS) - 1]
        return list(self.words[np.where(self.random.random(count) < 0.4, own, common)])

    def name(self, topic: int, count: int) -> str:
        """Return a heading of `count` of the topic's words."""
        return " ".join(self.words[self.random.choice(self.topics[topic], count, False)])

    def prose(self, count: int, topic: int) -> str:
        """Return `count` words in sentences of 8 to 22."""
        drawn, at, sentences = self.draw(count, topic), 0, []
        while at < count:
            size = int(self.random.integers(8, 23))
            sentences.append(" ".join(drawn[at : at + size]).capitalize() + ".")
            at += size
        return " ".join(sentences)

    def question(self) -> str:
        """Return a question about some topic."""
        topic, template = int(self.random.integers(TOPICS)), TEMPLATES[int(self.random.integers(len(TEMPLATES)))]
        return template.format(*(self.name(topic, 1) for _ in range(template.count("{}"))))


def docstrings(package: str) -> Iterator[str]:
    """Yield the docstrings in the source files of an installed package."""
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.submodule_search_locations
    for path in sorted(Path(spec.submodule_search_locations[0]).rglob("*.py")):
        if "tests" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                yield ast.get_docstring(node) or ""


class TopicEmbedder:
    """Stands in for the built-in model while a generated base is made: the topic's real vector plus noise."""

    def __init__(self, language: Language, model: Embedder) -> None:
        self.fingerprint, self.dim = model.fingerprint, model.dim
        self._random = np.random.default_rng(1)
        self._centres = model.embed([" ".join(language.words[row[:40]]) for row in language.topics])
        self._topic_of = {word: number for number, row in enumerate(language.topics) for word in language.words[row]}

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Return a unit vector near the topic of each text's first line (its headings)."""
        noise = self._random.standard_normal((len(texts), self.dim)).astype(np.float32)
        noise *= NOISE / np.linalg.norm(noise, axis=1, keepdims=True)
        rows = self._centres[[self._topic(text) for text in texts]] + noise
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)

    def _topic(self, text: str) -> int:
        known = Counter(t for word in text.split("\n", 1)[0].split() if (t := self._topic_of.get(word)) is not None)
        return known.most_common(1)[0][0] if known else 0


def document(language: Language, topic: int) -> Document:
    """Return a document of `SECTIONS` sections on one topic."""
    builder = DocumentBuilder()
    builder.heading(language.name(topic, 3), 1)
    for number in range(SECTIONS):
        builder.heading(language.name(topic, int(language.random.integers(2, 5))), 3 if number % 4 else 2)
        builder.add(BlockKind.PARAGRAPH, language.prose(int(language.random.integers(70, 150)), topic))
    return builder.build("markdown", "")


def build(home: Path, chunks: int, *, progress: Progress) -> None:
    """Fill the home with at least `chunks` chunks: nine in ten in the collection `manual`, the rest in `notes`."""
    language = Language.learn()
    embedder = TopicEmbedder(language, MiniLM())
    with KnowledgeBase(home, embedder=embedder, splitter=FINGERPRINT) as kb:
        made = number = 0
        while made < chunks:
            made += _add(kb, language, number)
            number += 1
        kb.embed_waiting(progress)


def _add(kb: KnowledgeBase, language: Language, number: int) -> int:
    topic = int(language.random.integers(TOPICS))
    collection = "notes" if number % 10 == 9 else "manual"
    key = SourceKey(collection=collection, root="generated", source=f"area-{topic % 100:02}/page-{number:05}.md")
    made = document(language, topic)
    pieces = split(made, key)
    kb.add(key, made, pieces, hash=str(number))
    return len(pieces)
