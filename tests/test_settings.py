"""Settings: one place, each with a help line, the environment before the file, and clear errors."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kb.errors import BadInput, SettingsInvalid
from kb.settings import Settings, load


@pytest.fixture(autouse=True)
def _bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in an empty folder with none of our variables set."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("CITEWISE_")]:
        monkeypatch.delenv(name)


def test_every_setting_has_a_default_and_a_help_line() -> None:
    assert load() == Settings()
    for field in Settings.model_fields.values():
        assert field.description
        assert field.description.endswith(".")


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("citewise.toml").write_text("max_claims = 3\nport = 9000\n", encoding="utf-8")
    assert (load().max_claims, load().port) == (3, 9000)
    monkeypatch.setenv("CITEWISE_MAX_CLAIMS", "7")
    assert (load().max_claims, load().port) == (7, 9000)


@pytest.mark.parametrize(("name", "value"), [("max_claims", "0"), ("port", "high"), ("abstain_below", "1.5")])
def test_a_value_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"CITEWISE_{name.upper()}", value)
    with pytest.raises(SettingsInvalid, match=name) as caught:
        load()
    assert caught.value.hint


def test_a_file_that_is_no_toml_is_a_clear_error() -> None:
    Path("citewise.toml").write_text("max_claims = = 3", encoding="utf-8")
    with pytest.raises(BadInput, match=r"citewise\.toml"):
        load()


def test_a_key_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITEWISE_EMBEDDING_KEY", "sk-verysecret")
    settings = load()
    assert "verysecret" not in f"{settings!r} {settings} {settings.model_dump()}"
    assert settings.embedding_key.get_secret_value() == "sk-verysecret"


def test_settings_cannot_be_changed_and_unknown_ones_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("citewise.toml").write_text("from_the_future = 1\n", encoding="utf-8")
    with pytest.raises(ValueError, match="frozen"):
        load().port = 1  # type: ignore[misc]
