"""Asking a tracking server over HTTP: who asks, how often it is tried again, and what failed in words.

Only reads are sent. What a server says is told without our secrets, should it repeat them.
"""

from __future__ import annotations

import email.utils
import json
import re
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx

from ingest.trackers.access import CERTIFICATES, Access, Refused, plain
from ingest.trackers.found import Stop, never
from ingest.trackers.values import number

_AGAIN = frozenset({429, 500, 502, 503, 504})
_MAX_ANSWER = 512 * 2**20
_IN_A_ROW = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long one answer is waited for, how often it is asked again, and the longest wait in between; in seconds."""

    timeout: float = 60.0
    tries: int = 5
    first: float = 0.5
    longest: float = 60.0

    def before(self, tried: int, told: float | None) -> float:
        """Return how long to wait after so many tries; what the server told comes first."""
        return told if told is not None else min(self.first * 2 ** (tried - 1), self.longest)


PATIENT = Patience()


def patience_of(environ: Mapping[str, str]) -> Patience:
    """Return the patience that MLflow's variables ask for; what is no number is passed over."""
    timeout = number(environ.get("MLFLOW_HTTP_REQUEST_TIMEOUT"))
    tries = number(environ.get("MLFLOW_HTTP_REQUEST_MAX_RETRIES"))
    return Patience(
        timeout=timeout if timeout is not None and 0 < timeout < 1e6 else PATIENT.timeout,
        tries=1 + int(tries) if tries is not None and 0 <= tries < 100 else PATIENT.tries,
    )


class Server:
    """A server at an address, for several threads. One that failed some questions in a row is not asked again."""

    def __init__(self, uri: str, access: Access, *, patience: Patience = PATIENT, stop: Stop = never) -> None:
        self.uri = plain(uri)
        self._access, self._patience, self._stop = access, patience, stop
        self._gone: Refused | None = None
        self._failed = 0
        self._lock = threading.Lock()
        headers = {"Authorization": f"Bearer {access.token}"} if access.token and not access.basic() else {}
        try:
            timeout = httpx.Timeout(patience.timeout, connect=min(10.0, patience.timeout))
            auth = access.basic()
            self._client = httpx.Client(verify=access.context(), auth=auth, headers=headers, timeout=timeout)
        except (ImportError, ValueError, httpx.InvalidURL) as error:  # Such as a proxy variable that names socks://
            raise Refused(f"the connection cannot be set up: {error}", hint="look at the proxy variables") from error
        self._end = weakref.finalize(self, self._client.close)

    @property
    def gone(self) -> Refused | None:
        """Why the server is not asked any more, None while it is."""
        return self._gone

    def check(self) -> None:
        """Raise Refused where the server failed for good."""
        if self._gone is not None:
            raise self._gone

    def get(self, path: str, query: Mapping[str, Any]) -> dict[str, Any]:
        """Return the JSON object at a path. Raises Refused."""
        return self._ask("GET", path, params=query)

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the JSON object that answers a question sent as JSON. Raises Refused."""
        return self._ask("POST", path, json=body)

    def _ask(self, method: str, path: str, **told: Any) -> dict[str, Any]:
        for tried in range(1, self._patience.tries + 1):
            self.check()
            refused, wait = self._try(method, path, told, tried)
            if isinstance(refused, dict):
                self._failed = 0
                return refused
            if wait is None or tried == self._patience.tries or wait > self._patience.longest:
                raise self._final(refused, tried, wait)
            self._sleep(wait)
        raise AssertionError("the last try returns or raises")

    def _try(
        self, method: str, path: str, told: dict[str, Any], tried: int
    ) -> tuple[dict[str, Any] | Refused, float | None]:
        """Return the answer, or why there is none with how long to wait before the next try (None: do not try)."""
        try:
            with self._client.stream(method, f"{self.uri}/{path}", **told) as response:
                text = _content(response)
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            lasting = isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL | UnicodeError) or _is_tls(error)
            return _unreached(error, self.uri, self._patience), None if lasting else self._patience.before(tried, None)
        if response.status_code == 200:
            return self._parsed(text), None
        refused = self._explained(response, text)
        again = response.status_code in _AGAIN
        return refused, self._patience.before(tried, _retry_after(response)) if again else None

    def _parsed(self, text: bytes) -> dict[str, Any] | Refused:
        try:
            found = json.loads(text or b"{}")
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict):
            return found
        begins = self._clean(text[:60].decode("utf-8", "replace"))
        return Refused(f"{self.uri} answers, but not in JSON ({begins!r})", status=200, hint=_NOT_MLFLOW)

    def _explained(self, response: httpx.Response, text: bytes) -> Refused:
        status, said = response.status_code, self._clean(_said(text))
        if 300 <= status < 400:
            return Refused(*_moved(self.uri, response), status=status, hint=_MOVED)
        sent = "token" if self._access.token else "user and password" if self._access.basic() else ""
        reason, hint = _words(status, self.uri, sent)
        return Refused(f"{reason}{f' ({said})' if said else ''}", status=status, hint=hint)

    def _clean(self, text: str) -> str:
        """Return what a server said without our secrets, should it repeat them."""
        secrets = (self._access.token, self._access.password)
        for secret in filter(None, secrets):
            text = text.replace(secret, "***")
        return re.sub(r"\s+", " ", text).strip()[:200]

    def _final(self, refused: Refused, tried: int, wait: float | None) -> Refused:
        """Return the failure as it is told, and keep it where further questions would meet it too."""
        reason = refused.reason
        if wait is not None and wait > self._patience.longest:
            reason = f"{reason}; it asks to wait {wait:,.0f} s"
        elif tried > 1:
            reason = f"{reason}; tried {tried} times"
        final = Refused(reason, status=refused.status, hint=refused.hint)
        with self._lock:
            self._failed += refused.status in (None, 429, 502, 503, 504)
            if self._failed >= _IN_A_ROW or refused.status == 401:
                self._gone = self._gone or final
        return final

    def _sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self._stop():
                raise Refused("stopped while waiting for the server")
            time.sleep(min(left, 0.2))


_MOVED = "name the address that it leads to, or log in with a token where it is a page for people"
_NOT_MLFLOW = "is it an MLflow tracking server? name the address that MLFLOW_TRACKING_URI has"


def _moved(uri: str, response: httpx.Response) -> tuple[str]:
    to = urlsplit(response.headers.get("location", ""))
    return (f"{uri} sends on to {urlunsplit((to.scheme, to.hostname or '', to.path, '', ''))[:200]!r}",)


def _words(status: int, uri: str, sent: str) -> tuple[str, str]:
    """Return what a status means and what to do about it."""
    if status in (401, 407):
        asks = "the proxy asks for a log-in" if status == 407 else f"{uri} asks for a log-in"
        why = f"{uri} does not accept the {sent}" if sent and status == 401 else asks
        hint = "set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
        return f"{why} ({status})", hint if status == 401 else "put user and password into the proxy variable"
    if status == 403:
        who = f"with this {sent}" if sent else "without a log-in"
        return f"{uri} does not allow reading this {who} (403)", "ask its owner for the right to read"
    if status == 404:
        return f"{uri} knows no such address (404)", _NOT_MLFLOW
    if status == 429:
        return f"{uri} was asked too often (429)", "try later; what was read is kept"
    if status >= 500:
        return f"{uri} failed ({status})", "try later; what was read is kept"
    return f"{uri} refuses the question ({status})", ""


def _said(text: bytes) -> str:
    """Return the message of an error in MLflow's form, nothing of a page for people."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    return str(found.get("message") or "") if isinstance(found, dict) else ""


