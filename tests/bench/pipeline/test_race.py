"""Racing of finalists in a real search folder. The score of a training follows from its configuration and fold."""

import pytest

from bench.pipeline.race import run_race
from bench.record.jobs import Jobs, record_of

SCORES = {8.0: 0.80, 10.0: 0.79, 12.0: 0.50, 14.0: 0.78}
"""Score of each radius, before the fold's own offset is subtracted."""


class Trainer:
    """Writes a record with a score for each job that has none; it can be stopped, and can let jobs fail."""

    def __init__(self, folder, stop_after=None, fails=()):
        self.folder, self.stop_after, self.fails = folder, stop_after, set(fails)
        self.trained, self.remarks = [], []

    def train(self, jobs, n_before):
        known = {record.key for record in self.folder.records()}
        for place, job in enumerate(jobs):
            if job.key in known:
                continue
            if len(self.trained) == self.stop_after:
                raise KeyboardInterrupt
            radius = job.configuration.params["r_max"]
            record = record_of(job, n_before + place)
            if (radius, job.fold) in self.fails:
                record.outcome, record.reason = "failed", "The loss is nan."
            else:
                record.outcome = "completed"
                record.metrics = {"probe/f1_macro": SCORES[radius] - 0.03 * job.fold + 0.001 * (radius % 3) * job.fold}
            self.folder.write(record)
            self.trained.append((radius, job.fold))


@pytest.fixture
def finalists(make_request, folder):
    """The jobs of a search with five folds, and its finalists, already tried on fold 0."""
    jobs = Jobs(make_request(n_folds=5, n_finalists=4), folder)
    space = jobs.request.spaces[0]
    found = [space.configuration(space.complete({"r_max": radius})) for radius in SCORES]
    Trainer(folder).train([jobs.search(configuration) for configuration in found], 0)
    return jobs, found


def race(jobs, found, trainer, at_once=1):
    return run_race({"mask_fixed": found}, at_once, jobs, trainer.folder, trainer.train, trainer.remarks.append)


def test_a_clearly_worse_finalist_gets_no_further_fold_and_its_record_has_the_reason(finalists, folder):
    trainer = Trainer(folder)
    assert race(*finalists, trainer) == 3
    assert [fold for radius, fold in trainer.trained if radius == 12.0] == [1]
    assert len(trainer.trained) == 4 + 3 * 3
    (remark,) = trainer.remarks
    assert remark.outcome == "completed"
    assert remark.reason.startswith("no further fold: 0.3")
    assert {r.reason for r in folder.records("folds") if r.params["r_max"] == 12.0} == {remark.reason}
    assert [record.number for record in folder.records("folds")] == list(range(13))


@pytest.mark.parametrize("stop_after", [0, 3, 4, 6, 7, 12])
def test_a_race_that_is_stopped_anywhere_resumes_with_the_same_decisions(finalists, folder, stop_after):
    stopped = Trainer(folder, stop_after)
    with pytest.raises(KeyboardInterrupt):
        race(*finalists, stopped)
    again = Trainer(folder)
    assert race(*finalists, again) == 3
    assert len(stopped.trained) == stop_after
    whole = [(r, f) for f in range(1, 5) for r in SCORES if r != 12.0 or f == 1]
    assert stopped.trained + again.trained == whole
    assert sum(bool(record.reason) for record in folder.records()) == 1


def test_a_finalist_that_fails_on_a_fold_is_dropped(finalists, folder):
    trainer = Trainer(folder, fails=[(8.0, 1)])
    assert race(*finalists, trainer) == 3
    assert [fold for radius, fold in trainer.trained if radius == 8.0] == [1]


def test_if_all_fail_on_a_fold_none_is_dropped(finalists, folder):
    trainer = Trainer(folder, fails=[(radius, 2) for radius in SCORES])
    race(*finalists, trainer)
    assert {fold for _, fold in trainer.trained} == {1, 2, 3, 4}


def test_several_folds_are_trained_at_once_if_slots_would_be_idle(finalists, folder):
    trainer = Trainer(folder)
    assert race(*finalists, trainer, at_once=8) == 2
    assert [fold for radius, fold in trainer.trained if radius == 12.0] == [1, 2]
    assert [record.number for record in folder.records("folds")] == list(range(14))
    assert len(trainer.remarks) == 1


def test_with_slots_for_all_folds_no_finalist_is_dropped(finalists, folder):
    trainer = Trainer(folder)
    assert race(*finalists, trainer, at_once=16) == 0
    assert len(trainer.trained) == 16
    assert trainer.remarks == []
