"""A table file is read as it stands: its layout detected, told and correctable, its values those that pandas reads."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.errors import BadInput, TableTooLarge, TableUnreadable
from kb.tables import Table, layout_json, layout_of, open_table

CLEAN = pd.DataFrame(
    {
        "id": [1, 2, 3, 4],
        "size": [1.5, None, 3.25, 1e-7],
        "name": ["a", "b, with comma", None, 'with "quotes"\nand a line'],
        "flag": [True, False, True, True],
    }
)


def opened(folder: Path, text: str | bytes, name: str = "t.csv", **options: Any) -> Table:
    """Write a file and open it."""
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return open_table(folder / name, **options)


def said(table: Table, *words: str) -> bool:
    """Tell whether one note holds all the words."""
    return any(all(word in note for word in words) for note in table.notes)


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "csv.bz2", "csv.xz", "csv.zip"])
def test_a_clean_csv_reads_as_pandas_reads_it_packed_or_not(tmp_path: Path, ending: str) -> None:
    CLEAN.to_csv(tmp_path / f"t.{ending}", index=False)
    table = open_table(tmp_path / f"t.{ending}")
    pd.testing.assert_frame_equal(table.frame, pd.read_csv(tmp_path / f"t.{ending}"), check_exact=True)
    assert (table.rows, table.columns, table.notes) == (4, ("id", "size", "name", "flag"), ())


def test_a_zstd_file_is_unpacked(tmp_path: Path) -> None:
    with pa.CompressedOutputStream(str(tmp_path / "t.csv.zst"), "zstd") as written:
        written.write(b"a,b\n1,x\n")
    table = open_table(tmp_path / "t.csv.zst")
    assert (table.layout.compression, table.frame.to_numpy().tolist()) == ("zstd", [[1, "x"]])


@pytest.mark.parametrize("ending", ["parquet", "xlsx", "jsonl", "json"])
def test_other_formats_give_the_same_frame(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"t.{ending}"
    write = {
        "parquet": lambda: CLEAN.to_parquet(path),
        "xlsx": lambda: CLEAN.to_excel(path, index=False),
        "jsonl": lambda: CLEAN.to_json(path, orient="records", lines=True, double_precision=15),
        "json": lambda: CLEAN.to_json(path, orient="records", double_precision=15),
    }
    write[ending]()
    pd.testing.assert_frame_equal(open_table(path).frame, CLEAN, check_exact=True, check_dtype=False)


values = st.one_of(
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False),
    st.sampled_from(["a", "x y", "", "NA", "é", "🙂", "1x", "true"]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(values, st.floats(allow_nan=False), st.integers(-9, 9)), min_size=1, max_size=20))
def test_any_values_written_by_pandas_are_read_as_pandas_reads_them(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[Any, float, int]]
) -> None:
    path = tmp_path_factory.mktemp("t") / "t.csv"
    pd.DataFrame(rows, columns=["a", "b", "c"]).to_csv(path, index=False)
    pd.testing.assert_frame_equal(open_table(path).frame, pd.read_csv(path), check_exact=True)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^", "~", "\x01", " "])
def test_any_usual_delimiter_is_detected(tmp_path: Path, delimiter: str) -> None:
    lines = [("name", "size", "n"), ("ab", "1.5", "3"), ("cd", "2.5", "4")]
    table = opened(tmp_path, "\n".join(delimiter.join(line) for line in lines), "t.txt")
    assert (table.layout.delimiter, table.frame["size"].tolist()) == (delimiter, [1.5, 2.5])


def test_a_decimal_comma_and_thousands_are_read_and_told(tmp_path: Path) -> None:
    table = opened(tmp_path, "a;b;c\n1,5;1.234,50;x\n2,25;12,00;y\n")
    assert table.frame[["a", "b"]].to_numpy().tolist() == [[1.5, 1234.5], [2.25, 12.0]]
    assert (table.layout.decimal, table.layout.thousands) == (",", ".")
    assert said(table, "'b'", "decimal sign ','", "thousands sign '.'")


def test_thousands_in_quotes_are_numbers(tmp_path: Path) -> None:
    assert opened(tmp_path, 'a,b\n"1,234",x\n"12,345,678",y\n7,z\n').frame["a"].tolist() == [1234, 12345678, 7]


def test_one_group_of_three_digits_leaves_the_sign_open_and_says_so(tmp_path: Path) -> None:
    table = opened(tmp_path, 'a,b\n"1,234",x\n"2,345",y\n')
    assert table.frame["a"].tolist() == [1234, 2345]
    assert said(table, "could also be read the other way")
    again = open_table(table.path, corrections={"decimal": ","})
    assert again.frame["a"].tolist() == [1.234, 2.345]


@pytest.mark.parametrize(
    ("texts", "written", "first"),
    [
        (("2020-01-05", "2020-02-06"), "%Y-%m-%d", "2020-01-05"),
        (("25/01/2020", "02/03/2020"), "%d/%m/%Y", "2020-01-25"),
        (("01/25/2020", "02/03/2020"), "%m/%d/%Y", "2020-01-25"),
        (("05.01.2020", "25.02.2020"), "%d.%m.%Y", "2020-01-05"),
        (("5 Jan 2020", "26 Feb 2020"), "%d %b %Y", "2020-01-05"),
        (("January 5, 2020", "May 6, 2020"), "%B %d, %Y", "2020-01-05"),
        (("05-Jan-20", "26-Feb-20"), "%d-%b-%y", "2020-01-05"),
        (("1/25/20 1:05 PM", "2/3/20 12:00 AM"), "%m/%d/%y %I:%M %p", "2020-01-25 13:05"),
        (("2020-01-05T10:00:00+02:00", "2020-01-05T10:00:00Z"), "%Y-%m-%dT%H:%M:%S%z", "2020-01-05 08:00"),
        (("2020-01", "2020-02"), "%Y-%m", "2020-01-01"),
    ],
)
def test_dates_are_read_by_the_format_that_all_values_have(
    tmp_path: Path, texts: tuple[str, ...], written: str, first: str
) -> None:
    table = opened(tmp_path, "d;n\n" + "".join(f"{text};1\n" for text in texts))
    assert table.layout.dates == {"d": written}
    assert table.frame["d"].iloc[0] == pd.Timestamp(first)


def test_dates_of_five_formats_are_read_and_told(tmp_path: Path) -> None:
    texts = ("2020-01-05", "25/01/2020", "Jan 7, 2020", "8 Feb 2020", "2020/03/25")
    table = opened(tmp_path, "d;n\n" + "".join(f"{text};1\n" for text in texts))
    assert table.layout.dates == {"d": "mixed"}
    assert said(table, "'d'", "dates in 5 formats")
    days = ["2020-01-05", "2020-01-25", "2020-01-07", "2020-02-08", "2020-03-25"]
    assert table.frame["d"].dt.strftime("%Y-%m-%d").tolist() == days


def test_a_date_that_could_be_two_is_told_and_correctable(tmp_path: Path) -> None:
    table = opened(tmp_path, "d,n\n01/02/2020,1\n03/04/2020,2\n")
    assert said(table, "'d'", "could be day/month or month/day")
    again = open_table(table.path, corrections={"dates": {"d": "%d/%m/%Y"}})
    assert (table.frame["d"].dt.month.tolist(), again.frame["d"].dt.month.tolist()) == ([1, 3], [2, 4])


def test_another_column_of_dates_decides_which_number_is_the_day(tmp_path: Path) -> None:
    table = opened(tmp_path, "d,e\n01/02/2020,13.02.2020\n03/04/2020,01.02.2020\n")
    assert table.layout.dates == {"d": "%d/%m/%Y", "e": "%d.%m.%Y"}


def test_years_and_versions_are_no_dates(tmp_path: Path) -> None:
    table = opened(tmp_path, "year,version,range\n2019,3.1.12,1-2\n2020,3.2.1,3-4\n")
    assert (table.dtypes["year"], table.layout.dates) == ("int64", {})
    assert table.frame["version"].tolist() == ["3.1.12", "3.2.1"]


def test_tokens_among_numbers_are_missing_and_told_and_words_of_text_are_kept(tmp_path: Path) -> None:
    table = opened(tmp_path, "a,b\n1,x\n?,none\n3,z\nn.a.,?\n")
    assert table.frame["a"].isna().tolist() == [False, True, False, True]
    assert table.frame["b"].dropna().tolist() == ["x", "none", "z"]
    assert set(table.layout.missing) == {"?", "n.a."}
    assert said(table, "'b'", "'none'", "were kept")


def test_999_is_told_and_never_replaced(tmp_path: Path) -> None:
    table = opened(tmp_path, "a\n1\n2\n-999\n3\n-999\n")
    assert said(table, "-999", "may stand for a missing value")
    assert table.frame["a"].min() == -999
    corrected = open_table(table.path, corrections={"missing": ["-999"]})
    assert corrected.frame["a"].isna().sum() == 2


def test_a_title_and_comments_above_the_header_are_left_out_and_told(tmp_path: Path) -> None:
    title = opened(tmp_path, "Report of sales\n2020\n\nname,size,n\na,1.5,2\nb,2.5,3\n")
    comments = opened(tmp_path, "# made by hand\nid,v\n1,2\n3,4\n")
    assert (title.columns, title.layout.skip, comments.columns) == (("name", "size", "n"), 3, ("id", "v"))
    assert said(title, "Report of sales")
    assert said(comments, "made by hand")


def test_a_header_that_begins_with_a_hash_is_a_header(tmp_path: Path) -> None:
    assert opened(tmp_path, "#id,v\n1,2\n3,4\n").columns == ("#id", "v")


def test_rows_without_a_header_are_all_rows(tmp_path: Path) -> None:
    table = opened(tmp_path, "5.1,3.5,a\n4.9,3.0,b\n6,7,c\n")
    assert (table.rows, table.columns, table.layout.header) == (3, ("column_1", "column_2", "column_3"), False)
    assert open_table(table.path, corrections={"header": True}).columns == ("5.1", "3.5", "a")


@pytest.mark.parametrize("header", ["country,2019,2020,2021", "0,1,2,3", "a,b,c,d"])
def test_years_and_counts_can_be_names(tmp_path: Path, header: str) -> None:
    assert opened(tmp_path, f"{header}\n7,1,2,3\n8,2,3,4\n").columns == tuple(header.split(","))


def test_a_row_of_units_is_told_and_kept(tmp_path: Path) -> None:
    table = opened(tmp_path, "t,v\ns,km/h\n1,2\n3,4\n5,6\n")
    assert (table.rows, said(table, "units")) == (4, True)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "windows-1252"])
def test_encodings_are_detected(tmp_path: Path, encoding: str) -> None:
    table = opened(tmp_path, "name,größe\nMüller,1\nSøren,2\n".encode(encoding))
    assert (table.columns, table.frame["name"].tolist()) == (("name", "größe"), ["Müller", "Søren"])


def test_a_type_set_by_a_person_wins_and_what_does_not_fit_is_counted(tmp_path: Path) -> None:
    table = opened(tmp_path, "zip,n\n00123,1\n04567,oops\n", corrections={"types": {"zip": "text", "n": "number"}})
    assert table.frame["zip"].tolist() == ["00123", "04567"]
    assert table.frame["n"].isna().tolist() == [False, True]
    assert said(table, "'n'", "1 values are no numbers")


def test_leading_zeros_and_nearly_numbers_are_told(tmp_path: Path) -> None:
    table = opened(tmp_path, "zip,m\n" + "".join(f"0{at},{at}\n" for at in range(30)) + "7,abc\n")
    assert said(table, "'zip'", "leading zeros")
    assert said(table, "'m'", "mostly numbers", "'abc'")


def test_whole_numbers_too_long_for_a_float_stay_exact(tmp_path: Path) -> None:
    table = opened(tmp_path, "id,gap\n12345678901234567890,9007199254740993\n12345678901234567891,\n")
    assert table.frame["id"].tolist() == ["12345678901234567890", "12345678901234567891"]
    assert table.frame["gap"].iloc[0] == 9007199254740993


def test_a_layout_survives_json(tmp_path: Path) -> None:
    table = opened(tmp_path, "a;d\n1,5;25.01.2020\n2,5;02.02.2020\n")
    data = json.loads(json.dumps(layout_json(table.layout)))
    assert layout_of(data) == table.layout
    pd.testing.assert_frame_equal(open_table(table.path, corrections=data).frame, table.frame)


@pytest.mark.parametrize(
    "wrong",
    [
        *({"colour": 1}, {"delimiter": ""}, {"delimiter": ",,"}, {"header": "yes"}, {"skip": -1}, {"decimal": "x"}),
        *({"encoding": "klingon"}, {"types": {"a": "thing"}}, {"dates": {"a": "d/m/y"}}, {"missing": "?"}),
    ],
)
def test_a_correction_that_cannot_be_is_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        opened(tmp_path, "a,b\n1,2\n", corrections=wrong)


def test_the_fingerprint_follows_the_content_and_not_the_name(tmp_path: Path) -> None:
    first, second = opened(tmp_path, "a\n1\n", "x.csv"), opened(tmp_path, "a\n1\n", "y.csv")
    other = opened(tmp_path, "a\n2\n", "x.csv")
    assert first.fingerprint == second.fingerprint != other.fingerprint
    assert (first.name, open_table(tmp_path / "y.csv", name="z").name) == ("x.csv", "z")


@pytest.fixture(scope="module")
def long_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a CSV of 60,000 rows."""
    random = np.random.default_rng(3)
    n = 60_000
    frame = pd.DataFrame(
        {
            "n": random.integers(0, 99, n),
            "x": random.normal(size=n).round(4),
            "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(random.integers(0, 900, n), unit="D"),
            "kind": random.choice(["red", "green", "?"], n),
        }
    )
    frame.loc[::7, "x"] = np.nan
    path = tmp_path_factory.mktemp("long") / "long.csv"
    frame.to_csv(path, index=False)
    return path


