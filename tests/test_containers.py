"""The container files of mlflow/: compose's own schema, versions pinned, settings that are the example's."""

import configparser
import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).parents[1]
MLFLOW = ROOT / "mlflow"


@pytest.fixture
def compose():
    return yaml.safe_load((MLFLOW / "compose.yaml").read_text())


def pinned(package):
    """Return the version of a package in constraints.txt."""
    return re.search(rf"^{package}==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)[1]


def settings(text):
    """Return names of variables that compose fills in, and whether it insists on them."""
    found = re.findall(r"\$\{(\w+)(:\?|:-)", text)
    return {name: any(mark == ":?" for each, mark in found if each == name) for name, _ in found}


def test_compose_yaml_is_one_that_compose_takes(compose):
    holder = pytest.importorskip(
        "check_jsonschema", reason="check-jsonschema, which brings compose's schema, is missing"
    )
    schemas = Path(holder.__file__).parent / "builtin_schemas" / "vendor"
    schema = json.loads((schemas / "compose-spec.json").read_text())
    jsonschema.validate(compose, schema)
    compose["services"]["mlflow"]["helthcheck"] = {}
    with pytest.raises(jsonschema.ValidationError, match="helthcheck"):
        jsonschema.validate(compose, schema)


def test_images_are_pinned_and_mlflow_is_the_version_that_was_tested(compose):
    images = {name: service["image"] for name, service in compose["services"].items()}
    assert re.fullmatch(r"postgres:\d+\.\d+-\w+", images["database"])
    assert images["mlflow"] == f"cellbench-server:{pinned('mlflow')}"
    dockerfile = (MLFLOW / "Dockerfile").read_text()
    assert re.search(r"^FROM python:\d+\.\d+\.\d+-slim-\w+$", dockerfile, re.MULTILINE)
    assert "--constraint /tmp/constraints.txt" in dockerfile


def test_it_listens_on_loopback_alone_and_the_database_nowhere(compose):
    assert [port.partition(":")[0] for port in compose["services"]["mlflow"]["ports"]] == ["127.0.0.1"]
    database = compose["services"]["database"]
    assert "ports" not in database
    assert all(compose["networks"][name]["internal"] for name in database["networks"])


def test_every_service_has_a_health_check_and_keeps_its_data_in_a_named_volume(compose):
    for service in compose["services"].values():
        assert service["healthcheck"]["test"]
        kept = [volume.partition(":")[0] for volume in service["volumes"]]
        assert kept
        assert set(kept) <= set(compose["volumes"])


def test_the_example_names_every_setting_and_holds_no_secret():
    lines = (MLFLOW / ".env.example").read_text().splitlines()
    example = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    wanted = settings((MLFLOW / "compose.yaml").read_text())
    assert set(example) == set(wanted)
    secrets = {name for name, insisted in wanted.items() if insisted}
    assert {name for name in secrets if example[name]} == set()
    assert len(secrets) == 4


def test_the_passwords_file_names_no_password():
    config = configparser.ConfigParser()
    config.read(MLFLOW / "auth.ini")
    assert "@" not in config["mlflow"]["database_uri"]
    assert "admin_password" not in config["mlflow"]
