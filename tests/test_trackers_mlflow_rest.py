"""MLflow's tracking server over REST, a scripted one: what is asked, what comes of it, and what fails in words."""

from __future__ import annotations

import logging
import math
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow_server import Scripted, said, serving
from runs_of import metric, points

from ingest.trackers import READERS, Options, detect, mlflow_rest
from ingest.trackers.access import Refused, access_of, plain
from ingest.trackers.found import Found
from ingest.trackers.mlflow_history import Asked, Histories
from ingest.trackers.rest import Patience, Server, patience_of
from kb import runs
from kb.errors import BadInput, LoadFailed
from kb.records import Point, Problem, Run, State
from kb.store import Catalogue, set_source
from kb.types import SourceKey

HASTY = Patience(timeout=0.5, tries=3, first=0.01, longest=1.0)
SECRET = "s3cr3t-token"
MLFLOW = ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "REQUESTS_CA_BUNDLE")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def _no_access(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*MLFLOW, *PROXIES, *map(str.lower, PROXIES)):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[Scripted]:
    """A server with one experiment."""
    script = Scripted()
    script.add_experiment("1", "churn")
    with serving(script):
        yield script


def found_at(server: Scripted, **options: Any) -> Found:
    return mlflow_rest.found_at(server.uri, Options(**options), environ={}, patience=HASTY)


def read(found: Found, **how: Any) -> list[Run | Problem]:
    return list(mlflow_rest.read(found, patience=HASTY, **how))


def runs_at(server: Scripted, **options: Any) -> dict[str, Run]:
    items = read(found_at(server, **options))
    return {item.run_id: item for item in items if isinstance(item, Run)}


def entry(key: str, value: Any, step: int = 0) -> dict[str, Any]:
    return {"key": key, "value": value, "timestamp": 1700000000000, "step": step}


def test_a_run_keeps_what_the_server_tells_of_it(server: Scripted) -> None:
    data = {
        "dataset": {"name": "iris", "digest": "abc", "source": "s3://d"},
        "tags": [{"key": "use", "value": "train"}],
    }
    info = {"status": "FAILED", "end_time": 1700000060000, "run_name": "old", "user_id": "ann"}
    tags = [{"key": "mlflow.runName", "value": "owl"}, {"key": "mlflow.parentRunId", "value": "p"}]
    params = [{"key": "lr", "value": "0.10"}, {"key": "code", "value": "007"}]
    server.add_run("a", info=info, tags=tags, params=params, inputs={"dataset_inputs": [data]})
    run = runs_at(server)["a"]
    assert (run.name, run.parent, run.dataset, run.experiment) == ("owl", "p", "iris", "churn")
    assert (run.status, run.state, run.started, run.ended) == ("FAILED", State.FAILED, 1700000000.0, 1700000060.0)
    assert (run.params, run.raw_params) == ({"code": "007", "lr": 0.1}, {"lr": "0.10"})
    assert (run.tags["dataset.iris.digest"], run.tags["dataset.iris.use"]) == ("abc", "train")
    assert (run.tags["mlflow.user"], run.source) == ("ann", server.uri)


def test_deleted_runs_and_experiments_are_kept_and_marked(server: Scripted) -> None:
    server.add_experiment("2", "gone", stage="deleted")
    server.add_run("a")
    server.add_run("b", info={"lifecycle_stage": "deleted"})
    server.add_run("c", experiment="2")
    assert {name: run.deleted for name, run in runs_at(server).items()} == {"a": False, "b": True, "c": True}
    assert {query["run_view_type"] for query in server.asked_for("runs/search")} == {"ALL"}


def test_odd_values_stay_what_they_are(server: Scripted) -> None:
    server.add_run("a", metrics=["n", "up", "down", "most"])
    for name, value in {"n": "NaN", "up": "Infinity", "down": float("-inf"), "most": 1.7976931348623157e308}.items():
        server.histories["a", name] = [entry(name, value)]
    run = runs_at(server)["a"]
    assert math.isnan(metric(run, "n").last)
    assert [metric(run, name).last for name in ("up", "down", "most")] == [math.inf, -math.inf, math.inf]


