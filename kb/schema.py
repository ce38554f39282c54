"""The catalogue's tables (SQLAlchemy Core): what is stored, in standard SQL types.

Documents hold the text once; a chunk is a span of it. Vectors are a cache under hash(model, embedded text).
`dense_removals` queues ids that Chroma still has to drop. Runs, decisions, jobs, datasets, readings and conversations
have their room here.
"""

from __future__ import annotations

from sqlalchemy import (
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()


def _child(table: str, *, index: bool = True, nullable: bool = False) -> Column[int]:
    name = {"sources": "source_id", "documents": "document_id"}.get(table, table.rstrip("s") + "_id")
    return Column(name, Integer, ForeignKey(f"{table}.id", ondelete="CASCADE"), index=index, nullable=nullable)


meta = Table("meta", metadata, Column("key", String, primary_key=True), Column("value", Text, nullable=False))

collections = Table(
    "collections",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String, unique=True, nullable=False),
)

roots = Table(
    "roots",
    metadata,
    Column("id", Integer, primary_key=True),
    _child("collections"),
    Column("uri", Text, nullable=False),
    UniqueConstraint("collection_id", "uri"),
)

sources = Table(
    "sources",
    metadata,
    Column("id", Integer, primary_key=True),
    _child("roots"),
    Column("source", Text, nullable=False),
    Column("kind", String, nullable=False),
    Column("hash", String, nullable=False),
    Column("version", String),
    Column("state", String, nullable=False, index=True),
    Column("reason", Text),
    Column("title", Text, nullable=False, default=""),
    Column("metadata", Text, nullable=False, default="{}"),
    Column("updated", Float, nullable=False),
    UniqueConstraint("root_id", "source"),
    sqlite_autoincrement=True,
)

documents = Table(
    "documents",
    metadata,
    Column("id", Integer, primary_key=True),
    _child("sources"),
    Column("kind", String, nullable=False),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("blocks", Text, nullable=False),
    Column("anchors", Text, nullable=False),
    Column("metadata", Text, nullable=False),
    sqlite_autoincrement=True,
)

chunks = Table(
    "chunks",
    metadata,
    Column("n", Integer, primary_key=True),
    Column("id", String(32), unique=True, nullable=False),
    _child("documents"),
    Column("place", Integer, nullable=False),
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    Column("headings", Text, nullable=False),
    Column("page", Integer),
    Column("cell", Integer),
    Column("code", Float, nullable=False, default=0),
    Column("vector_key", String(32), nullable=False, index=True),
    Column("heading_key", String(32), index=True),
    Column("dense", Integer, nullable=False, default=0),
    sqlite_autoincrement=True,
)
Index("chunks_not_dense", chunks.c.dense, chunks.c.n)

vectors = Table(
    "vectors",
    metadata,
    Column("key", String(32), primary_key=True),
    Column("vector", LargeBinary, nullable=False),
)

dense_removals = Table("dense_removals", metadata, Column("chunk_id", String(32), primary_key=True))

runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True),
    _child("sources"),
    Column("tracker", String, nullable=False),
    Column("experiment", Text, index=True),
    Column("run_id", Text, nullable=False, index=True),
    Column("copy", Integer, nullable=False, default=0),
    Column("name", Text),
    Column("status", String),
    Column("state", String, nullable=False, default="unknown", index=True),
    Column("dataset", Text),
    Column("started", Float),
    Column("ended", Float),
    Column("zoned", Integer, nullable=False, default=1),
    Column("parent", Text),
    Column("deleted", Integer, nullable=False, default=0),
    Column("loose", Integer, nullable=False, default=0),
    Column("main_source", Text, nullable=False),
    Column("place", Text, nullable=False, default=""),
    Column("step_unit", String, nullable=False, default="step"),
    Column("version", Text),
    Column("aliases", Text, nullable=False, default="[]"),
    Column("files", Text, nullable=False, default="[]"),
    UniqueConstraint("source_id", "experiment", "run_id", "copy"),
)
"""`source_id` is the history that was ingested; `main_source`, `files` and `place` are where in it the run stands."""

run_params = Table(
    "run_params",
    metadata,
    Column("id", Integer, primary_key=True),
    _child("runs"),
    Column("name", Text, nullable=False),
    Column("leaf", Text, nullable=False),
    Column("text", Text),
    Column("number", Float),
    Column("kind", String, nullable=False),
    Column("space", Text),
    UniqueConstraint("run_id", "name"),
)
"""`leaf` is the name's last dotted part in lower case; `text` the value as logged, `number` what it is as a number."""
Index("run_params_numbers", run_params.c.leaf, run_params.c.number)
run_params_texts = Index(
    "run_params_texts",
    *(run_params.c[name] for name in ("leaf", "text", "run_id", "name", "kind", "number")),
)
"""All that a question asks of a parameter's values, so that none of their rows is read."""

run_tags = Table(
    "run_tags",
    metadata,
    Column("id", Integer, primary_key=True),
    _child("runs"),
    Column("name", Text, nullable=False, index=True),
    Column("value", Text, nullable=False),
)

