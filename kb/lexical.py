"""Finding by words: a BM25 index (SQLite FTS5) in the catalogue's own file and transaction.

The only module with SQL that belongs to SQLite. Text goes in as terms (`kb.text.terms`), so an identifier is found
whole and by its parts; FTS5's Porter stemmer folds endings.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, text

from kb.text import terms

_COLUMNS = ("place", "headings", "body")
_CHUNKS_OF = "SELECT c.n FROM chunks c JOIN documents d ON d.id = c.document_id WHERE d.source_id IN ({})"


def create(conn: Connection) -> None:
    """Create the empty index where there is none."""
    conn.execute(
        text(
            "CREATE VIRTUAL TABLE IF NOT EXISTS lexical USING fts5("
            "place, headings, body, tokenize = 'porter unicode61 remove_diacritics 2')"
        )
    )
    conn.execute(text("CREATE VIRTUAL TABLE IF NOT EXISTS lexical_terms USING fts5vocab('lexical', 'row')"))


def drop(conn: Connection) -> None:
    """Remove the index with everything in it."""
    conn.execute(text("DROP TABLE IF EXISTS lexical_terms"))
    conn.execute(text("DROP TABLE IF EXISTS lexical"))


def add(conn: Connection, rows: Iterable[tuple[int, str, str, str]]) -> None:
    """Index rows of (chunk number, place, headings, body)."""
    values = [
        {"n": n, "place": _join(place), "headings": _join(headings), "body": _join(body)}
        for n, place, headings, body in rows
    ]
    if values:
        insert = "INSERT INTO lexical(rowid, place, headings, body) VALUES (:n, :place, :headings, :body)"
        conn.execute(text(insert), values)


def remove(conn: Connection, numbers: Sequence[int]) -> None:
    """Remove chunks by number; unknown numbers are no error."""
    if numbers:
        conn.execute(text("DELETE FROM lexical WHERE rowid = :n"), [{"n": n} for n in numbers])


def purge(conn: Connection) -> None:
    """Rewrite the index so that no removed term stays behind in the file's index pages."""
    conn.execute(text("INSERT INTO lexical(lexical) VALUES ('optimize')"))


def search(
    conn: Connection,
    query: Sequence[str],
    *,
    limit: int,
    weights: tuple[float, float, float],
    sources: Sequence[int] | None = None,
) -> list[tuple[int, float]]:
    """Return (chunk number, BM25 score) of the best `limit` chunks that hold any term of `query`, best first.

    `weights` are those of place (the words of the source's name), headings and body; with `sources`, only chunks of
    these sources are looked at.
    """
    only = "" if sources is None else f"AND +rowid IN ({_CHUNKS_OF.format(_listed(sources))})"
    return _ranked(conn, query, weights, f"{only} ORDER BY score, rowid LIMIT {int(limit)}")


def scores(
    conn: Connection, query: Sequence[str], numbers: Sequence[int], *, weights: tuple[float, float, float]
) -> dict[int, float]:
    """Return the BM25 scores of those of the chunks `numbers` that hold any term of `query`."""
    return dict(_ranked(conn, query, weights, f"AND +rowid IN ({_listed(numbers)})")) if numbers else {}


def _ranked(
    conn: Connection, query: Sequence[str], weights: tuple[float, float, float], rest: str
) -> list[tuple[int, float]]:
    if not query:
        return []
    match = " OR ".join(f'"{term}"' for term in dict.fromkeys(query))
    ranked = text(
        f"SELECT rowid, bm25(lexical, :place, :headings, :body) AS score FROM lexical WHERE lexical MATCH :match {rest}"
    )
    rows = conn.execute(ranked, {"match": match, **dict(zip(_COLUMNS, weights, strict=True))})
    return [(int(n), -float(score)) for n, score in rows]


def holding(conn: Connection, phrase: Sequence[str], numbers: Sequence[int]) -> set[int]:
    """Return which of the chunks `numbers` hold all the terms of `phrase`."""
    match = " AND ".join(f'"{term}"' for term in dict.fromkeys(phrase))
    found = text(f"SELECT rowid FROM lexical WHERE lexical MATCH :match AND +rowid IN ({_listed(numbers)})")
    return {int(n) for (n,) in conn.execute(found, {"match": match})}


def document_frequency(conn: Connection, query: Iterable[str]) -> dict[str, int]:
    """Return in how many chunks each term occurs, after stemming, in any field."""
    count = text("SELECT count(*) FROM lexical WHERE lexical MATCH :match")
    return {term: int(conn.execute(count, {"match": f'"{term}"'}).scalar_one()) for term in dict.fromkeys(query)}


def size(conn: Connection) -> int:
    """Return the number of chunks in the index."""
    return int(conn.execute(text("SELECT count(*) FROM lexical_docsize")).scalar_one())


def numbers(conn: Connection) -> set[int]:
    """Return the numbers of all chunks in the index."""
    return {int(n) for (n,) in conn.execute(text("SELECT rowid FROM lexical"))}


def _join(value: str) -> str:
    return " ".join(terms(value))


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(str(int(number)) for number in numbers)
