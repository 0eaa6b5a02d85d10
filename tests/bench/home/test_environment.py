import platform
from importlib.metadata import version

import pytest

from bench.home.environment import Environment, read_environments, record_environment
from cellbench.errors import DataError


def test_the_versions_of_a_search_are_recorded_once_and_again_only_where_they_changed(tmp_path):
    path = tmp_path / "environment.json"
    first = Environment.present("abc123")
    assert first.packages["torch"] == version("torch")
    assert {"timm", "ray", "mlflow", "cellbench"} <= set(first.packages)
    assert first.in_words().startswith(f"commit abc123, Python {platform.python_version()}, cellbench ")
    record_environment(path, first)
    record_environment(path, Environment.present("abc123"))
    assert read_environments(path) == [first]
    second = Environment.present("def456")
    record_environment(path, second)
    assert read_environments(path) == [first, second]


def test_a_search_of_an_older_version_has_none(tmp_path):
    assert read_environments(tmp_path / "environment.json") == []


@pytest.mark.parametrize("text", ["", "{}", '[{"since": 0}]', '[{"since": 0, "code": "a", "python": "3", "x": 1}]'])
def test_a_damaged_record_is_named(tmp_path, text):
    path = tmp_path / "environment.json"
    path.write_text(text)
    for act in (read_environments, lambda each: record_environment(each, Environment.present("abc"))):
        with pytest.raises(DataError, match=r"environment\.json is damaged; remove it"):
            act(path)
