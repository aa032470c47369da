"""The executor: order, reuse, failure, retries, what a stage may see."""

from __future__ import annotations

import json
import threading

import pytest

from gnomon.core.errors import DataError, IntegrityError, PlanError, StageError
from gnomon.pipeline.base import Key
from gnomon.pipeline.codecs import JsonCodec
from gnomon.pipeline.executor import PipelineExecutor


def chain(toy):
    one = toy("one", lambda: 1, writes=["a"])
    two = toy("two", lambda a: a + 1, reads=["a"], writes=["b"])
    three = toy("three", lambda a, b: a + b, reads=["a", "b"], writes=["c"])
    return one, two, three


def test_values_flow_from_stage_to_stage(bench, toy):
    executor = PipelineExecutor(bench.plan(*chain(toy)), bench.products)
    outcome = executor.run()
    assert executor.value(Key("c", JsonCodec())) == 3
    assert outcome.computed == ["one", "two", "three"]


def test_what_is_done_is_not_done_again(bench, toy):
    stages = chain(toy)
    PipelineExecutor(bench.plan(*stages), bench.products).run()
    outcome = PipelineExecutor(bench.plan(*stages), bench.products).run()
    assert outcome.computed == []
    assert [stage.runs for stage in stages] == [1, 1, 1]


def test_a_changed_config_redoes_the_stage_and_what_depends_on_it(bench, toy):
    one, two, three = chain(toy)
    PipelineExecutor(bench.plan(one, two, three), bench.products).run()
    changed = toy("two", lambda a: a + 10, reads=["a"], writes=["b"], config={"step": 10})
    executor = PipelineExecutor(bench.plan(one, changed, three), bench.products)
    assert executor.run().computed == ["two", "three"]
    assert executor.value(Key("c", JsonCodec())) == 12


def test_a_changed_config_with_the_same_bytes_stops_there(bench, toy):
    one, two, three = chain(toy)
    PipelineExecutor(bench.plan(one, two, three), bench.products).run()
    same = toy("two", lambda a: a + 1, reads=["a"], writes=["b"], config={"note": "same"})
    assert PipelineExecutor(bench.plan(one, same, three), bench.products).run().computed == ["two"]


def test_a_failure_keeps_what_was_done_and_the_next_run_goes_on(bench, toy):
    one = toy("one", lambda: 1, writes=["a"])
    broken = toy("two", lambda a: 1 / 0, reads=["a"], writes=["b"])
    with pytest.raises(StageError, match="stage 'two' failed: ZeroDivisionError"):
        PipelineExecutor(bench.plan(one, broken), bench.products).run()
    mended = toy("two", lambda a: a, reads=["a"], writes=["b"])
    assert PipelineExecutor(bench.plan(one, mended), bench.products).run().computed == ["two"]


def test_a_refusal_keeps_its_kind_and_names_the_stage(bench, toy):
    def refuse():
        raise DataError("bad bars")

    with pytest.raises(DataError, match="bad bars") as caught:
        PipelineExecutor(bench.plan(toy("check", refuse, writes=["a"])), bench.products).run()
    assert "in stage 'check'" in caught.value.__notes__[0]


def test_retries_wait_longer_each_time_and_then_succeed(bench, toy):
    failures = iter([OSError("busy"), OSError("busy")])

    def flaky():
        for error in failures:
            raise error
        return 5

    waits: list[float] = []
    plan = bench.plan(toy("one", flaky, writes=["a"]), retries=2)
    PipelineExecutor(plan, bench.products, sleep=waits.append).run()
    assert waits == [1.0, 2.0]


def test_a_refusal_is_not_retried(bench, toy):
    stage = toy("one", lambda: (_ for _ in ()).throw(DataError("bad")), writes=["a"])
    waits: list[float] = []
    with pytest.raises(DataError):
        PipelineExecutor(bench.plan(stage, retries=3), bench.products, sleep=waits.append).run()
    assert (stage.runs, waits) == (1, [])


def test_independent_stages_run_side_by_side(bench, toy):
    meet = threading.Barrier(2, timeout=20)
    left = toy("left", lambda: meet.wait() * 0, writes=["a"])
    right = toy("right", lambda: meet.wait() * 0, writes=["b"])
    PipelineExecutor(bench.plan(left, right), bench.products, workers=2).run()


