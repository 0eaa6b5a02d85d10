"""The finalists' race on a real search folder; what a training scores is given by its configuration and fold."""

import pytest

from bench.pipeline.race import run_race
from bench.record.jobs import Jobs, record_of

SCORES = {8.0: 0.80, 10.0: 0.79, 12.0: 0.50, 14.0: 0.78}
"""What each radius scores, on any fold but for what the fold takes off."""


class Trainer:
    """Writes a record for each job that has none yet, with its score; may be stopped, and may fail a job."""

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
    """The jobs of a search with five folds, and its finalists, tried on fold 0 already."""
    jobs = Jobs(make_request(n_folds=5, n_finalists=4), folder)
    space = jobs.request.spaces[0]
    found = [space.configuration(space.complete({"r_max": radius})) for radius in SCORES]
    Trainer(folder).train([jobs.search(configuration) for configuration in found], 0)
    return jobs, found


def race(jobs, found, trainer, at_once=1):
    return run_race({"mask_fixed": found}, at_once, jobs, trainer.folder, trainer.train, trainer.remarks.append)


def test_one_that_is_clearly_behind_gets_no_further_fold_and_its_record_says_why(finalists, folder):
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
def test_stopped_anywhere_it_goes_on_as_if_it_had_not_been(finalists, folder, stop_after):
    stopped = Trainer(folder, stop_after)
    with pytest.raises(KeyboardInterrupt):
        race(*finalists, stopped)
    again = Trainer(folder)
    assert race(*finalists, again) == 3
    assert len(stopped.trained) == stop_after
    whole = [(r, f) for f in range(1, 5) for r in SCORES if r != 12.0 or f == 1]
    assert stopped.trained + again.trained == whole
    assert sum(bool(record.reason) for record in folder.records()) == 1


def test_one_that_fails_on_a_fold_is_out_and_spares_nothing_by_racing(finalists, folder):
    trainer = Trainer(folder, fails=[(8.0, 1)])
    assert race(*finalists, trainer) == 3
    assert [fold for radius, fold in trainer.trained if radius == 8.0] == [1]


def test_where_all_fail_on_a_fold_all_go_on(finalists, folder):
    trainer = Trainer(folder, fails=[(radius, 2) for radius in SCORES])
    race(*finalists, trainer)
    assert {fold for _, fold in trainer.trained} == {1, 2, 3, 4}


def test_where_slots_would_stand_idle_folds_are_not_waited_for(finalists, folder):
    trainer = Trainer(folder)
    assert race(*finalists, trainer, at_once=8) == 2
    assert [fold for radius, fold in trainer.trained if radius == 12.0] == [1, 2]
    assert [record.number for record in folder.records("folds")] == list(range(14))
    assert len(trainer.remarks) == 1


def test_with_slots_for_all_folds_there_is_no_race(finalists, folder):
    trainer = Trainer(folder)
    assert race(*finalists, trainer, at_once=16) == 0
    assert len(trainer.trained) == 16
    assert trainer.remarks == []