def test_a_thousand_runs_come_page_by_page_and_are_counted_first(server: Scripted) -> None:
    for number in range(1000):
        server.add_run(f"r{number}")
    server.page = 300
    found = found_at(server)
    assert (found.count, found.why) == (1000, "MLflow tracking server: 1,000 runs in 1 experiments")
    steps: list[tuple[int, int]] = []
    items = read(found, watch=lambda step: steps.append((step.done, step.total)))
    assert len({item.run_id for item in items if isinstance(item, Run)}) == len(items) == 1000
    assert steps[-1] == (1000, 1000)


def test_experiments_come_in_pages_too(server: Scripted) -> None:
    server.page = 2
    for number in range(2, 8):
        server.add_experiment(str(number), f"e{number}")
        server.add_run(f"r{number}", experiment=str(number))
    assert len(runs_at(server)) == 6


def test_only_what_was_asked_for_travels(server: Scripted) -> None:
    server.add_experiment("2", "Other-One")
    for number in range(10):
        server.add_run(f"r{number}", experiment="1" if number % 2 else "2")
    assert sorted(runs_at(server, experiment="CHURN")) == ["r1", "r3", "r5", "r7", "r9"]
    assert len(runs_at(server, experiment="other-*")) == len(runs_at(server, experiment="2")) == 5
    server.asked.clear()
    assert sorted(runs_at(server, since=1700000000.005)) == ["r5", "r6", "r7", "r8", "r9"]
    assert {query["filter"] for query in server.asked_for("runs/search")} == {"attributes.start_time >= 1700000000005"}


def test_a_server_that_knows_no_filter_gives_all_and_runs_are_chosen_here(server: Scripted) -> None:
    for number in range(10):
        server.add_run(f"r{number}")
    server.filters = False
    assert found_at(server, since=1700000000.005).count == 5
    assert sorted(runs_at(server, since=1700000000.005)) == ["r5", "r6", "r7", "r8", "r9"]


def test_an_experiment_that_is_not_there_is_told_with_those_that_are(server: Scripted) -> None:
    with pytest.raises(BadInput, match="no experiment 'chrun'") as error:
        found_at(server, experiment="chrun")
    assert error.value.hint == "it has: churn"


def test_last_values_come_at_once_without_asking_for_a_history(server: Scripted) -> None:
    for number in range(50):
        server.add_run(f"r{number}", metrics=["loss"], points=20)
    lasts = runs_at(server, lasts=True)
    assert points(lasts["r3"], "loss") == [(19, 1)]
    assert not server.asked_for("get-history") + server.asked_for("get-history-bulk")
    whole = runs_at(server)
    assert points(whole["r3"], "loss")[0] == (0, 20)
    assert lasts["r3"].version != whole["r3"].version


def test_a_runs_version_changes_with_what_it_holds(server: Scripted) -> None:
    server.add_run("a", metrics=["loss", "acc"], params=[{"key": "lr", "value": "1"}])
    before = runs_at(server)["a"].version
    server.runs[0]["data"]["metrics"].reverse()
    assert runs_at(server)["a"].version == before
    server.runs[0]["data"]["metrics"][0]["step"] += 1
    assert runs_at(server)["a"].version != before


def test_histories_of_many_runs_come_in_bulk(server: Scripted) -> None:
    for number in range(200):
        server.add_run(f"r{number}", metrics=["loss", "acc"], points=50)
    for run in runs_at(server).values():
        assert points(run, "loss") == [(step, 50 - step) for step in range(50)]
    asked = len(server.asked_for("get-history-bulk")) + len(server.asked_for("get-history"))
    assert asked < 30


