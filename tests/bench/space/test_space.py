"""Search spaces: the shipped files, their errors, scaling to a data set, and --set."""

import pytest

from bench.space.estimates import needs_estimate
from bench.space.limits import check_values, unusual, value_fault
from bench.space.overrides import override
from bench.space.reader import SPACES_DIR, load_space, space_names
from cellbench.errors import NotFoundError, SettingError
from cellbench.suppression import SUPPRESSIONS
from cellbench.suppression.base import length_names

PAPER = {
    "vae": 1, "rae": 1, "noise": 3, "mask_fixed": 3, "mask_sampled": 3, "mask_learned": 2, "crop_small": 3,
    "crop_medium": 3,
}  # fmt: skip
"""Number of points in the paper's grid of each method."""

GOOD = """\
method: mask_fixed
parameters:
  r_max: {low: 25, high: 150, log: true, default: 50}
  lr: {low: 1e-4, high: 1e-2, log: true, default: 1e-3}
  beta: 1e-3
grid:
  - {r_max: 50}
"""


def write(tmp_path, text):
    path = tmp_path / "space.yaml"
    path.write_text(text)
    return path


def test_each_method_of_the_paper_has_a_space_and_each_space_a_method():
    assert set(PAPER) <= set(space_names()) <= set(SUPPRESSIONS.names())
    assert space_names()[0] == "vae"


@pytest.mark.parametrize("method", space_names())
def test_a_shipped_space_is_valid(method):
    space = load_space(method)
    assert len(space.grid_points()) == len(space.grid) == PAPER.get(method, len(space.grid))
    assert len(space.first_points()) >= len(space.grid)
    for native_size in (40, 256, 360):
        if not needs_estimate([space]):  # `auto`: see test_estimates.py
            check_values(space.scaled(native_size), native_size)


@pytest.mark.parametrize("method", space_names())
def test_the_header_of_a_shipped_space_is_complete(method):
    lines = (SPACES_DIR / f"{method}.yaml").read_text().split("method:")[0].splitlines()
    header = "\n".join(lines)
    assert header.startswith(f"# {method}: ")
    assert f"python -m bench.search --method {method}\n" in header
    for word in ("Command", "Expect", "Time"):
        assert f"# {word}" in header


def test_only_lengths_are_scaled_to_the_data_set():
    space = load_space("mask_sampled").scaled(512)
    assert space.grid[0] == {"r_mean": 100.0, "r_std": 40.0}
    assert space.parameters["r_mean"].low == 50.0
    assert space.parameters["lr"] == load_space("mask_sampled").parameters["lr"]
    noise = load_space("noise")
    assert noise.scaled(512) == noise.model_copy(update={"lengths": ()}), "sigma is on the 0–255 scale"
    assert load_space("mask_fixed").scaled(512).lengths == ("r_max",)
    assert length_names("crop_small") == ["offset_sigma"]


def test_a_point_is_completed_by_defaults_and_becomes_a_configuration(tmp_path):
    space = load_space("mask_fixed", write(tmp_path, GOOD))
    point = space.complete({"r_max": 90.0})
    assert point == {"r_max": 90.0, "lr": 1e-3, "beta": 1e-3}
    configuration = space.configuration(point)
    assert (configuration.method, configuration.params, configuration.beta) == ("mask_fixed", {"r_max": 90.0}, 1e-3)


