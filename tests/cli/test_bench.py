"""`gnomon bench`: a tiny sweep, resumed, ranked, shown as a page."""

from __future__ import annotations

import polars as pl

SWEEP = ("bench", "models", "--data", "sp500", "--rows", "700", "--horizons", "2")


def test_a_sweep_is_counted_resumed_and_ranked(say, workspace, tmp_path):
    where = ("--workspace", workspace, "--json")
    first = say(*SWEEP, "--models", "majority,ridge", *where).object
    assert (first["scored"], first["failed"], first["skipped"]) == (2, 0, 0)
    again = say(*SWEEP, "--models", "majority,ridge,random_forest", "--size", "trees=2", *where).object
    assert (again["scored"], again["skipped"]) == (1, 2)
    kinds = [trial["kind"] for trial in say("trials", "list", *where).object["trials"]]
    assert kinds.count("bench") == 3
    rows = pl.read_parquet(again["catalogue"])
    assert rows["trials"].to_list() == [3, 3, 3]
    page = tmp_path / "page.html"
    shown = say("bench", "show", "--html", page, *where).object
    assert {one["label"] for one in shown["ranking"]} == {"majority", "ridge", "random_forest"}
    assert "Models compared" in page.read_text()
    said = say("bench", "show", "--by", "log_loss", "--workspace", workspace)
    assert "mean rank" in said.out
    assert shown["verdict"] in said.out.replace("\n", " ")
    assert [one["data_set"] for one in shown["luck"]] == ["sp500"]
    of_class = ("bench", "show", "--asset-class")
    assert say(*of_class, "index", *where).object["rows"] == 3
    assert "known: index" in say(*of_class, "crypto", "--workspace", workspace, code=2).err


def test_a_failure_is_said_and_is_no_failure_of_the_sweep(say, tmp_path):
    said = say(*SWEEP, "--models", "gru", "--size", "layers=0", "--workspace", tmp_path)
    assert "0 rows scored, 1 failed" in said.out
    assert "failed: gru" in said.out
    assert "Nothing is scored" in say("bench", "show", "--workspace", tmp_path).out


def test_what_a_depth_means_nothing_to_and_what_is_left_out_is_said(say, tmp_path):
    size = ("--size", "rounds=2", "--families", "baseline", "--depths", "1,2", "--workspace", tmp_path)
    said = say(*SWEEP, *size).out
    assert "A depth means nothing to majority, momentum_rule, persistence" in said
    found = say(*SWEEP, *size, "--json").object
    assert (found["skipped"], found["without_depth"]) == (3, ["majority", "momentum_rule", "persistence"])
    assert found["left_out"] == {}
    models = say(*SWEEP, "--families", "ensemble", "--workspace", tmp_path, code=2).err
    assert "ensemble" in models


def test_wrong_words_are_told_before_any_work(say, tmp_path):
    for words, told in (
        (("--models", "gruu"), "did you mean 'gru'"),
        (("--horizons", "5,x"), "--horizons takes whole numbers"),
        (("--horizons", ","), "--horizons names none"),
        (("--depths", "0"), "--depths takes whole numbers"),
        (("--data", ","), "--data names none"),
        (("--size", "epochs"), "field=value"),
        (("--families", "boostin"), "did you mean 'boosting'"),
    ):
        assert told in say("bench", "models", *words, "--workspace", tmp_path, code=2).err
    assert "did you mean 'sharpe'" in say("bench", "show", "--by", "sharp", "--workspace", tmp_path, code=2).err
    assert not (tmp_path / ".gnomon").exists()
