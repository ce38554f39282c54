"""Settings: one frozen object, read once from `citewise.toml` and the environment (`CITEWISE_…`).

Only the faces and the build module look at it; everything below gets plain values.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from kb.embed import MINILM
from kb.errors import BadInput, SettingsInvalid


class Settings(BaseSettings):
    """What a person can set; the environment wins over `citewise.toml`."""

    model_config = SettingsConfigDict(env_prefix="CITEWISE_", frozen=True, extra="ignore", toml_file="citewise.toml")

    home: Annotated[
        Path | None, Field(description="Folder of the knowledge base; by default the nearest .citewise upwards.")
    ] = None
    embedding_model: Annotated[
        str, Field(description="Embedding model: the built-in one, or any sentence-transformers name or folder.")
    ] = MINILM
    embedding_url: Annotated[
        str, Field(description="Base URL of an OpenAI-compatible server that serves `embedding_model`.")
    ] = ""
    embedding_key: Annotated[SecretStr, Field(description="API key for `embedding_url`; never logged or packed.")] = (
        SecretStr("")
    )
    reranker_model: Annotated[
        str, Field(description="A sentence-transformers cross-encoder, by name or folder; none by default.")
    ] = ""
    max_claims: Annotated[int, Field(ge=1, le=20, description="Most claims in an answer.")] = 5
    abstain_below: Annotated[
        float | None, Field(ge=0, le=1, description="Abstain below this confidence; by default the fitted threshold.")
    ] = None
    port: Annotated[int, Field(ge=1, le=65535, description="Port of the app on 127.0.0.1.")] = 8501

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read arguments, then the environment, then citewise.toml in the working folder."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load() -> Settings:
    """Read the settings. Raises SettingsInvalid for a value that cannot be used, BadInput for broken TOML."""
    import tomllib

    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise SettingsInvalid(name, first.get("input"), first["msg"]) from error
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"citewise.toml cannot be read: {error}", hint="mend or remove it") from error
