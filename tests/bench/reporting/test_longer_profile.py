"""What a quick search says about a longer one."""

import pytest

from bench.reporting.longer_profile import longer_command, longer_profile


def test_a_quick_search_names_the_command_of_the_longer_one(make_request):
    command = "python -m bench.search --method mask_fixed --name first"
    near = {"mask_fixed": ["the radius estimate"]}
    text = longer_profile(make_request(profile="quick", command=command, warm_start=near))
    assert "per method with radii of 0.7 to 1.4 times the estimate. --profile cpu" in text
    assert "trains 40 000 in place of 3 800 passes" in text
    assert "configurations per method over all radii" in text
    assert text.endswith(": python -m bench.search --method mask_fixed --profile cpu")
    assert "times the estimate" not in longer_profile(make_request(profile="quick", command=command))


@pytest.mark.parametrize("profile", ["cpu", "gpu", "paper"])
def test_other_searches_do_not(make_request, profile):
    assert longer_profile(make_request(profile=profile)) is None


@pytest.mark.parametrize("typed", ["--profile quick", "--profile=auto", "--name x --profile quick"])
def test_the_longer_command_has_one_profile_and_a_new_name(typed):
    found = longer_command(f"cellbench search {typed} --set 'r_max=3..9'")
    assert found == "cellbench search --set r_max=3..9 --profile cpu"
