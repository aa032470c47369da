"""A sweep scores, counts, records failures, goes on where it stopped, and replaces what it repeats."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from gnomon.data.calendars import periods_per_year
from gnomon.evaluation.base import DOUBT_COLUMNS
from gnomon.evaluation.doubt import sharpe_doubt
from gnomon.metrics.returns import max_drawdown, sharpe_ratio
from gnomon.pipeline.catalogue import Candidate
from gnomon.pipeline.catalogue import sweep as room
from gnomon.pipeline.catalogue.base import KEY
from gnomon.pipeline.catalogue.recount import doubt_of
from gnomon.pipeline.catalogue.score import prepare_rows, score, standard_errors
from gnomon.training.scores import Judged


def scored(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(pl.col("status") == "scored")


def test_every_combination_is_a_row_and_a_failure_is_one_too(swept):
    tiny, report = swept
    rows = tiny.catalogue.read()
    assert (report.scored, report.failed, report.skipped) == (6, 2, 0)
    assert rows.height == 8
    assert rows.select(KEY).is_unique().all()
    failed = rows.filter(pl.col("status") == "failed")
    assert failed["cause"].str.contains("greater than 0").all()
    assert failed["sharpe"].is_null().all()
    done = scored(rows)
    for name in ("total_return", "max_drawdown", "f1", "log_loss", "ece", "fit_seconds", "row_microseconds"):
        assert done[name].is_not_null().all(), name
    assert (done["rows_per_second"] > 0).all()
    assert done["parameters"].is_not_null().all()
    first, last = tiny.sets[0].bars["timestamp"].min(), tiny.sets[0].bars["timestamp"].max()
    assert set(rows.select("bars", "first", "last").rows()) == {(tiny.sets[0].bars.height, first, last)}
    assert done["test_first"].is_between(first, last).all()
    # The rule always says the same class: of what it gets right only the frequency varies.
    assert (done.select("f1_error", "log_loss_error", "ece_error").min_horizontal() > 0).all()
    assert set(done.filter(pl.col("model") == "random_forest")["depth"]) == {2}


def test_the_figures_are_those_of_the_account(swept):
    tiny, _ = swept
    data_set = tiny.sets[0]
    forest = tiny.candidates[2]
    found = score(forest.section, prepare_rows(data_set.bars, {}, tiny.config, 3), data_set.bars, tiny.config)
    row = scored(tiny.catalogue.read()).filter(pl.col("data_set") == "left", pl.col("model") == "random_forest")
    returns = found.simulation.returns
    assert row["total_return"].item() == pytest.approx(np.prod(1.0 + returns) - 1.0)
    assert row["max_drawdown"].item() == pytest.approx(max_drawdown(np.cumprod(np.append(1.0, 1.0 + returns))))
    assert row["sharpe"].item() == pytest.approx(sharpe_ratio(returns))
    # Three trees of depth 2: between one leaf and four a tree.
    assert 3 <= row["parameters"].item() <= 12
    periods = periods_per_year(found.simulation.equity["timestamp"])
    alone = sharpe_doubt(returns, periods_per_year=periods)
    assert row["standard_error"].item() == pytest.approx(alone.standard_error)
    assert row["dsr"].item() < alone.dsr


def test_every_scored_configuration_is_a_counted_try_of_its_market(swept):
    tiny, _ = swept
    ledger = tiny.sweep().ledger
    done = scored(tiny.catalogue.read())
    for data_set in tiny.sets:
        own = done.filter(pl.col("data_set") == data_set.name)
        assert ledger.count(data_set.market) == 3
        assert own["trials"].to_list() == [3, 3, 3]
        assert own["spa_pvalue"].is_between(0, 1).all()
        assert own["pbo"].is_between(0, 1).all()
        assert own["effective_trials"].is_between(1, 3).all()
    assert set(ledger.trials()[0].config) <= set("0123456789abcdef")


def test_a_sharpe_ratio_has_all_of_its_doubt(swept):
    tiny, _ = swept
    for row in scored(tiny.catalogue.read()).iter_rows(named=True):
        doubt = doubt_of(row)
        assert list(doubt.row()) == list(DOUBT_COLUMNS)
        if not math.isnan(doubt.sharpe):
            assert not any(math.isnan(doubt.row()[name]) for name in ("standard_error", "psr", "dsr", "pbo"))


def test_what_is_there_is_skipped_and_what_failed_is_tried_again(swept, monkeypatch):
    tiny, _ = swept
    before = tiny.catalogue.read()
    asked: list[str] = []
    real = room.score
    monkeypatch.setattr(room, "score", lambda section, *rest: asked.append(section.model_type) or real(section, *rest))
    report = tiny.sweep().run(tiny.sets, [3], tiny.candidates)
    assert (report.scored, report.failed, report.skipped) == (0, 2, 6)
    assert asked == ["logistic_regression"] * 2
    assert scored(tiny.catalogue.read()).equals(scored(before))


def test_an_interrupt_loses_nothing_that_was_done(swept, tmp_path, monkeypatch):
    tiny = type(swept[0])(tmp_path, swept[0].config)
    real, asked = room.score, []

    def interrupted(section, *rest):
        asked.append(section.model_type)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return real(section, *rest)

    monkeypatch.setattr(room, "score", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tiny.sweep().run(tiny.sets[:1], [3], tiny.candidates[:3])
    held = tiny.catalogue.read()
    assert held["model"].to_list() == ["majority", "logistic_regression"]
    assert held["trials"].to_list() == [2, 2]
    monkeypatch.setattr(room, "score", real)
    report = tiny.sweep().run(tiny.sets[:1], [3], tiny.candidates[:3])
    assert (report.scored, report.skipped) == (1, 2)
    assert tiny.catalogue.read()["trials"].to_list() == [3, 3, 3]


def test_again_replaces_rows_and_counts_no_new_tries(swept, tmp_path):
    tiny = type(swept[0])(tmp_path, swept[0].config)
    rule = [Candidate(model="majority")]
    for _ in range(2):
        assert tiny.sweep(resume=False).run(tiny.sets[:1], [3], rule).scored == 1
    assert tiny.catalogue.read().height == 1
    assert tiny.sweep().ledger.count() == 1
    tiny.sweep().run(tiny.sets[:1], [2], rule)
    assert tiny.catalogue.read()["trials"].to_list() == [2, 2]


def test_a_market_is_traded_at_its_own_costs(swept, tmp_path):
    tiny = type(swept[0])(tmp_path, swept[0].config)
    rule = [Candidate(model="momentum_rule")]
    cheap, dear = tiny.sets[0], replace(tiny.sets[0], name="dear", execution={"fee_bps": 100})
    tiny.sweep().run([cheap, dear], [3], rule)
    rows = tiny.catalogue.read()
    assert rows["config_hash"].n_unique() == 2
    earned = dict(rows.select("data_set", "total_return").rows())
    assert earned["dear"] < earned["left"]
    assert tiny.sweep().run([cheap, dear], [3], rule).skipped == 2


def test_data_that_no_model_can_use_fail_with_their_cause(swept, tmp_path):
    tiny = type(swept[0])(tmp_path, swept[0].config)
    report = tiny.sweep().run(tiny.sets[:1], [3, 5000], [Candidate(model="majority")])
    assert (report.scored, report.failed) == (1, 1)
    assert "5000" in report.causes[0]
    assert tiny.sweep().ledger.count() == 1


def test_errors_are_those_of_draws_of_blocks():
    chance = np.random.default_rng(3)
    rows = 2000
    held = Judged(
        actual=chance.integers(-1, 2, rows).astype(np.int8),
        probability=chance.dirichlet(np.ones(3), rows),
        forward_return=np.zeros(rows),
        weight=np.ones(rows),
    )
    alone = standard_errors(held, np.arange(rows), rng=np.random.default_rng(1))
    given = held.probability[np.arange(rows), held.actual.astype(int) + 1]
    assert alone["log_loss"] == pytest.approx(np.log(given).std() / math.sqrt(rows), rel=0.15)
    # Labels overlap: each row five times says no more than once, and a bootstrap of single rows would not know that.
    often = np.repeat(np.arange(rows), 5)
    copied = replace(
        held,
        actual=held.actual[often],
        probability=held.probability[often],
        forward_return=held.forward_return[often],
        weight=held.weight[often],
    )
    blocks = standard_errors(copied, often, rng=np.random.default_rng(1))
    blind = standard_errors(copied, np.arange(5 * rows), rng=np.random.default_rng(1))
    for name in ("f1", "log_loss"):
        assert blocks[name] == pytest.approx(alone[name], rel=1e-9)
        assert blind[name] < 0.6 * blocks[name]
    assert all(math.isnan(error) for error in standard_errors(held, np.zeros(rows, int), rng=chance).values())