def test_a_server_without_bulk_is_asked_metric_by_metric_in_pages(server: Scripted) -> None:
    server.bulk, server.page = False, 40
    for number in range(5):
        server.add_run(f"r{number}", metrics=["loss"], points=100)
    for run in runs_at(server).values():
        assert points(run, "loss") == [(step, 100 - step) for step in range(100)]
    assert len(server.asked_for("get-history-bulk")) == 1


def test_an_answer_that_was_cut_off_is_asked_for_in_halves(server: Scripted) -> None:
    server.most = 100
    for number in range(8):
        server.add_run(f"r{number}", metrics=["loss"], points=30)
    asked = [Asked(run_id=f"r{n}", lasts=(Point("loss", 1.0, 29),)) for n in range(8)]
    histories = Histories(Server(server.uri, access_of({}), patience=HASTY), most=100, longest=1)
    assert {run: len(found) for run, found in histories.fetch(asked).items()} == {f"r{n}": 30 for n in range(8)}


def test_long_histories_are_not_fetched_far_ahead(server: Scripted) -> None:
    for number in range(7):
        server.add_run(f"r{number}", metrics=["loss"], points=26_000)
    page = Histories(Server(server.uri, access_of({}), patience=HASTY)).page(
        [Asked(run_id=f"r{n}", lasts=(Point("loss", 1.0, 25_999),)) for n in range(7)]
    )
    held = []
    for index in range(7):
        assert sum(1 for _ in page.points(index)) == 26_000
        held.append(len(page._ready))
    assert max(held) < 5


def test_histories_of_runs_that_did_not_change_are_not_asked_for(server: Scripted) -> None:
    for number in range(100):
        server.add_run(f"r{number}", metrics=["loss"], points=5)
    found = runs_at(server)
    assert points(found["r40"], "loss")[-1] == (4, 1)
    assert [query["run_id"] for query in server.asked_for("get-history")] == [["r40"]]
    assert not server.asked_for("get-history-bulk")


def test_only_reads_are_sent(server: Scripted) -> None:
    for number in range(3):
        server.add_run(f"r{number}", metrics=["loss"])
    for run in runs_at(server).values():
        list(run.history())
    sent = {(method, path.partition("/mlflow/")[2]) for method, path, _ in server.asked}
    posts = {("POST", "experiments/search"), ("POST", "runs/search")}
    assert sent <= posts | {("GET", "metrics/get-history"), ("GET", "metrics/get-history-bulk")}


def test_a_server_from_before_the_search_for_experiments_is_read(server: Scripted) -> None:
    server.list_only = True
    server.add_run("a")
    assert list(runs_at(server)) == ["a"]


def test_a_server_below_a_path_is_read() -> None:
    with serving(Scripted()) as script:
        found = mlflow_rest.found_at(f"{script.uri}/team/", environ={}, patience=HASTY)
    assert script.asked[0][1] == "/team/api/2.0/mlflow/experiments/search"
    assert found.source == f"{script.uri}/team"


# -- failures --------------------------------------------------------------------------------------------------


PAGE = (200, {"Content-Type": "text/html"}, b"<!doctype html><title>Welcome</title>")


@pytest.mark.parametrize(
    ("answer", "reason", "hint"),
    [
        (said(401, "no"), "asks for a log-in (401)", "MLFLOW_TRACKING_TOKEN"),
        (said(403, "Permission denied"), "does not allow reading this without a log-in (403)", "ask its owner"),
        ((404, {}, b"<html>"), "knows no such address (404)", "is it an MLflow tracking server?"),
        (said(400, "Invalid value"), "refuses the question (400) (Invalid value)", ""),
        (said(429, "slow down", Retry_After="9000"), "asks to wait 9,000 s", "try later"),
        (said(500, "boom"), "failed (500) (boom); tried 3 times", "what was read is kept"),
        ((502, {}, b"bad gateway"), "failed (502); tried 3 times", "try later"),
        (PAGE, "answers, but not in JSON ('<!doctype html>", "is it an MLflow tracking server?"),
        ((302, {"Location": "https://u:p@sso.org/login?next=1"}, b""), "sends on to 'https://sso.org/login'", "log in"),
        ((200, {}, b"[1]"), "not in JSON", "MLFLOW_TRACKING_URI"),
        ((200, {}, b'{"experiments": 3}'), "in an unknown form", "MLflow tracking server"),
        ((200, {"Content-Encoding": "gzip"}, b"nonsense"), "cannot be decoded", ""),
    ],
)
def test_what_a_server_refuses_is_explained(server: Scripted, answer: Any, reason: str, hint: str) -> None:
    server.failures = [answer] * 10
    with pytest.raises(LoadFailed) as error:
        found_at(server)
    assert reason in error.value.message
    assert hint in error.value.hint