def test_a_large_file_has_the_rows_types_and_values_that_a_small_one_would(long_file: Path) -> None:
    small, large = open_table(long_file), open_table(long_file, large_from=1000)
    assert (small.large, large.large) == (False, True)
    assert (large.rows, large.columns, dict(large.dtypes)) == (small.rows, small.columns, dict(small.dtypes))
    with large.duck() as duck:
        pd.testing.assert_frame_equal(duck.execute("SELECT * FROM data").df(), small.frame, check_dtype=False)


@pytest.mark.parametrize("large_from", [1000, 1 << 30])
def test_a_table_can_be_sent_to_another_process(long_file: Path, large_from: int) -> None:
    table = open_table(long_file, large_from=large_from)
    again = pickle.loads(pickle.dumps(table))
    assert again == table
    assert again.sample(10).equals(table.sample(10))


def test_the_frame_of_a_large_file_is_refused_with_what_to_do(long_file: Path) -> None:
    with pytest.raises(TableTooLarge, match="60,000 rows") as raised:
        _ = open_table(long_file, large_from=1000).frame
    assert "duck()" in raised.value.hint


@pytest.mark.parametrize("large_from", [1000, 1 << 30])
def test_a_sample_is_the_same_each_time_and_from_all_over_the_file(long_file: Path, large_from: int) -> None:
    table = open_table(long_file, large_from=large_from)
    sample = table.sample(5000)
    pd.testing.assert_frame_equal(sample, open_table(long_file, large_from=large_from).sample(5000))
    assert len(sample) == 5000
    assert abs(sample["n"].mean() - open_table(long_file).frame["n"].mean()) < 2