def test_a_number_in_exponent_form_is_a_number(tmp_path):
    assert load_space("mask_fixed", write(tmp_path, GOOD)).parameters["beta"].value == 1e-3


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("low: 25, high", "low: 225, high", r"space\.yaml, line 3: parameters\.r_max: low must be below high"),
        ("low: 1e-4", "low: 0", r"line 4: parameters\.lr: low must be above 0 on a log scale"),
        ("default: 50", "default: 500", r"line 3: .*default 500 is outside 25 to 150"),
        ("low: 25", "lowest: 25", r"line 3: parameters\.r_max\.low"),
        ("r_max: {low", "r_maks: {low", r"line 3: mask_fixed has no parameter 'r_maks'; did you mean 'r_max'"),
        ("{r_max: 50}", "{r_max: 5}", r"line 7: r_max: 5 is not in its range"),
        ("{r_max: 50}", "{r_min: 5}", r"line 7: 'r_min' is not a parameter of this space"),
        ("method: mask_fixed", "method: vae", r"line 1: this is the space of vae, not of mask_fixed"),
        ("grid:", "gird:", r"line 6: gird is unknown|line 1: grid is missing"),
        ("beta: 1e-3", "beta: [1", r"line \d: this is not valid YAML"),
        ("beta: 1e-3", "beta: {choices: [1e-3]}", r"line 5: parameters\.beta\.choices"),
    ],
)
def test_an_error_names_the_file_and_the_line(tmp_path, old, new, message):
    assert old in GOOD
    with pytest.raises(SettingError, match=message):
        load_space("mask_fixed", write(tmp_path, GOOD.replace(old, new, 1)))


def test_a_required_parameter_must_be_there(tmp_path):
    text = GOOD.replace("  r_max: {low: 25, high: 150, log: true, default: 50}\n", "").replace(
        "{r_max: 50}", "{lr: 1e-3}"
    )
    with pytest.raises(SettingError, match=r"line 2: the parameter 'r_max' of mask_fixed is missing"):
        load_space("mask_fixed", write(tmp_path, text))


def test_the_error_for_an_unknown_method_names_the_nearest():
    with pytest.raises(NotFoundError, match=r"mask_fixt.*did you mean 'mask_fixed'"):
        load_space("mask_fixt")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(NotFoundError, match=r"nowhere\.yaml.*--space FILE"):
        load_space("mask_fixed", tmp_path / "nowhere.yaml")


@pytest.mark.parametrize("text", ["root:x:0:0", "", "- a\n- b"])
def test_a_file_of_something_else_is_named(tmp_path, text):
    with pytest.raises(SettingError, match=r"\.yaml is not a search space; it needs method, parameters and grid"):
        load_space("mask_fixed", write(tmp_path, text))


@pytest.mark.parametrize("values", ["1e308..1e309", "-inf..5", "nan..5"])
def test_the_ends_of_a_range_are_finite(values):
    with pytest.raises(SettingError, match="the ends of a range must be finite numbers"):
        override([load_space("mask_fixed")], [f"r_max={values}"])


def test_set_narrows_a_range_and_keeps_its_scale():
    (space,) = override([load_space("mask_fixed").scaled(256)], ["r_max=30..60"])
    domain = space.parameters["r_max"]
    assert (domain.low, domain.high, domain.log, domain.default) == (30.0, 60.0, True, 50.0)
    assert [point["r_max"] for point in space.grid_points()] == [50.0], "90 and 126 are outside now"


def test_set_fixes_a_value_in_all_points():
    (space,) = override([load_space("mask_fixed").scaled(256)], ["r_max=70", "normalize=false"])
    assert "r_max" not in space.searched
    assert space.grid_points() == space.first_points() == [space.complete({"r_max": 70.0})]
    assert space.grid_points()[0]["normalize"] is False


def test_set_makes_choices_and_searches_what_was_constant():
    (space,) = override([load_space("mask_fixed")], ["shape=linear,sqrt", "latent_dim=64,256", "beta=elbo"])
    assert space.parameters["shape"].choices == ("linear", "sqrt")
    assert space.configuration(space.complete({})).latent_dim == 64
    assert space.configuration(space.complete({})).beta == "elbo"


