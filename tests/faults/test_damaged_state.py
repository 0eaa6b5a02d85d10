"""What becomes of one search that is killed, whose files are damaged or edited, or whose data set is replaced."""

import shutil

import pytest
from changes import REFUSED, Change
from programs import SAME_EACH_TIME, Home, kill, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def ended(ended_search, tmp_path_factory):
    """A home whose search `whole` has ended, to be damaged."""
    return ended_search.copy(tmp_path_factory.mktemp("ended"))


def damaged(path, how):
    """Damage a file, and return its original content."""
    before = path.read_bytes()
    path.write_bytes({"truncated": before[: len(before) // 2], "empty": b"", "no text": b"\xff\xfe\x00"}[how])
    return before


@pytest.mark.parametrize(
    "how",
    # tests/bench/test_results.py and tests/bench/record read files that are damaged in other ways, in one process.
    ["truncated", *(pytest.param(how, marks=pytest.mark.long) for how in ("empty", "no text"))],
)
@pytest.mark.parametrize(
    ("file", "program", "arguments", "message"),
    [
        ("request.yaml", "search", ("--resume", "whole"), "request.yaml is damaged"),
        ("request.yaml", "results", ("whole",), "request.yaml is damaged"),
        ("summary.json", "search", ("--resume", "whole"), "summary.json is damaged; remove it"),
        ("summary.json", "classify", ("--search", "whole"), "summary.json is damaged; remove it"),
        ("trials/*-final-*/trial.json", "results", ("whole",), "trial.json is damaged; remove its folder"),
        ("trials/*-final-*/model.json", "classify", ("--search", "whole"), "no trained encoder"),
        pytest.param(
            "trials/*-final-*/encoder.safetensors",
            "classify",
            ("--search", "whole"),
            "no trained encoder",
            marks=pytest.mark.long,  # tests/classification/test_classifier.py damages it too, in one process
        ),
    ],
)
def test_a_damaged_file_is_named(ended, file, program, arguments, message, how):
    (path,) = ended.search("whole").glob(file)
    before = damaged(path, how)
    try:
        _, errors = ended.run(*arguments, program=program, expect=2)
    finally:
        path.write_bytes(before)
    assert message in errors
    assert len(errors.strip().splitlines()) == 1


def test_one_damaged_search_does_not_hide_the_others(ended):
    path = ended.search("whole") / "summary.json"
    shutil.copytree(ended.search("whole"), ended.search("sound"))
    before = damaged(path, "truncated")
    try:
        output, errors = ended.run(program="results")
    finally:
        path.write_bytes(before)
        shutil.rmtree(ended.search("sound"))
    assert "summary.json is damaged" in errors
    assert "damaged" in next(line for line in output.splitlines() if line.startswith("whole"))
    assert any(line.startswith("sound") for line in output.splitlines())


@pytest.mark.long
def test_a_data_set_that_was_changed_or_replaced_is_refused(home, options, discs, tmp_path):
    other = Home(tmp_path)
    shutil.copytree(discs.path, tmp_path / "datasets" / "discs")
    name = "begun"
    process = other.start(*options, "--name", name)
    process.communicate(timeout=600)
    shutil.rmtree(other.search(name) / "trials")
    (other.search(name) / "summary.json").unlink()
    patches = tmp_path / "datasets" / "discs" / "patches.npy"
    before = patches.read_bytes()
    patches.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    _, errors = other.run("--resume", name, expect=2)
    assert "patches.npy was changed since the data set was made: 1 of 90 patches differ (the first: row 89)" in errors
    patches.write_bytes(before)
    card = tmp_path / "datasets" / "discs" / "card.yaml"
    text = card.read_text()
    fingerprint = next(line for line in text.splitlines() if line.startswith("fingerprint"))
    card.write_text(text.replace(fingerprint, "fingerprint: " + "f" * 64))
    _, errors = other.run("--resume", name, expect=2)
    assert "is not the data set that the search was started on" in errors


def test_a_request_that_was_edited_is_refused(ended):
    path = ended.search("whole") / "request.yaml"
    before = path.read_text()
    path.write_text(before.replace("n_trials: 3", "n_trials: 30"))
    try:
        _, errors = ended.run("--resume", "whole", expect=2)
    finally:
        path.write_text(before)
    assert "request.yaml was changed after the search started" in errors


def test_a_trial_whose_result_is_damaged_is_trained_again_and_no_other_is(ended, home):
    results = sorted(ended.search("whole").glob("trials/*/result.json"))
    path = next(path for path in results if "-search-" in path.parent.name)
    damaged(path, "truncated")
    written = {each: each.stat().st_mtime_ns for each in results}
    for name in ("summary.json", ".recorded"):
        (ended.search("whole") / name).unlink(missing_ok=True)
    ended.run("--resume", "whole")
    assert [each for each in results if each.stat().st_mtime_ns != written[each]] == [path]
    assert ended.metrics("whole") == home.metrics("whole")


def test_killed_while_it_trains_it_reaches_the_numbers_of_an_undisturbed_search(home, check_whole):
    """tests/faults/test_nodes.py kills one of two trials at once."""
    name = "killed"
    process = home.start(*SAME_EACH_TIME, "--concurrent", "1", "--name", name)
    assert wait_until(lambda: any(home.search(name).glob("trials/*/result.json")) or process.poll() is not None)
    kill(process)
    assert wait_until(lambda: home.processes() == [], 180), [p.cmdline() for p in home.processes()]
    finished = {path: path.stat().st_mtime_ns for path in home.search(name).glob("trials/*/result.json")}
    assert 1 <= len(finished) < len(home.records("whole"))
    home.run("--resume", name)
    assert {path: path.stat().st_mtime_ns for path in finished} == finished, "no trial is trained twice"
    check_whole(name)


def test_a_replaced_data_set_is_never_scored(home):
    """Also a search that starts on another set of the same name refuses to go on."""
    change = Change(home, "replaced")
    shutil.copytree(home.search("whole"), home.search("begun"))
    for path in ("summary.json", ".recorded", ".look"):
        (home.search("begun") / path).unlink()
    change.make()
    try:
        _, errors = home.run("--resume", "begun", expect=2)
        assert REFUSED[1] in errors
        _, errors = home.run("--search", "whole", program="classify", expect=2)
        assert REFUSED[1] in errors
    finally:
        change.undo()
        shutil.rmtree(home.search("begun"))


def test_an_unfinished_search_holds_its_data_set(home, discs):
    shutil.copytree(home.search("whole"), home.search("open"), dirs_exist_ok=True)
    (home.search("open") / "summary.json").unlink()
    source = home.path / "source"
    try:
        for arguments in (("remove", "discs", "--yes"), ("add", "discs", source, "--from", "folder", "--replace")):
            _, errors = home.run(*arguments, program="datasets", expect=2)
            assert "used by searches that have not ended: open" in errors.replace("\n", " ")
            assert "--force" in errors
        _, errors = home.run("discs", "--record", program="radius", expect=2)
        assert "used by searches that have not ended: open" in errors.replace("\n", " ")
        shutil.copytree(home.path / "datasets" / "discs", home.path / "kept")
        home.run("remove", "discs", "--yes", "--force", program="datasets")
        assert not (home.path / "datasets" / "discs").exists()
        (home.path / "kept").rename(home.path / "datasets" / "discs")
    finally:
        shutil.rmtree(home.search("open"))