@pytest.mark.parametrize("ending", ["parquet", "jsonl", "json", "csv.gz"])
def test_large_files_of_other_formats_agree_with_their_frames(long_file: Path, tmp_path: Path, ending: str) -> None:
    frame, path = open_table(long_file).frame, tmp_path / f"t.{ending}"
    if ending == "parquet":
        frame.to_parquet(path)
    elif ending == "csv.gz":
        frame.to_csv(path, index=False)
    else:
        frame.to_json(path, orient="records", lines=ending == "jsonl", date_format="iso", double_precision=15)
    large, small = open_table(path, large_from=1000), open_table(path)
    assert (large.large, large.rows, large.columns) == (True, small.rows, small.columns)
    with large.duck() as duck:
        found = duck.execute("SELECT * FROM data").df()
    pd.testing.assert_frame_equal(found, small.frame, check_dtype=False)
    assert large.sample(100).equals(large.sample(100))


def test_a_small_table_can_be_asked_through_duckdb_too(tmp_path: Path) -> None:
    with opened(tmp_path, "a,b\n1,x\n2,y\n").duck() as duck:
        assert duck.execute("SELECT sum(a) FROM data").fetchall() == [(3,)]


def test_a_value_that_does_not_fit_a_large_column_is_named_or_missing_if_a_person_says_so(tmp_path: Path) -> None:
    rows = "".join(f"{at},1\n" for at in range(3000))
    path = opened(tmp_path, "a,b\n" + rows).path
    table = open_table(path, large_from=1000)
    path.write_text("a,b\n" + rows.replace("1500,1", "oops,1"))
    with table.duck() as duck, pytest.raises(Exception, match="oops"):
        duck.execute("SELECT avg(a) FROM data").fetchall()
    forced = open_table(path, large_from=1000, corrections={"types": {"a": "number"}})
    with forced.duck() as duck:
        assert duck.execute("SELECT count(a), count(*) FROM data").fetchall() == [(2999, 3000)]