def test_set_changes_all_methods_that_have_the_parameter():
    spaces = override([load_space("vae"), load_space("mask_fixed")], ["r_max=40", "lr=0.002"])
    assert [space.parameters["lr"].default for space in spaces] == [0.002, 0.002]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("r_maxx=3", "did you mean 'r_max'"),
        ("r_max", r"cannot be read; write NAME=LOW\.\.HIGH"),
        ("r_max=", "cannot be read"),
        ("r_max=٣", "cannot be read"),
        ("r_max=120..30", "the range must increase, got 120 to 30"),
        ("r_max=30..30", "the range must increase"),
        ("r_max=a..b", "not a range of numbers"),
        ("r_max=small", "'small' is not a number"),
        ("normalize=3", "neither true nor false"),
        ("shape=0..1", "shape has no range; its values are like 'sqrt'"),
        ("r_max=50,50", "twice"),
    ],
)
def test_set_refuses_invalid_values(text, message):
    with pytest.raises((SettingError, NotFoundError), match=message):
        override([load_space("mask_fixed")], [text])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("r_max=-5..30", r"r_max must be 0\.01 to 181 px; got -5"),
        ("r_max=30..182", "r_max=182 px is outside a patch of 256 px, whose corners are 181 px"),
        ("shape=round", "shape.*'sqrt', 'linear'"),
        ("lr=-1", "lr must be"),
        ("lr=1000", "lr must be"),
        ("latent_dim=2.5", "latent_dim must be"),
        ("latent_dim=0", "latent_dim must be"),
    ],
)
def test_values_that_the_method_refuses_are_found_before_the_first_trial(text, message):
    (space,) = override([load_space("mask_fixed").scaled(256)], [text])
    with pytest.raises(SettingError, match=message):
        check_values(space, 256)


def test_the_largest_radius_is_the_patch_corner():
    check_values(override([load_space("mask_fixed").scaled(256)], ["r_max=30..181"])[0], 256)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("2023-99-99", "not valid YAML .*date or number"),
        ("1" * 5000, "not valid YAML .*date or number"),
        ("[" * 3000 + "]" * 3000, "not valid YAML .*nested too deeply"),
        ("9" * 400, "line 5: parameters.beta.value must be a finite number"),
        ("1e400", "line 5: parameters.beta.value must be a finite number"),
        ("-1", "line 5: beta must be 0 or 1e-12 to 1000; got -1"),
    ],
)
def test_a_value_that_yaml_or_a_training_cannot_read_is_one_sentence(tmp_path, value, message):
    with pytest.raises(SettingError, match=message) as caught:
        load_space("mask_fixed", write(tmp_path, GOOD.replace("beta: 1e-3", f"beta: {value}")))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["r_max=1e400", "r_max=1,1e400", f"r_max={'9' * 400}", "r_max=0..inf", "r_max=-inf..5"]
)
def test_a_number_beyond_floats_is_refused(text):
    with pytest.raises(SettingError, match=r"beyond the largest number|must be finite"):
        override([load_space("mask_fixed").scaled(256)], [text])


@pytest.mark.parametrize("method", space_names())
def test_every_number_of_a_method_has_limits(method):
    fields = SUPPRESSIONS.get(method).Params.model_fields
    numbers = [name for name, field in fields.items() if field.annotation is float]
    for name in [*numbers, "lr", "beta", "latent_dim"]:
        for value in (-1.0, 1e-320, 1e308):
            assert name in str(value_fault(method, name, value, 256))


def test_a_radius_of_zero_is_refused_and_a_spread_of_zero_is_not():
    assert "r_mean must be 0.01 to 181 px" in str(value_fault("mask_sampled", "r_mean", 0.0, 256))
    assert value_fault("mask_sampled", "r_std", 0.0, 256) is None
    assert [value_fault("vae", "lr", value, 256) is None for value in (0.0, 1e-9, 1.0, 1.1)] == [
        False,
        True,
        True,
        False,
    ]


def test_a_value_outside_the_usual_range_is_named_once_for_all_methods():
    before = [load_space("mask_fixed").scaled(256), load_space("vae").scaled(256), load_space("rae").scaled(256)]
    assert unusual(before, override(before, ["beta=0.005"])) == []
    (sentence,) = unusual(before, override(before, ["beta=0.005..5"]))
    assert sentence == "--set beta: 5 is outside 0.0001 to 0.01, the usual range for mask_fixed, vae."
