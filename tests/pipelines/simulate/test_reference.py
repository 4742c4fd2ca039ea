"""The simulator's page has the tables the code makes, and every parameter says what it means."""

from __future__ import annotations

from pipelines.settings import PROJECT
from pipelines.simulate import parameters, reference
from pipelines.simulate.scenario import shipped

PAGE = (PROJECT / "docs/reference/simulator.md").read_text(encoding="utf-8")


def test_the_page_has_the_table_of_parameters_and_of_scenarios_as_the_code_has_them():
    for made in (reference.parameter_table(), reference.scenario_table()):
        assert made in PAGE, "python -m pipelines.simulate.reference prints what belongs into the page"


def test_every_parameter_has_a_meaning_and_every_source_a_parameter():
    table = reference.parameter_table().splitlines()[2:]
    keys = [row.split("`")[1] for row in table]
    assert len(keys) > 60
    assert not [row for row in table if row.split(" | ")[2].strip() == ""]
    assert set(parameters.SOURCES) <= set(keys)


def test_every_scenario_is_in_the_page():
    assert all(f"| `{one.name}` |" in PAGE for one in shipped())
