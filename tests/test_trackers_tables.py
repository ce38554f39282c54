"""Tables of results: which are runs and which are not, and what their columns mean."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from openpyxl import Workbook
from runs_of import metric, points, read_all, runs_in, write
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.tree import DecisionTreeClassifier

from ingest.trackers import detect
from ingest.trackers.columns import Role
from ingest.trackers.tables import plan
from kb.records import Direction, State

RESULTS = """\
Id,Model Type,Date,lr,N Samples,R2 Score,Val RMSE,Best Params
0cf,MLP ,2023-06-27 12:41:16,0.1,100,0.75,1.5,"{'units': 3}"
926,GMM,2023-06-28 12:41:16,0.01,100,-1.5,nan,None
926,MLP ,2023-06-28 13:00:00,0.01,200,0.9,0.25,None
"""


def test_identifiers_names_parameters_and_metrics_are_told_apart(tmp_path: Path) -> None:
    path = write(tmp_path / "experiments.csv", RESULTS)
    how = plan(path, tmp_path)
    assert how is not None
    assert {name: role.value for name, role in how.roles.items()} == {
        "Id": "id",
        "Model Type": "name",
        "Date": "time",
        "lr": "param",
        "N Samples": "param",
        "R2 Score": "metric",
        "Val RMSE": "metric",
        "Best Params": "param",
    }
    assert "id: Id" in detect(tmp_path)[0].why


def test_a_row_is_a_run_and_repeated_ids_are_kept_and_counted(tmp_path: Path) -> None:
    write(tmp_path / "experiments.csv", RESULTS)
    runs, problems = read_all(tmp_path)
    assert [(run.run_id, run.copy, run.place) for run in runs] == [
        ("0cf", 0, "line 2"),
        ("926", 0, "line 3"),
        ("926", 1, "line 4"),
    ]
    assert problems == []
    assert (runs[0].name, runs[0].params["Model Type"], runs[0].params["lr"]) == ("MLP", "MLP", 0.1)
    assert (metric(runs[1], "Val RMSE").odd, metric(runs[1], "Val RMSE").split) == (1, "valid")
    assert runs[0].started == 1687869676.0


def test_a_name_without_a_header_that_no_rows_share_is_the_id(tmp_path: Path) -> None:
    write(tmp_path / "results" / "cv.csv", ",CV Mean AUC,CV Std\nRandom Forest,0.82,0.01\nSVM,0.75,0.02\n")
    runs = runs_in(tmp_path)
    assert set(runs) == {"Random Forest", "SVM"}
    assert points(runs["SVM"], "CV Mean AUC") == [(None, 0.75)]


def test_rows_without_a_name_are_numbered(tmp_path: Path) -> None:
    write(tmp_path / "grid_results.csv", "lr,depth,accuracy\n0.1,2,0.5\n0.2,2,0.75\n")
    assert set(runs_in(tmp_path)) == {"grid_results.csv#1", "grid_results.csv#2"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("drift_table.csv", "feature,psi,baseline_mean,current_mean\nage,11.2,11.9,21.9\nsex,0.1,0.5,0.6\n"),
        ("importances.csv", "feature,importance\na,0.5\nb,0.25\n"),
        ("report.csv", ",precision,recall,f1-score,support\ncat,0.5,0.5,0.5,10\ndog,0.7,0.6,0.6,10\n"),
        ("predictions.csv", "id,target,prediction,score\n1,0,1,0.7\n2,1,1,0.8\n"),
        ("students.csv", "name,math score,reading score\nann,72,71\nbob,69,90\n"),
        ("data.csv", "x,y\n0.1,0.2\n0.3,0.4\n"),
        ("empty.csv", ""),
        ("config.json", '{"resnet": {"loss_weight": 1.0}, "vgg": {"loss_weight": 0.5}}'),
        ("package.json", '{"name": "x", "version": "1.0"}'),
    ],
)
def test_tables_of_other_things_hold_no_runs(tmp_path: Path, name: str, text: str) -> None:
    write(tmp_path / name, text)
    assert detect(tmp_path) == []


def test_cv_results_of_scikit_learn_are_runs_with_known_directions(tmp_path: Path) -> None:
    features, labels = load_iris(return_X_y=True)
    grid = GridSearchCV(DecisionTreeClassifier(random_state=0), {"max_depth": [1, 2, 3], "criterion": ["gini"]}, cv=3)
    grid.fit(features, labels)
    pd.DataFrame(grid.cv_results_).to_csv(tmp_path / "search.csv")
    runs = list(runs_in(tmp_path).values())
    assert [run.params for run in runs] == grid.cv_results_["params"]
    assert [metric(run, "mean_test_score").last for run in runs] == pytest.approx(grid.cv_results_["mean_test_score"])
    assert metric(runs[0], "mean_test_score").split == "valid"
    assert runs[0].directions["mean_test_score"] is Direction.MAXIMIZE
    assert runs[0].tracker == "sklearn"


def test_a_leaderboard_of_autogluon_is_runs_by_model(tmp_path: Path) -> None:
    header = "model,score_test,score_val,fit_time,stack_level,can_infer,fit_order"
    rows = ("LightGBM,0.8,0.81,1.5,1,True,2", "KNN,0.6,0.65,0.5,1,True,1")
    write(tmp_path / "leaderboard.csv", "\n".join((header, *rows)))
    runs = runs_in(tmp_path)
    assert set(runs) == {"LightGBM", "KNN"}
    assert (runs["KNN"].tracker, runs["KNN"].directions["score_val"]) == ("autogluon", Direction.MAXIMIZE)
    assert [(m, metric(runs["KNN"], m).split) for m in ("score_test", "score_val")] == [
        ("score_test", "test"),
        ("score_val", "valid"),
    ]


def test_exports_of_trackers_are_told_by_their_columns(tmp_path: Path) -> None:
    write(
        tmp_path / "w.csv",
        '"Name","State","Runtime","lr","val_loss"\n"sun-1","finished","12","0.1","0.5"\n"sun-2","crashed","3","0.2",""\n',
    )
    write(tmp_path / "m.csv", "run_id,status,params.depth,metrics.val/auc,tags.user\nabc,FINISHED,7,0.9,ann\n")
    write(tmp_path / "o.csv", "number,value,datetime_start,params_x,state\n0,0.5,2024-01-01 00:00:00,3,COMPLETE\n")
    runs = runs_in(tmp_path)
    assert (runs["sun-2"].tracker, runs["sun-2"].state, runs["sun-1"].params["lr"]) == ("wandb", State.FAILED, 0.1)
    assert (runs["abc"].params, points(runs["abc"], "val/auc"), runs["abc"].tags) == (
        {"depth": 7},
        [(None, 0.9)],
        {"user": "ann"},
    )
    assert (runs["0"].tracker, runs["0"].params, metric(runs["0"], "value").last) == ("optuna", {"x": 3}, 0.5)


def test_a_row_per_run_and_step_is_a_history_per_run(tmp_path: Path) -> None:
    rows = [f"{run},{epoch},{epoch / 10},0.1" for run in ("a", "b") for epoch in range(3)]
    write(tmp_path / "log.csv", "run,epoch,val_loss,lr\n" + "\n".join(rows) + "\n")
    runs = runs_in(tmp_path)
    assert set(runs) == {"a", "b"}
    assert points(runs["b"], "val_loss") == [(0, 0.0), (1, 0.1), (2, 0.2)]
    assert runs["b"].params["lr"] == 0.1


def test_lists_named_mappings_and_lines_of_json_are_tables_too(tmp_path: Path) -> None:
    rows = [{"model": "rf", "params": {"depth": 3}, "metrics": {"f1": 0.5}}, {"model": "svm", "metrics": {"f1": 0.25}}]
    write(tmp_path / "a" / "results.json", json.dumps(rows))
    write(tmp_path / "b" / "results.json", json.dumps({"knn": {"f1": 0.5}, "mlp": {"f1": 0.75}}))
    write(
        tmp_path / "c" / "results.jsonl",
        '{"name": "x1", "lr": 0.1, "acc": 0.5}\n{"name": "x2", "lr": 0.2, "acc": 0.6}\n',
    )
    runs = runs_in(tmp_path)
    assert set(runs) == {"rf", "svm", "knn", "mlp", "x1", "x2"}
    assert (runs["rf"].params["depth"], points(runs["rf"], "f1")) == (3, [(None, 0.5)])
    assert points(runs["x2"], "acc") == [(None, 0.6)]


def test_rows_of_one_model_on_several_splits_are_one_run(tmp_path: Path) -> None:
    rows = ("base,validation,0.5,0.6,2000", "base,test,0.4,0.7,2001", "rf,validation,0.8,0.5,1", "rf,test,0.9,0.4,2")
    write(tmp_path / "results" / "metrics.csv", "\n".join(("model,split,roc_auc,log_loss,tn", *rows)))
    runs = runs_in(tmp_path)
    assert set(runs) == {"base", "rf"}
    told = [(p.name, p.split, p.value) for p in runs["rf"].history()]  # type: ignore[union-attr]
    assert told[:2] == [("roc_auc", "valid", 0.8), ("log_loss", "valid", 0.5)]
    assert ("tn", "test", 2.0) in told


def test_words_in_place_of_a_number_are_kept_as_what_describes_the_run(tmp_path: Path) -> None:
    text = "timestamp,val_mAP50,loss,plot\n2026-03-30 09:07:11,crash,L1,a.png\n2026-03-30 09:25:19,0.192,L2,b.png\n"
    write(tmp_path / "experiments.csv", text)
    first, second = runs_in(tmp_path).values()
    assert (first.tags["val_mAP50"], points(first, "val_mAP50")) == ("crash", [])
    assert points(second, "val_mAP50") == [(None, 0.192)]
    assert (second.params, second.tags["plot"]) == ({"loss": "L2"}, "b.png")


def test_percent_and_spread_are_read_and_the_text_kept(tmp_path: Path) -> None:
    write(tmp_path / "results.csv", "model,accuracy,f1\nrf,85.5%,0.85 ± 0.02\nsvm,90%,0.9 +/- 0.1\n")
    run = runs_in(tmp_path)["rf"]
    assert (points(run, "accuracy"), points(run, "f1")) == ([(None, 85.5)], [(None, 0.85)])
    assert (run.tags["accuracy"], run.tags["f1"]) == ("85.5%", "0.85 ± 0.02")


def test_models_deep_in_a_json_file_are_runs(tmp_path: Path) -> None:
    models = {"a": {"accuracy": 0.9, "config": {"lr": 0.1}}, "b": {"accuracy": 0.8, "config": {"lr": 0.2}}}
    write(tmp_path / "results.json", json.dumps({"comparison": {"summary": {"n": 2}, "models": models}}))
    runs = runs_in(tmp_path)
    assert set(runs) == {"a", "b"}
    assert runs["b"].params == {"lr": 0.2}


def test_columns_whose_names_only_begin_like_a_prefix_keep_them(tmp_path: Path) -> None:
    write(tmp_path / "results.csv", "model,params_total,config_name,accuracy\nrf,100,x,0.5\nsvm,200,y,0.75\n")
    assert runs_in(tmp_path)["rf"].params == {"model": "rf", "params_total": 100, "config_name": "x"}


def test_long_tables_are_read_to_their_end_and_promise_no_count(tmp_path: Path) -> None:
    rows = [f"run{n},{n % 7},{n / 9}" for n in range(6_000)]
    write(tmp_path / "grid_search_results.csv", "name,max_depth,val_accuracy\n" + "\n".join(rows))
    (found,) = detect(tmp_path)
    assert found.count is None
    assert len(runs_in(tmp_path)) == 6_000


def test_excel_sheets_of_results_are_read(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (("model", "lr", "accuracy"), ("rf", 0.1, 0.5), ("svm", 0.2, 0.75)):
        sheet.append(row)
    book.save(tmp_path / "results.xlsx")
    runs = runs_in(tmp_path)
    assert (runs["svm"].place, points(runs["svm"], "accuracy")) == ("Sheet!3", [(None, 0.75)])


def test_a_person_corrects_what_columns_mean_in_a_small_file(tmp_path: Path) -> None:
    write(tmp_path / "data" / "t.csv", "who,a,b,c\nx,1,2,3\ny,4,5,6\n")
    write(tmp_path / "results.csv", RESULTS)
    text = """
        ["data/*.csv"]
        kind = "runs"
        id = "who"
        metrics = ["b"]
        ignore = ["c"]
        direction = { b = "minimize" }
        ["results.csv"]
        kind = "ignore"
    """
    write(tmp_path / "citewise-runs.toml", text)
    runs = runs_in(tmp_path)
    assert set(runs) == {"x", "y"}
    assert (runs["y"].params, points(runs["y"], "b")) == ({"a": 4}, [(None, 5.0)])
    assert runs["y"].directions == {"b": Direction.MINIMIZE}


def test_a_mapping_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    write(tmp_path / "citewise-runs.toml", "[broken")
    write(tmp_path / "results.csv", RESULTS)
    _, problems = read_all(tmp_path)
    assert "no TOML" in problems[0].reason


def test_delimiters_and_bad_rows_are_no_obstacle(tmp_path: Path) -> None:
    write(tmp_path / "results.csv", "model;lr;accuracy\nrf;0.1;0.5\nsvm;0.1;0.2;9\nknn;0.2;0.75\n")
    runs, (problem,) = read_all(tmp_path)
    assert [run.run_id for run in runs] == ["rf", "knn"]
    assert (problem.source, problem.place) == ("results.csv", "line 3")


def test_roles_have_names_that_a_mapping_file_can_use() -> None:
    assert {role.value for role in Role} >= {"id", "name", "param", "metric", "step", "time", "status", "tag"}
