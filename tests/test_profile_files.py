"""Profiles of real files through the reader of tables: small, read where it lies, and those of the shared data."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from profiles import check, people

from assistant.dataset.profile import profile, questions
from kb.tables import open_table

SHARED = Path(os.environ.get("CITEWISE_SHARED_DATA") or Path(__file__).parent.parent.parent / "shared" / "data")
FILES = sorted((SHARED / "tables").glob("*.csv"))


def test_a_csv_file_is_profiled_as_its_frame(tmp_path: Path) -> None:
    people().to_csv(tmp_path / "people.csv", index=False)
    table = open_table(tmp_path / "people.csv")
    found = profile(table)
    assert (found.name, found.fingerprint, found.rows) == ("people.csv", table.fingerprint, 407)
    assert found.target == "target"
    check(found, table.frame)


def test_a_file_read_where_it_lies_has_exact_counts(tmp_path: Path) -> None:
    frame = people(3000)
    frame.to_csv(tmp_path / "people.csv", index=False)
    found = profile(open_table(tmp_path / "people.csv", large_from=1))
    assert found.rows == len(frame)
    missing = {column.name: column.missing for column in found.columns}
    assert missing["age_years"] == frame["age_years"].isna().sum()


@pytest.mark.shared_data
@pytest.mark.skipif(not FILES, reason="the shared tables are not here")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_fact_of_a_real_table_holds(path: Path) -> None:
    table = open_table(path)
    found = profile(table)
    check(found, table.frame)
    assert questions(found)
