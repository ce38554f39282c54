"""A table file is read as it stands: its layout detected and told, its values those that pandas reads."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from kb.tables import open_table

CLEAN = pd.DataFrame(
    {
        "id": [1, 2, 3, 4],
        "size": [1.5, None, 3.25, 1e-7],
        "name": ["a", "b, with comma", None, 'with "quotes"\nand a line'],
        "flag": [True, False, True, True],
    }
)


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "csv.bz2", "csv.xz", "csv.zip"])
def test_a_clean_csv_reads_as_pandas_reads_it_packed_or_not(tmp_path: Path, ending: str) -> None:
    CLEAN.to_csv(tmp_path / f"t.{ending}", index=False)
    table = open_table(tmp_path / f"t.{ending}")
    pd.testing.assert_frame_equal(table.frame, pd.read_csv(tmp_path / f"t.{ending}"), check_exact=True)
    assert (table.rows, table.columns, table.notes) == (4, ("id", "size", "name", "flag"), ())
