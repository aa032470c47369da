"""The same search by Ray Tune: Tune places, runs and watches the trials, the campaign says what they are.

Tune asks through its `Searcher`; a batch is given out and nothing more until all of it has come back. What Tune finds
is therefore what one worker in process finds, whichever machine was faster.
"""

from __future__ import annotations

import tempfile
from typing import Any

from gnomon.core.cluster import environment, ray_cluster
from gnomon.core.errors import TrainingError
from gnomon.training.search.base import Asked, Outcome
from gnomon.training.search.campaign import Campaign
from gnomon.training.search.evaluate import Ground, score_trial

QUIET = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0",
}
"""Tune writes neither logs of its own, a folder a trial, nor tables on the screen: the record is ours."""


def search_by_tune(campaign: Campaign, ground: Ground, *, address: str | None, workers: int, threads: int) -> None:
    """Tries all that the campaign asks for, `workers` at the same time, each on `threads` processors.

    `address` names a cluster, whose machines need this package; without it one is started here and stopped afterwards.
    Raises ConfigError without Ray or where no cluster answers, TrainingError where Tune stops before the end.
    """
    with environment(QUIET), ray_cluster(address, processors=workers * threads, where="search.address: ") as ray:
        from ray import tune

        desk = ray.remote(num_cpus=0)(Desk).remote()
        searcher = searcher_of(campaign, desk)
        with tempfile.TemporaryDirectory() as folder:
            tune.Tuner(
                tune.with_resources(tune.with_parameters(try_one, ground=ground, desk=desk), {"cpu": threads}),
                tune_config=tune.TuneConfig(
                    search_alg=searcher, num_samples=campaign.trials, max_concurrent_trials=workers, reuse_actors=True
                ),
                run_config=tune.RunConfig(storage_path=folder, name=campaign.study, verbose=0),
            ).fit()
    if searcher.under_way or searcher.waiting:
        raise TrainingError("Ray Tune stopped before every trial had come back; start the search again to go on")


class Desk:
    """Where workers fetch what to try, and leave what came of it."""

    def __init__(self) -> None:
        self._asked: dict[int, Asked] = {}
        self._outcomes: dict[int, Outcome] = {}

    def ask(self, asked: Asked) -> None:
        """Takes in what is to be tried."""
        self._asked[asked.number] = asked

    def fetch(self, number: int) -> Asked:
        """Gives it to a worker."""
        return self._asked[number]

    def leave(self, outcome: Outcome) -> None:
        """Takes in what came of it."""
        self._outcomes[outcome.number] = outcome

    def take(self, number: int) -> Outcome | None:
        """Gives that out; None where the worker died before there was any."""
        del self._asked[number]
        return self._outcomes.pop(number, None)


def try_one(config: dict[str, Any], *, ground: Ground, desk: Any) -> None:
    """What a worker does."""
    import ray
    from ray import tune

    outcome = score_trial(ground, ray.get(desk.fetch.remote(config["number"])))
    ray.get(desk.leave.remote(outcome))
    tune.report({name: values[-1] for name, values in outcome.folds.items() if values})


def searcher_of(campaign: Campaign, desk: Any) -> Any:
    """The campaign as Tune's `Searcher`; a function, since the base of the class comes with Ray."""
    import ray
    from ray.tune.search import Searcher

    class CampaignSearcher(Searcher):
        """Gives out a batch, and nothing more until all of it has come back."""

        def __init__(self) -> None:
            super().__init__()
            self.waiting: list[Asked] = []
            self.under_way: dict[str, int] = {}
            self.outcomes: list[Outcome] = []

        def suggest(self, trial_id: str) -> Any:
            """The next configuration; None while others are awaited."""
            if not self.waiting:
                if self.under_way:
                    return None
                self.waiting = campaign.next()
                if not self.waiting:
                    return Searcher.FINISHED
            asked = self.waiting.pop(0)
            self.under_way[trial_id] = asked.number
            ray.get(desk.ask.remote(asked))
            return {"number": asked.number, "params": dict(asked.params)}

        def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None:  # noqa: ARG002
            """Takes in what came of it; the last of a batch is told with all the others."""
            number = self.under_way.pop(trial_id)
            outcome = ray.get(desk.take.remote(number))
            lost = Outcome(number=number, state="failed", folds={}, seconds=0.0, cause="its Ray worker was lost")
            self.outcomes.append(outcome or lost)
            if not self.waiting and not self.under_way:
                done, self.outcomes = self.outcomes, []
                campaign.tell(done)

        def save(self, checkpoint_path: str) -> None:
            """Nothing: the campaign has its own record."""

        def restore(self, checkpoint_path: str) -> None:
            """Nothing."""

    return CampaignSearcher()
