import sys
from importlib.metadata import EntryPoint

import pytest

from cellbench import registry
from cellbench.errors import CellbenchError, NotFoundError, SettingError
from cellbench.registry import Record, Registry, import_modules, module_names, nearest


@pytest.fixture
def shapes():
    table: Registry[str] = Registry("shape", entry_points="tests.shapes")
    table.register("square", "four sides")("□")
    table.register("disc", "no sides")("○")
    return table


def offer(monkeypatch, *points):
    monkeypatch.setattr(registry, "entry_points", lambda group: [EntryPoint(n, v, group) for n, v in points])


def test_names_are_sorted_and_records_carry_their_description(shapes):
    assert shapes.names() == ["disc", "square"]
    assert next((r.name, r.thing, r.description) for r in shapes.items()) == ("disc", "○", "no sides")
    assert "disc" in shapes
    assert "cube" not in shapes


def test_an_unknown_name_is_answered_with_the_nearest(shapes):
    with pytest.raises(NotFoundError, match=r"There is no shape 'sqare'; did you mean 'square'\? Known: disc, square"):
        shapes.get("sqare")


def test_an_unknown_name_is_a_lookup_error_too(shapes):
    with pytest.raises(LookupError):
        shapes.get("cube")


def test_a_name_cannot_be_used_twice(shapes):
    with pytest.raises(SettingError, match="shape 'disc' is registered twice"):
        shapes.register("disc", "again")("●")
    assert shapes.get("disc") == "○"


def test_another_package_is_imported_only_when_its_name_is_asked_for(shapes, monkeypatch):
    offer(monkeypatch, ("tau", "math:tau"), ("broken", "no_such_package:thing"))
    assert shapes.names() == ["broken", "disc", "square", "tau"]
    assert shapes.get("tau") == pytest.approx(6.2831853)


def test_a_package_that_cannot_be_imported_is_named(shapes, monkeypatch):
    offer(monkeypatch, ("broken", "no_such_package:thing"))
    with pytest.raises(SettingError, match=r"shape 'broken' .* cannot be imported \(No module named 'no_such_package'"):
        shapes.get("broken")


def test_two_packages_cannot_offer_one_name(shapes, monkeypatch):
    offer(monkeypatch, ("tau", "math:tau"), ("tau", "cmath:tau"))
    with pytest.raises(SettingError, match=r"Two packages provide the shape 'tau' \(math:tau and cmath:tau\)"):
        shapes.names()


def test_a_package_cannot_take_a_name_of_ours(monkeypatch):
    table: Registry[type] = Registry("error", entry_points="tests.errors")
    table.register("base", "ours")(CellbenchError)
    offer(monkeypatch, ("base", "math:tau"))
    with pytest.raises(SettingError, match="'base' is registered twice; uninstall the package"):
        table.get("base")


def test_a_package_may_register_what_its_entry_point_names(monkeypatch, tmp_path):
    """An importer is an instance of a class of ours, so its module does not say which package it belongs to."""
    table: Registry[Record[str]] = Registry("error", entry_points="tests.errors")
    monkeypatch.setattr(registry, "shared_table", table, raising=False)
    (tmp_path / "offers_a_record.py").write_text(
        "from cellbench.registry import Record, shared_table\n"
        "THING = shared_table.register('a', 'one line')(Record('', '', ''))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    offer(monkeypatch, ("a", "offers_a_record:THING"))
    record = table.items()[0]
    assert (record.name, record.description) == ("a", "one line")
    assert table.get("a") is record.thing
    monkeypatch.delitem(sys.modules, "offers_a_record")


@pytest.mark.parametrize(
    ("entry", "description"),
    [("collections:OrderedDict", "Dictionary that remembers insertion order"), ("math:tau", "from math:tau")],
)
def test_an_entry_that_registers_nothing_is_described_by_its_docstring(shapes, monkeypatch, entry, description):
    offer(monkeypatch, ("other", entry))
    assert next(record.description for record in shapes.items() if record.name == "other") == description


def test_every_module_of_a_folder_is_imported_in_order(monkeypatch, tmp_path):
    package = tmp_path / "found_package"
    package.mkdir()
    for name in ("__init__", "b", "a", "_hidden"):
        (package / f"{name}.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    assert module_names(package) == ["a", "b"]
    import_modules("found_package", package)
    found = [name for name in sys.modules if name.startswith("found_package.")]
    assert found == ["found_package.a", "found_package.b"]
    for name in ("found_package", *found):
        monkeypatch.delitem(sys.modules, name)


def test_nearest_of_nothing_says_so():
    assert nearest("x", []) == "none is known yet."
