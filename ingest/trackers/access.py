"""Where a server is and how to be let in: addresses without credentials, and the credentials apart.

Secrets go into headers and nowhere else: not into errors, addresses or representations.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from ingest.trackers.files import Unreadable

_TRUE = frozenset({"1", "true", "yes", "on"})
CERTIFICATES = "MLFLOW_TRACKING_SERVER_CERT_PATH or REQUESTS_CA_BUNDLE name the file of the authorities to trust"


class Refused(Unreadable):
    """A server did not give what was asked for: why, its HTTP status where there was one, and what to do next."""

    def __init__(self, reason: str, *, status: int | None = None, hint: str = "") -> None:
        super().__init__(f"{reason}; {hint}" if hint else reason)
        self.reason = reason
        self.status = status
        self.hint = hint


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How to reach a server: credentials, and which certificates to trust (`verify` False: any).

    `uri` is the whole address with its credentials, where a driver wants it so.
    """

    token: str = field(default="", repr=False)
    user: str = ""
    password: str = field(default="", repr=False)
    verify: bool = True
    authorities: str = ""
    certificate: str = ""
    uri: str = field(default="", repr=False)

    def basic(self) -> tuple[str, str] | None:
        """Return user and password, None where either is missing."""
        return (self.user, self.password) if self.user and self.password else None

    def context(self) -> ssl.SSLContext | bool:
        """Return what to check a server's certificate with. Raises Refused for files that cannot be used."""
        if not self.verify:
            return False
        if not self.authorities and not self.certificate:
            return True
        try:
            context = ssl.create_default_context()
            if self.authorities:
                _trust(context, self.authorities)
            if self.certificate:
                context.load_cert_chain(self.certificate)
        except (OSError, ssl.SSLError) as error:
            named = self.authorities or self.certificate
            why = error.strerror or "it holds no certificate"
            raise Refused(f"the certificates in {named!r} cannot be used: {why}", hint=CERTIFICATES) from error
        return context


def _trust(context: ssl.SSLContext, path: str) -> None:
    if Path(path).is_dir():
        context.load_verify_locations(capath=path)
    else:
        context.load_verify_locations(cafile=path)


def access_of(environ: Mapping[str, str], uri: str = "") -> Access:
    """Return the access that MLflow's variables and those of requests give; credentials in the address come first."""
    parts = _parts(uri)
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    named = bool(user and password)
    return Access(
        token="" if named else environ.get("MLFLOW_TRACKING_TOKEN", ""),
        user=user if named else environ.get("MLFLOW_TRACKING_USERNAME", ""),
        password=password if named else environ.get("MLFLOW_TRACKING_PASSWORD", ""),
        verify=environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").strip().lower() not in _TRUE,
        authorities=environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH") or environ.get("REQUESTS_CA_BUNDLE", ""),
        certificate=environ.get("MLFLOW_TRACKING_CLIENT_CERT_PATH", ""),
    )


def _parts(uri: str) -> SplitResult:
    try:
        parts = urlsplit(uri.strip())
        _ = parts.port
    except ValueError as error:
        raise Refused("the address cannot be read", hint="write it as http://HOST:PORT") from error
    return parts


def plain(uri: str) -> str:
    """Return an address without credentials, query and fragment. Raises Refused for one that cannot be read."""
    parts = _parts(uri)
    host, port = parts.hostname, parts.port
    if parts.scheme.lower() not in ("http", "https") or not host:
        raise Refused("the address names no host", hint="write it as http://HOST:PORT")
    place = f"[{host}]" if ":" in host else host
    return urlunsplit((parts.scheme.lower(), f"{place}:{port}" if port else place, parts.path.rstrip("/"), "", ""))