run_metrics = Table(
    "run_metrics",
    metadata,
    Column("id", Integer, primary_key=True),
    _child("runs"),
    Column("name", Text, nullable=False),
    Column("leaf", Text, nullable=False, index=True),
    Column("split", String),
    Column("direction", String),
    Column("count", Integer, nullable=False),
    Column("odd", Integer, nullable=False, default=0),
    Column("first", Float),
    Column("first_step", Integer),
    Column("last", Float),
    Column("last_step", Integer),
    Column("last_time", Float),
    Column("last_odd", String),
    Column("low", Float),
    Column("low_step", Integer),
    Column("high", Float),
    Column("high_step", Integer),
    UniqueConstraint("run_id", "name", "split"),
)
"""`last_odd` is nan, inf or -inf where the last value is no finite number and `last` therefore NULL."""
Index("run_metrics_last", run_metrics.c.name, run_metrics.c.last)

metric_points = Table(
    "metric_points",
    metadata,
    Column("metric_id", Integer, ForeignKey("run_metrics.id", ondelete="CASCADE"), primary_key=True),
    Column("points", LargeBinary, nullable=False),
)
"""All points of a metric in the order of their steps, packed by `kb.runs`."""

run_directions = Table(
    "run_directions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("experiment", Text),
    Column("metric", Text, nullable=False),
    Column("direction", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("corrected", Integer, nullable=False, default=0),
    UniqueConstraint("experiment", "metric"),
)

run_mentions = Table(
    "run_mentions",
    metadata,
    Column("id", Integer, primary_key=True),
    _child("runs"),
    _child("documents"),
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
)

run_vocabulary = Table(
    "run_vocabulary",
    metadata,
    Column("generation", String, primary_key=True),
    Column("code", Integer, nullable=False),
    Column("packed", LargeBinary, nullable=False),
)
"""All names that the runs logged, as `kb.run_vocabulary_kept` packs them; gone as soon as the generation moves."""

team_aliases = Table(
    "team_aliases",
    metadata,
    Column("word", Text, primary_key=True),
    Column("meaning", Text, nullable=False),
    Column("by", Text),
    Column("made", Float, nullable=False),
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("stage", String, nullable=False, index=True),
    Column("title", Text, nullable=False, default=""),
    Column("choice", Text, nullable=False),
    Column("status", String, nullable=False, default="current", index=True),
    Column("alternatives", Text, nullable=False, default="[]"),
    Column("reasons", Text, nullable=False, default="[]"),
    Column("runs", Text, nullable=False, default="[]"),
    Column("columns", Text, nullable=False, default="[]"),
    Column("by", Text),
    Column("made", Float, nullable=False),
    Column("dataset", String),
    Column("supersedes", Text, nullable=False, default="[]"),
    Column("source_id", Integer, ForeignKey("sources.id", ondelete="CASCADE"), index=True),
    Column("start", Integer),
    Column("end", Integer),
)
"""`source_id`, `start` and `end` say where a note records it; NULL for one recorded by hand or by the workflow."""

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("kind", String, nullable=False),
    Column("worker", String, nullable=False),
    Column("request", Text, nullable=False),
    Column("state", String, nullable=False, index=True),
    Column("stop", Integer, nullable=False, default=0),
    Column("attempt", Integer, nullable=False, default=1),
    Column("stage", Text, nullable=False, default=""),
    Column("done", Float, nullable=False, default=0),
    Column("total", Float),
    Column("log", Text, nullable=False, default=""),
    Column("result", Text),
    Column("created", Float, nullable=False, index=True),
    Column("queued", Float, nullable=False),
    Column("updated", Float, nullable=False),
    Column("heartbeat", Float, nullable=False),
    Column("pid", Integer),
)

datasets = Table(
    "datasets",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", Text, nullable=False),
    Column("path", Text, unique=True, nullable=False),
    Column("uploaded", Integer, nullable=False, default=0),
    Column("fingerprint", String),
    Column("corrections", Text, nullable=False, default="{}"),
    Column("rows", Integer),
    Column("columns", Integer),
    Column("notes", Text, nullable=False, default="[]"),
    Column("added", Float, nullable=False),
    Column("opened", Float),
)

readings = Table(
    "readings",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", Text, nullable=False),
    Column("dataset", String(32), nullable=False, index=True),
    Column("question", Text, nullable=False),
    Column("query", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("fingerprint", String, nullable=False),
    Column("saved", Float, nullable=False),
    Column("last_answer", Text),
    Column("last_fingerprint", String),
    Column("last_run", Float),
)

conversations = Table(
    "conversations",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("title", Text, nullable=False),
    Column("created", Float, nullable=False),
    Column("updated", Float, nullable=False, index=True),
)

turns = Table(
    "turns",
    metadata,
    Column("id", Integer, primary_key=True),
    Column(
        "conversation_id", String(32), ForeignKey("conversations.id", ondelete="CASCADE"), index=True, nullable=False
    ),
    Column("question", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("asked", Float, nullable=False),
)
