"""Which trial is next, over all methods."""

from ray.tune.result import TRAINING_ITERATION
from ray.tune.search import Searcher

from bench.record.jobs import Jobs, record_of
from bench.tuning.config import OBJECTIVE, OUTCOME, TrialConfig, TrialSettings
from bench.tuning.method_sampler import EACH_FIRST
from bench.tuning.samplers import method_search
from bench.tuning.searchers import JobSearcher, MethodsSearcher

TERMS = TrialSettings(objective="f1", gpus=0.0, timeout_s=600, checkpoint_s=30)


def config_of(suggestion):
    return TrialConfig.model_validate(suggestion["trial"])


def searcher_of(jobs, records=(), values=None):
    request = jobs.request
    methods = {
        space.method: method_search(space, request.sampler, request.seed, request.rungs, request.n_trials)
        for space in request.spaces
    }
    return MethodsSearcher(methods, request.n_trials, jobs, TERMS, records, values)


def test_methods_take_turns_and_each_has_its_trials(make_request, folder):
    jobs = Jobs(make_request("vae", "mask_fixed", n_trials=2), folder)
    searcher = searcher_of(jobs)
    configs = [config_of(searcher.suggest(str(number))) for number in range(4)]
    assert [config.method for config in configs] == ["vae", "mask_fixed", "vae", "mask_fixed"]
    assert [config.number for config in configs] == [0, 1, 2, 3]
    assert searcher.suggest("4") == Searcher.FINISHED


def test_a_method_whose_space_is_exhausted_gets_no_more_trials(make_request, folder):
    jobs = Jobs(make_request("vae", "mask_fixed", n_trials=3, sampler="grid"), folder)
    searcher = searcher_of(jobs)
    methods = []
    while (suggestion := searcher.suggest(str(len(methods)))) != Searcher.FINISHED:
        methods.append(config_of(suggestion).method)
    assert methods == ["vae", "mask_fixed", "mask_fixed", "mask_fixed"]


def test_interrupted_trials_come_first_and_keep_their_number(jobs):
    first = searcher_of(jobs)
    begun = [config_of(first.suggest(str(number))) for number in range(3)]
    records = []
    for config in begun:
        from cellbench.trials.job import TrialJob

        records.append(record_of(TrialJob.model_validate(config.job), config.number))
    records[0] = records[0].model_copy(update={"outcome": "completed"})
    again = searcher_of(jobs, records, {records[0].key: {2: 0.3, 4: 0.6}})
    following = [config_of(again.suggest(f"new{number}")) for number in range(3)]
    assert following[:2] == begun[1:], "the very same jobs"
    assert following[2].number == 3
    again.on_trial_result("new0", {OBJECTIVE: 0.3, TRAINING_ITERATION: 2})
    again.on_trial_complete("new0", {OBJECTIVE: 0.5, TRAINING_ITERATION: 4, OUTCOME: "completed"})
    assert again.suggest("last") == Searcher.FINISHED


def test_jobs_are_handed_out_in_order(jobs):
    space = jobs.request.spaces[0]
    todo = jobs.final([space.configuration(point) for point in space.grid_points()])
    searcher = JobSearcher(todo, TERMS, first_number=2)
    configs = [config_of(searcher.suggest(str(number))) for number in range(len(todo))]
    assert [config.number for config in configs] == [2, 3, 4]
    assert [config.job["configuration"]["params"]["r_max"] for config in configs] == [7.812, 14.06, 19.69]
    assert searcher.suggest("end") == Searcher.FINISHED


def test_a_searcher_can_be_pickled_as_ray_tune_does(jobs):
    import pickle

    searcher = searcher_of(jobs)
    searcher.suggest("a")
    assert config_of(pickle.loads(pickle.dumps(searcher)).suggest("b")).number == 1


VALUE = {"vae": 0.3, "mask_fixed": 0.7}


def trained(searcher, n):
    """Run trials whose value depends on their method; return the methods in their order."""
    methods = []
    for number in range(n):
        suggestion = searcher.suggest(str(number))
        if suggestion == Searcher.FINISHED:
            break
        methods.append(config_of(suggestion).method)
        objective = VALUE[methods[-1]] + 0.01 * (number % 3)
        searcher.on_trial_complete(str(number), {OBJECTIVE: objective, TRAINING_ITERATION: 4, OUTCOME: "completed"})
    return methods


def test_methods_that_share_trials_first_get_equally_many_then_the_better_one_gets_most(make_request, folder):
    jobs = Jobs(make_request("vae", "mask_fixed", n_trials=15, share_trials=True), folder)
    methods = trained(searcher_of(jobs), 99)
    assert len(methods) == 30
    assert methods[: 2 * EACH_FIRST].count("vae") == EACH_FIRST
    assert methods[2 * EACH_FIRST :].count("mask_fixed") >= 0.75 * (30 - 2 * EACH_FIRST)


def test_methods_that_share_trials_continue_the_same_after_a_resume(make_request, folder):
    from cellbench.trials.job import TrialJob

    jobs = Jobs(make_request("vae", "mask_fixed", n_trials=6, share_trials=True), folder)
    whole = searcher_of(jobs)
    records, values, following = [], {}, []
    for number in range(10):
        config = config_of(whole.suggest(str(number)))
        objective = VALUE[config.method] + 0.01 * (number % 3)
        whole.on_trial_complete(str(number), {OBJECTIVE: objective, TRAINING_ITERATION: 4, OUTCOME: "completed"})
        if number < 8:
            record = record_of(TrialJob.model_validate(config.job), config.number)
            records.append(record.model_copy(update={"outcome": "completed"}))
            values[record.key] = {4: objective}
        else:
            following.append(config)
    again = searcher_of(jobs, records, values)
    for number in (8, 9):
        config = config_of(again.suggest(str(number)))
        assert config == following[number - 8]
        objective = VALUE[config.method] + 0.01 * (number % 3)
        again.on_trial_complete(str(number), {OBJECTIVE: objective, TRAINING_ITERATION: 4, OUTCOME: "completed"})