def test_until_runs_only_what_it_needs_and_from_redoes_what_follows(bench, toy):
    stages = chain(toy)
    outcome = PipelineExecutor(bench.plan(*stages), bench.products).run(until="two")
    assert outcome.stages["three"].status == "left out"
    PipelineExecutor(bench.plan(*stages), bench.products).run()
    assert PipelineExecutor(bench.plan(*stages), bench.products).run(again_from="two").computed == ["two", "three"]


def test_a_stage_sees_only_what_it_declared(bench, toy):
    one = toy("one", lambda: 1, writes=["a"])
    sly = toy("two", lambda: 0, reads=[], writes=["b"])
    sly.run = lambda context: {sly.writes[0]: context[Key("a", JsonCodec())]}
    with pytest.raises(PlanError, match="unknown input 'a'"):
        PipelineExecutor(bench.plan(one, sly), bench.products).run()


@pytest.mark.parametrize(
    ("function", "message"),
    [(lambda: (), "promised 'a'"), (lambda: object(), "wrote a bad 'a': not a plain JSON value")],
)
def test_what_a_stage_writes_is_checked(bench, toy, function, message):
    stage = toy("one", function, writes=["a"])
    with pytest.raises(StageError, match=message):
        PipelineExecutor(bench.plan(stage), bench.products).run()


def test_a_lost_object_is_made_again(bench, toy):
    stages = chain(toy)
    PipelineExecutor(bench.plan(*stages), bench.products).run()
    for path in (bench.folder / "objects").rglob("*"):
        if path.is_file():
            path.chmod(0o600)
            path.unlink()
    assert PipelineExecutor(bench.plan(*stages), bench.products).run().computed == ["one", "two", "three"]


def test_an_altered_record_is_found(bench, toy):
    stages = chain(toy)
    PipelineExecutor(bench.plan(*stages), bench.products).run()
    path = next((bench.folder / "stages").rglob("*.json"))
    path.chmod(0o600)
    path.write_bytes(path.read_bytes().replace(b'"stage":"', b'"stage":"x'))
    with pytest.raises(IntegrityError, match="altered"):
        PipelineExecutor(bench.plan(*stages), bench.products).run()


def test_a_value_is_handed_on_as_it_would_be_loaded(bench, toy):
    """Else a run that was killed in between would go on with another order of keys, and end in other bytes."""
    seen = []
    one = toy("one", lambda: {"b": (1, 2), "a": 0}, writes=["a"])
    two = toy("two", lambda a: seen.append(json.dumps(a)) or 0, reads=["a"], writes=["b"])
    PipelineExecutor(bench.plan(one, two), bench.products).run()
    PipelineExecutor(bench.plan(one, two), bench.products).run(again_from="two")
    assert seen[0] == seen[1] == '{"a": 0, "b": [1, 2]}'


def test_a_stage_finds_what_it_left_midway_until_it_is_done(bench, toy):
    class Walks(toy):
        """Takes a step each time it is started, and fails until the third."""

        def run(self, context):
            context.midway.mkdir(parents=True, exist_ok=True)
            (context.midway / str(len(list(context.midway.iterdir())))).touch()
            self.seen = sorted(path.name for path in context.midway.iterdir())
            if len(self.seen) < 3:
                raise OSError("the power went")
            return super().run(context)

    stage = Walks("one", lambda: 1, writes=["a"])
    with pytest.raises(StageError, match="the power went"):
        PipelineExecutor(bench.plan(stage), bench.products).run()
    (left,) = bench.products.unfinished()
    # Another configuration is another stage, with a folder of its own.
    other = Walks("one", lambda: 1, writes=["a"], config={"other": 1})
    with pytest.raises(StageError):
        PipelineExecutor(bench.plan(other), bench.products).run()
    assert other.seen == ["0"]
    assert len(bench.products.unfinished()) == 2
    # A stage that is tried again goes on too.
    PipelineExecutor(bench.plan(stage, retries=1), bench.products, sleep=lambda _: None).run()
    assert stage.seen == ["0", "1", "2"]
    assert not left.exists()
    # Killed between its record and the removal: what is left goes when the record is found.
    left.mkdir()
    assert PipelineExecutor(bench.plan(stage), bench.products).run().computed == []
    assert not left.exists()