def _content(response: httpx.Response) -> bytes:
    parts, size = [], 0
    for part in response.iter_bytes():
        parts.append(part)
        size += len(part)
        if size > _MAX_ANSWER:
            raise httpx.DecodingError(f"its answer is longer than {_MAX_ANSWER // 2**20} MB")
    return b"".join(parts)


def _retry_after(response: httpx.Response) -> float | None:
    """Return the seconds that Retry-After tells, as a number or a date (RFC 9110, section 10.2.3)."""
    told = response.headers.get("retry-after", "").strip()
    if told.isdigit():
        return float(told[:9])
    try:
        return max(0.0, email.utils.parsedate_to_datetime(told).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


_UNKNOWN = ("name or service not known", "nodename nor servname", "getaddrinfo", "name resolution", "no address")
_REACH: tuple[tuple[type[Exception], Callable[[Patience], tuple[str, str]]], ...] = (
    (httpx.ConnectTimeout, lambda _: ("cannot be reached in time", "check host and port, and whether a VPN is needed")),
    (httpx.TimeoutException, lambda p: (f"gives no answer within {p.timeout:g} s", "try later; what was read is kept")),
    (httpx.ProxyError, lambda _: ("cannot be reached through the proxy", "look at HTTP_PROXY, HTTPS_PROXY, NO_PROXY")),
    (httpx.RemoteProtocolError, lambda _: ("does not speak HTTP there", "check the port, and http against https")),
    (httpx.DecodingError, lambda _: ("sends what cannot be decoded", "")),
)


def _unreached(error: Exception, uri: str, patience: Patience) -> Refused:
    """Return in words why no answer came."""
    text = str(error)
    if _is_tls(error):
        hint = CERTIFICATES if "CERTIFICATE_VERIFY" in text else "check http against https"
        return Refused(f"the connection to {uri} is not safe: {text[:200]}", hint=hint)
    if any(word in text.lower() for word in _UNKNOWN):
        return Refused(f"there is no host of the name in {uri}", hint="check the address")
    for kind, words in _REACH:
        if isinstance(error, kind):
            reason, hint = words(patience)
            return Refused(f"{uri} {reason}", hint=hint)
    why = "the connection was refused" if "refused" in text.lower() else text[:200] or type(error).__name__
    return Refused(f"{uri} cannot be reached: {why}", hint="check host and port, and that the server runs")


def _is_tls(error: Exception) -> bool:
    return isinstance(error, httpx.ConnectError) and ("SSL" in str(error) or "CERTIFICATE" in str(error))