def test_a_busy_server_is_asked_again(server: Scripted) -> None:
    server.add_run("a", metrics=["loss"])
    server.failures = [said(503, "starting"), said(429, "slow down", Retry_After="0")]
    assert list(runs_at(server)) == ["a"]


def test_a_date_to_come_back_at_is_understood(server: Scripted) -> None:
    server.failures = [said(503, "x", Retry_After="Wed, 21 Oct 2065 07:28:00 GMT")]
    with pytest.raises(LoadFailed, match="asks to wait 1,2"):
        found_at(server)
    server.failures = [said(503, "x", Retry_After="Wed, 21 Oct 2015 07:28:00 GMT")]
    assert found_at(server).count == 0


def test_waiting_for_a_server_ends_when_asked_to_stop(server: Scripted) -> None:
    found = found_at(server)
    server.failures = [said(503, "busy", Retry_After="1")] * 10
    (problem,) = read(found, stop=lambda: len(server.asked) > 2)
    assert isinstance(problem, Problem)
    assert "stopped while waiting" in problem.reason


def test_a_server_that_is_not_there_is_told() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(LoadFailed, match="the connection was refused; tried 3 times") as error:
        mlflow_rest.found_at(uri, environ={}, patience=HASTY)
    assert "that the server runs" in error.value.hint


def test_a_host_that_has_no_address_is_told() -> None:
    with pytest.raises(LoadFailed, match="there is no host of the name"):
        mlflow_rest.found_at("http://no-such-host.invalid:5000", environ={}, patience=HASTY)


@pytest.mark.parametrize("uri", ["http://", "http://host:port", "http://[::1", "http://ho st/"])
def test_an_address_that_cannot_be_is_told(uri: str) -> None:
    with pytest.raises(LoadFailed):
        mlflow_rest.found_at(uri, environ={}, patience=HASTY)


def test_a_server_that_takes_too_long_is_told(server: Scripted) -> None:
    server.delay = 1.0
    with pytest.raises(LoadFailed, match=r"gives no answer within 0\.1 s; tried 2 times"):
        mlflow_rest.found_at(server.uri, environ={}, patience=Patience(timeout=0.1, tries=2, first=0.01))


def test_patience_is_mlflows() -> None:
    told = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "5", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
    assert patience_of(told) == Patience(timeout=5.0, tries=1)
    assert patience_of({"MLFLOW_HTTP_REQUEST_TIMEOUT": "long"}) == Patience()


def test_a_port_that_speaks_something_else_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        uri = f"http://127.0.0.1:{other.getsockname()[1]}"
        patience = Patience(timeout=0.5, tries=1)

        def greet() -> None:
            connection, _ = other.accept()
            with connection:
                connection.sendall(b"SSH-2.0-OpenSSH\r\n")
                connection.recv(1000)

        thread = threading.Thread(target=greet)
        thread.start()
        with pytest.raises(LoadFailed, match="does not speak HTTP"):
            mlflow_rest.found_at(uri, environ={}, patience=patience)
        thread.join()


