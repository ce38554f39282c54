"""Chat about a table in a real browser: upload, profile, questions, changed readings, plots, links, palette, reload."""

from __future__ import annotations

import csv
import random
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from running import Browser, ask, overflow

pytestmark = pytest.mark.browser
ODD = (
    "<script>alert(1)</script>",
    "**bold** [x](javascript:alert(2))",
    "$\\int_0^1$ :material/home:",
    "عمر",
    "__class__",
)
WIDTHS = pytest.mark.parametrize("width", [1280, 420])


@pytest.fixture(scope="session")
def riders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of 400 rides with missing ages, a constant, repeated rows and names that try to be something else."""
    made, path = random.Random(5), tmp_path_factory.mktemp("tables") / "riders.csv"
    rows: list[list[object]] = []
    for number in range(397):
        sex, city = made.choice(("female", "male")), made.choice(("Oslo", "Bergen", "Tromsø"))
        age = "" if number % 5 == 0 else round(made.gauss(35, 9), 1)
        odd = ["http://evil.example/p.png", "<b>x</b>", number % 3, number % 7, "_", number % 2]
        rows.append([age, sex, city, round(made.lognormvariate(3, 1), 2), made.randint(0, 9), *odd])
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["age", "sex", "city", "fare", "rides", "image", *ODD], *rows, *rows[:3]])
    return path


def upload(page: Any, path: Path) -> Any:
    """Upload a table and return its panel once it is profiled."""
    page.locator(".st-key-table_choice button").first.click()
    page.locator("[data-testid=stFileUploaderDropzoneInput]").set_input_files(str(path))
    panel = page.locator(".cw-data-panel")
    panel.locator(".cw-col").first.wait_for(state="attached")
    return panel


def unfold(page: Any) -> None:
    """Open the panel where it is a bar at the page's foot."""
    if page.locator(".cw-tab").is_visible():
        page.locator(".cw-tab").click()


def fold(page: Any) -> None:
    """Close the panel where it lies over the page."""
    if page.locator(".cw-is-open .cw-tab").is_visible():
        page.locator(".cw-tab").click()


def values(path: Path, name: str, **where: str) -> list[float]:
    """Return the numbers of a column in the rows where others hold these values."""
    return [float(text) for text in column(path, name, **where) if text]