def test_a_sheet_is_chosen_and_the_sheets_are_told(tmp_path: Path) -> None:
    with pd.ExcelWriter(tmp_path / "t.xlsx") as book:
        pd.DataFrame({"a": [1]}).to_excel(book, sheet_name="one", index=False)
        pd.DataFrame({"b": [2]}).to_excel(book, sheet_name="two", index=False)
    first = open_table(tmp_path / "t.xlsx")
    second = open_table(tmp_path / "t.xlsx", corrections={"sheet": "two"})
    assert (first.columns, second.columns, said(first, "'one', 'two'")) == (("a",), ("b",), True)
    with pytest.raises(TableUnreadable, match="no sheet 'three'"):
        open_table(tmp_path / "t.xlsx", corrections={"sheet": "three"})


def test_a_column_that_is_numbers_at_first_only_is_read_in_full(tmp_path: Path) -> None:
    lines = [f"{at},{at},0{at}" for at in range(100_000)]
    lines[90_000] = "1.5,many,7"
    table = opened(tmp_path, "a,b,zip\n" + "\n".join(lines) + "\n")
    pd.testing.assert_frame_equal(table.frame, pd.read_csv(table.path), check_exact=True)
    assert said(table, "'b'", "mostly numbers", "'many'")
    assert said(table, "'zip'", "leading zeros")