def test_a_history_that_fails_leaves_the_last_value_and_the_others(server: Scripted) -> None:
    for number in range(3):
        server.add_run(f"r{number}", metrics=["loss"], points=9)
    found = list(runs_at(server).values())
    server.fail_paths = {"metrics/get-history": said(500, "boom"), "metrics/get-history-bulk": said(500, "boom")}
    last, problem = found[0].history()
    assert last == Point("loss", 1.0, 8, 1700000000.008)
    assert isinstance(problem, Problem)
    assert (problem.place, "only its last value was read" in problem.reason) == ("run r0, metric loss", True)
    server.fail_paths = {}
    assert len(points(found[1], "loss")) == 9


def test_one_experiment_that_fails_does_not_stop_the_others(server: Scripted) -> None:
    server.add_experiment("2", "two")
    server.add_run("a")
    server.add_run("b", experiment="2")
    found = found_at(server)
    server.fail_paths = {}
    original = server.answer
    server.answer = lambda path, query: (  # type: ignore[method-assign]
        said(500, "boom") if query.get("experiment_ids") == ["1"] else original(path, query)
    )
    problem, run = read(found)
    assert isinstance(problem, Problem)
    assert isinstance(run, Run)
    assert (problem.place, run.run_id) == ("experiment churn", "b")


# -- a server that goes away, and going on ---------------------------------------------------------------------


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    """An empty catalogue."""
    opened = Catalogue.open(tmp_path / "catalogue.db")
    yield opened
    opened.close()


def stored_under(catalogue: Catalogue, server: Scripted) -> int:
    key = SourceKey(collection="default", root=server.uri, source=server.uri)
    with catalogue.write() as conn:
        return set_source(conn, key, kind="mlflow-server", state="lexical")


def test_a_server_that_goes_away_in_the_middle_keeps_what_was_read_and_is_gone_on_with(
    server: Scripted, catalogue: Catalogue
) -> None:
    server.page = 100
    for number in range(300):
        server.add_run(f"r{number}", metrics=["loss"], points=3)
    source, found = stored_under(catalogue, server), found_at(server)
    gone = {"runs/search": (502, {}, b""), "metrics/get-history-bulk": (502, {}, b"")}

    def seen(count: int) -> None:
        if count == 150:
            server.fail_paths = {**gone, "metrics/get-history": (502, {}, b"")}

    first = runs.put_runs(catalogue, source, mlflow_rest.read(found, patience=HASTY), watch=seen)
    assert first.added >= 150
    assert any("runs were read, then" in problem.reason and "502" in problem.reason for problem in first.problems)
    server.fail_paths = {}
    again = runs.put_runs(catalogue, source, mlflow_rest.read(found, patience=HASTY))
    assert (again.added + again.updated + again.unchanged, again.removed, again.problems) == (300, 0, ())
    assert again.unchanged > 100
    third = runs.put_runs(catalogue, source, mlflow_rest.read(found, patience=HASTY))
    assert (third.unchanged, third.added + third.updated + third.removed) == (300, 0)


def test_histories_fill_in_behind_last_values(server: Scripted, catalogue: Catalogue) -> None:
    for number in range(20):
        server.add_run(f"r{number}", metrics=["loss"], points=7)
    source, held = stored_under(catalogue, server), []
    for options in ({"lasts": True}, {}, {"lasts": True, "known": frozenset(versions(server))}):
        items = mlflow_rest.read(found_at(server, **options), patience=HASTY)
        done = runs.put_runs(catalogue, source, items)
        points = runs.history(catalogue, runs.runs(catalogue)[0].pk, "loss")
        held.append((done.added, done.updated, done.unchanged, len(points or ())))
    assert held == [(20, 0, 0, 1), (0, 20, 0, 7), (0, 0, 20, 7)]


def versions(server: Scripted) -> set[str]:
    return {run.version or "" for run in runs_at(server).values()}


# -- being let in ----------------------------------------------------------------------------------------------