def column(path: Path, name: str, **where: str) -> list[str]:
    """Return the texts of a column in the rows where others hold these values."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if all(row[key] == value for key, value in where.items())]
    return [row[name] for row in rows]


def mean(numbers: list[float]) -> float:
    """Return the mean."""
    return sum(numbers) / len(numbers)


def first_claim(turn: Any) -> str:
    """Return the text that an answer begins with."""
    text: str = turn.locator(".cw-answer-first .cw-own").inner_text()
    return text


def find(page: Any, text: str) -> Any:
    """Type into the palette and return its first line once it fits."""
    page.keyboard.press("Control+k")
    page.locator(".cw-palette").wait_for()
    page.keyboard.type(text)
    page.locator(".cw-palette-item", has_text=text).first.wait_for()
    return page.locator(".cw-palette-item").first


@WIDTHS
def test_a_table_is_uploaded_profiled_asked_and_found_again(
    app: str, window: Browser, riders: Path, width: int
) -> None:
    page, seen = window.open(app, width=width)
    panel = upload(page, riders)
    unfold(page)
    assert "400 rows × 11 columns" in panel.inner_text() or "400 × 11" in panel.inner_text()
    missing = sum(not row for row in column(riders, "age"))
    assert panel.locator(".cw-fact", has_text=f"age is missing in {missing} of 400 rows").count() == 1
    assert re.search(r"20 % missing", panel.locator(".cw-col", has_text="age").first.inner_text())
    fold(page)
    assert f"{mean(values(riders, 'age')):.4f}"[:5] in first_claim(ask(page, "What is the mean age?"))
    assert f"{max(values(riders, 'fare')):,.2f}".rstrip("0") in first_claim(ask(page, "What is the maximum fare?"))
    count = len(values(riders, "fare", city="Oslo"))
    assert str(count) in first_claim(ask(page, "How many rows have city Oslo?"))
    assert overflow(page) <= 0
    assert {"c", "d"} <= {part.split("=")[0] for part in urlsplit(page.url).query.split("&")}
    page.reload()
    page.locator(".cw-root .cw-turn .cw-answer-first").nth(2).wait_for()
    page.locator(".cw-data-panel .cw-col").nth(10).wait_for(state="attached")
    assert page.locator(".cw-turn .cw-question").first.inner_text() == "What is the mean age?"
    assert seen.errors == []


def test_the_conversation_brings_its_table_back(app: str, window: Browser, riders: Path) -> None:
    page, _ = window.open(app)
    upload(page, riders)
    ask(page, "What is the median fare?")
    page.locator(".cw-close-table").click()
    page.locator(".cw-data-panel").wait_for(state="detached")
    page.locator(".cw-new").click()
    page.locator(".cw-welcome").wait_for()
    page.locator(".cw-chat-open", has_text="What is the median fare?").first.click()
    page.locator(".cw-data-panel .cw-col").first.wait_for()


def test_a_value_opens_with_its_expression_rows_and_code(app: str, window: Browser, riders: Path) -> None:
    page, _ = window.open(app)
    upload(page, riders)
    turn = ask(page, "mean of fare where city is Bergen")
    turn.locator(".cw-chip-value").first.click()
    panel = page.locator(".st-key-passage_panel .cw-panel")
    panel.wait_for()
    assert "df" in panel.locator("pre.cw-code").first.inner_text()
    assert "pd.read_csv" in panel.locator(".cw-listing").inner_text()
    assert f"{len(values(riders, 'fare', city='Bergen'))} rows" in panel.locator(".cw-trail").inner_text()
    assert set(panel.locator(".cw-grid td", has_text="Bergen").all_inner_texts()) == {"Bergen"}
    page.keyboard.press("Escape")
    panel.wait_for(state="detached")


def test_a_fact_asks_what_to_do_about_it(app: str, window: Browser, riders: Path) -> None:
    page, _ = window.open(app)
    panel = upload(page, riders)
    button = panel.get_by_role("button", name=re.compile("impute|missing", re.I)).first
    button.click()
    page.locator(".cw-root .cw-turn").first.wait_for()


def test_columns_commands_and_tables_are_found_with_the_keyboard(app: str, window: Browser, riders: Path) -> None:
    page, seen = window.open(app)
    upload(page, riders)
    assert find(page, "rides").inner_text().split()[:2] == ["column", "rides"]
    page.keyboard.press("Enter")
    opened = page.locator(".cw-col[open]")
    opened.wait_for()
    assert "rides" in opened.inner_text()
    find(page, "Oslo")
    page.keyboard.press("Enter")
    page.locator(".cw-root .cw-turn .cw-question", has_text="Oslo").wait_for()
    find(page, "library")
    page.keyboard.press("Escape")
    assert not page.locator(".cw-palette").is_visible()
    find(page, "library")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Library").wait_for()
    assert seen.errors == []


def test_how_the_file_was_read_can_be_corrected(app: str, window: Browser, tmp_path: Path) -> None:
    path = tmp_path / "codes.csv"
    path.write_text("code,n\n" + "".join(f"{number:03},{number}\n" for number in range(30)), "utf-8")
    page, _ = window.open(app)
    panel = upload(page, path)
    panel.get_by_role("button", name="Correct this …").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox", name="A column").click()
    page.get_by_role("option", name="n", exact=True).click()
    dialog.get_by_role("combobox", name="holds").click()
    page.get_by_role("option", name="Text").click()
    dialog.get_by_role("button", name="Read it like this").click()
    panel.get_by_text("n: text").wait_for()


def test_a_file_that_is_no_table_says_why_and_the_app_lives_on(app: str, window: Browser, tmp_path: Path) -> None:
    path = tmp_path / "broken.xlsx"
    path.write_bytes(b"PK\x03\x04 this is cut off")
    page, seen = window.open(app)
    page.locator(".st-key-table_choice button").first.click()
    page.locator("[data-testid=stFileUploaderDropzoneInput]").set_input_files(str(path))
    notice = page.locator(".cw-data-panel .cw-notice")
    notice.wait_for()
    assert "broken.xlsx" in notice.inner_text()
    page.locator(".cw-close-table").click()
    page.locator(".cw-data-panel").wait_for(state="detached")
    assert seen.errors == []


def test_hostile_names_and_values_are_shown_as_text(app: str, window: Browser, riders: Path) -> None:
    page, seen = window.open(app)
    panel = upload(page, riders)
    for name in ODD:
        assert name in panel.inner_text()
    for name in ("image", ODD[0]):
        find(page, name)
        page.keyboard.press("Enter")
        panel.locator(".cw-col[open]", has_text=name).get_by_role("button", name="Describe in the chat").click()
        page.locator(".cw-root .cw-turn", has_text=f"What is in {name}?").wait_for()
    plot = page.locator("[data-testid=stVegaLiteChart]").first
    plot.scroll_into_view_if_needed()
    for share in (0.3, 0.5, 0.7):  # a tooltip must not take a column called image for the address of one
        plot.hover(position={"x": 200, "y": plot.bounding_box()["height"] * share})
        page.wait_for_timeout(250)
    alien = ".cw-root :is(img, a, script, iframe, b), .cw-palette-shade :is(img, a, script, b)"
    assert page.locator(alien).count() == 0
    assert not any("evil" in url for url in seen.requests)
    assert seen.errors == []


@WIDTHS
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_of_a_table_is_wider_than_the_window(
    app: str, window: Browser, riders: Path, width: int, scheme: str
) -> None:
    page, _ = window.open(app, width=width, scheme=scheme)
    panel = upload(page, riders)
    unfold(page)
    assert overflow(page) <= 0
    box = panel.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    fold(page)
    ask(page, "mean of age, fare and rides by city")
    assert overflow(page) <= 0


@WIDTHS
def test_a_piece_of_the_reading_is_changed_in_its_popover(app: str, window: Browser, riders: Path, width: int) -> None:
    page, seen = window.open(app, width=width)
    upload(page, riders)
    turn = ask(page, "What is the mean fare where city is Oslo?")
    assert f"{mean(values(riders, 'fare', city='Oslo')):.4f}"[:5] in first_claim(turn)
    chip = turn.locator(".cw-pop", has_text="Oslo")
    chip.locator("summary").click()
    menu = chip.locator(".cw-menu")
    box = menu.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    option = menu.get_by_role("button", name="Bergen")
    assert f"{len(values(riders, 'fare', city='Bergen'))} rows" in option.inner_text()
    option.click()
    changed = page.locator(".cw-root .cw-turn").nth(1)
    changed.wait_for()
    assert f"{mean(values(riders, 'fare', city='Bergen')):.4f}"[:5] in first_claim(changed)
    assert "Bergen" in changed.locator(".cw-question").inner_text()
    assert seen.errors == []


def test_a_piece_of_the_reading_is_left_out_with_the_keyboard(app: str, window: Browser, riders: Path) -> None:
    page, _ = window.open(app)
    upload(page, riders)
    turn = ask(page, "What is the mean fare where city is Oslo?")
    chip = turn.locator(".cw-pop", has_text="Oslo")
    chip.locator("summary").focus()
    page.keyboard.press("Enter")
    chip.locator(".cw-menu").wait_for()
    page.keyboard.press("Escape")
    assert not chip.locator(".cw-menu").is_visible()
    page.keyboard.press("Enter")
    chip.get_by_role("button", name="Leave this out").click()
    whole = page.locator(".cw-root .cw-turn").nth(1)
    whole.wait_for()
    assert f"{mean(values(riders, 'fare')):.4f}"[:5] in first_claim(whole)


@WIDTHS
def test_a_question_that_is_not_understood_waits_and_its_suggestions_run(
    app: str, window: Browser, riders: Path, width: int
) -> None:
    page, seen = window.open(app, width=width)
    upload(page, riders)
    turn = ask(page, "What is the mean fare of flurbish people in Oslo above 37?")
    refusal = turn.locator(".cw-refusal")
    assert "flurbish" in turn.locator(".cw-unread").all_inner_texts()
    assert turn.locator(".cw-claim").count() == 0
    offered = refusal.locator(".cw-run, .cw-suggestion")
    for number in range(offered.count()):
        offered.nth(number).click()
        run = page.locator(".cw-root .cw-turn").nth(number + 1)
        run.locator(".cw-answer-first").wait_for()
    assert page.locator(".cw-root .cw-turn .cw-answer-first").count() == offered.count() >= 1
    assert seen.errors == []


@WIDTHS
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_plot_stands_in_the_answer(app: str, window: Browser, riders: Path, width: int, scheme: str) -> None:
    page, seen = window.open(app, width=width, scheme=scheme)
    upload(page, riders)
    turn = ask(page, "mean of fare by city")
    plot = page.locator("[data-testid=stVegaLiteChart]")
    plot.locator("canvas, svg").first.wait_for()
    assert plot.bounding_box()["width"] <= width
    assert plot.bounding_box()["height"] > 100
    table = page.locator(".cw-turn-rest .cw-grid")
    assert {"Oslo", "Bergen", "Tromsø"} <= set(table.locator("td").all_inner_texts())
    page.locator(".cw-turn-rest .cw-show-code summary").click()
    assert "pd.read_csv" in page.locator(".cw-turn-rest .cw-listing").inner_text()
    assert overflow(page) <= 0
    assert turn.locator(".cw-line").count() == 1
    assert seen.errors == []


def test_a_reading_is_saved_linked_and_marked_where_its_answer_changed(
    app: str, window: Browser, riders: Path, tmp_path: Path
) -> None:
    path = tmp_path / "growing.csv"
    path.write_bytes(riders.read_bytes())
    page, _ = window.open(app)
    page.locator(".st-key-table_choice button").first.click()
    page.get_by_label("Or a file on this machine").fill(str(path))
    page.get_by_role("button", name="Open this file").click()
    page.locator(".cw-data-panel .cw-col").first.wait_for(state="attached")
    turn = ask(page, "What is the maximum fare?")
    turn.get_by_role("button", name="Save …").click()
    page.get_by_role("dialog").get_by_label("Name").fill("dearest ride")
    page.keyboard.press("Enter")
    saved = page.locator(".cw-saved-one", has_text="dearest ride")
    saved.wait_for()
    assert saved.locator(".cw-changed").count() == 0
    with path.open("a", encoding="utf-8") as file:
        file.write("30,female,Oslo,77777,1,x,0,0,_,0,\n")
    page.reload()
    page.locator(".cw-saved-one .cw-changed").wait_for()
    assert "77,777" in saved.inner_text()
    page.locator(".cw-root .cw-turn .cw-since").get_by_role("button", name="Run it again").click()
    page.locator(".cw-root .cw-turn").nth(1).wait_for()
    assert "77,777" in first_claim(page.locator(".cw-root .cw-turn").nth(1))
    saved.get_by_role("button", name="Take the new values").click()
    page.locator(".cw-saved-one .cw-changed").wait_for(state="detached")


def test_a_link_opens_its_table_and_runs_its_reading_once(app: str, window: Browser, riders: Path) -> None:
    page, _ = window.open(app)
    upload(page, riders)
    ask(page, "What is the median fare?")
    shown = "[...document.querySelectorAll('.cw-root')].map(root => root.shown || '').join()"
    address = re.search(r'"address":"([^"]+)"', page.evaluate(shown))
    assert address is not None
    other, _ = window.open(f"{app}/{address[1]}")
    other.locator(".cw-root .cw-turn .cw-answer-first").wait_for()
    assert "r=" not in urlsplit(other.url).query
    other.reload()
    other.locator(".cw-root .cw-turn .cw-answer-first").wait_for()
    other.wait_for_timeout(500)
    assert other.locator(".cw-root .cw-turn").count() == 1