def test_a_token_goes_into_the_header_and_nowhere_else(
    server: Scripted, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", SECRET)
    (found,) = detect(server.uri)
    server.failures = [said(401, f"bad token {SECRET}")] * 10
    (problem,) = READERS[found.kind](found)
    assert {headers["Authorization"] for headers in server.headers} == {f"Bearer {SECRET}"}
    assert isinstance(problem, Problem)
    assert "does not accept the token (401) (bad token ***)" in problem.reason
    assert SECRET not in f"{found!r} {problem!r} {caplog.text}"


def test_user_and_password_come_from_the_environment_or_the_address() -> None:
    given = {"MLFLOW_TRACKING_USERNAME": "ann", "MLFLOW_TRACKING_PASSWORD": "pw", "MLFLOW_TRACKING_TOKEN": "t"}
    assert access_of(given).basic() == ("ann", "pw")
    named = access_of(given, "http://bob:p%40ss@host:1")
    assert (named.basic(), named.token) == (("bob", "p@ss"), "")
    assert "p@ss" not in repr(named)


def test_credentials_in_the_address_are_used_and_not_shown(server: Scripted) -> None:
    (found,) = detect(server.uri.replace("//", f"//bob:{SECRET}@"))
    read(found)
    assert {headers["Authorization"][:6] for headers in server.headers} == {"Basic "}
    assert found.source == server.uri
    assert SECRET not in repr(found)


def test_an_address_is_kept_without_credentials_and_query() -> None:
    assert plain("HTTPS://u:p@Host:8443/ml/?a=1#/experiments/3") == "https://host:8443/ml"
    assert plain("http://[::1]:5000") == "http://[::1]:5000"


def test_a_proxy_is_gone_through_unless_the_host_is_excepted(server: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.uri)
    assert mlflow_rest.found_at("http://mlflow.example:5000", environ={}, patience=HASTY).count == 0
    assert server.headers[0]["target"].startswith("http://mlflow.example:5000/api/2.0/mlflow/")
    monkeypatch.setenv("NO_PROXY", "no-such-host.invalid")
    with pytest.raises(LoadFailed, match="no host of the name"):
        mlflow_rest.found_at("http://no-such-host.invalid:5000", environ={}, patience=HASTY)


def test_a_proxy_variable_that_cannot_be_used_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "gopher://127.0.0.1:1")
    with pytest.raises(LoadFailed, match="cannot be set up") as error:
        mlflow_rest.found_at("http://mlflow.example", environ={}, patience=HASTY)
    assert "proxy" in error.value.hint


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that its own key signed; the key lies beside it."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    call = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    call += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run(call, cwd=folder, check=True, capture_output=True)
    return folder / "cert.pem"


@pytest.fixture
def safe_server(certificate: Path) -> Iterator[Scripted]:
    """A server behind TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    with serving(Scripted(), context) as script:
        yield script


def test_a_certificate_that_nobody_vouches_for_is_refused(safe_server: Scripted) -> None:
    with pytest.raises(LoadFailed, match=r"is not safe: .*CERTIFICATE_VERIFY_FAILED") as error:
        mlflow_rest.found_at(safe_server.uri, environ={}, patience=HASTY)
    assert "REQUESTS_CA_BUNDLE" in error.value.hint
    assert "tried" not in error.value.message


@pytest.mark.parametrize("name", ["MLFLOW_TRACKING_SERVER_CERT_PATH", "REQUESTS_CA_BUNDLE"])
def test_authorities_can_be_named(safe_server: Scripted, certificate: Path, name: str) -> None:
    assert mlflow_rest.found_at(safe_server.uri, environ={name: str(certificate)}, patience=HASTY).count == 0


def test_checking_certificates_can_be_turned_off(safe_server: Scripted) -> None:
    environ = {"MLFLOW_TRACKING_INSECURE_TLS": "true"}
    assert mlflow_rest.found_at(safe_server.uri, environ=environ, patience=HASTY).count == 0


def test_a_file_of_authorities_that_is_not_there_is_told(tmp_path: Path) -> None:
    access = access_of({"REQUESTS_CA_BUNDLE": str(tmp_path / "none.pem")})
    with pytest.raises(Refused, match=r"none\.pem' cannot be used: No such file"):
        Server("https://host", access)
