"""A spec is frozen, and its digest changes with anything that changes a fitted version."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import FrozenInstanceError, replace
from datetime import date

import pytest

from pipelines.errors import UsageError
from pipelines.models import SPECS, spec_of
from pipelines.models.spec import Split
from pipelines.tracking import NAME


def test_there_are_specs_and_each_is_named_by_its_own_name():
    assert {"churn", "ltv"} <= set(SPECS)
    assert all(name == spec.name and NAME.fullmatch(spec.registered_name) for name, spec in SPECS.items())


def test_an_unknown_model_is_a_usage_error_that_names_those_there_are():
    with pytest.raises(UsageError, match="churn, ltv"):
        spec_of("chrun")


def test_a_label_is_known_after_horizon_and_grace():
    assert SPECS["churn"].known_on(date(2026, 10, 1)) == date(2026, 11, 7)
    assert (SPECS["ltv"].known_on(date(2026, 1, 1)) - date(2026, 1, 1)).days == 127


def test_nobody_can_change_a_spec_in_place():
    with pytest.raises(FrozenInstanceError):
        SPECS["churn"].seed = 1
    with pytest.raises(TypeError):
        SPECS["churn"].parameters["max_depth"] = 9


@pytest.mark.mlts("M1")
@pytest.mark.parametrize("change", [
    {"seed": 1}, {"slices": ()}, {"horizon_days": 60}, {"split": Split(folds=3)}, {"parameters": {"max_depth": 4}},
    {"gate": replace(SPECS["churn"].gate, min_rows=1)},
])
def test_every_change_changes_the_digest(change):
    assert replace(SPECS["churn"], **change).digest != SPECS["churn"].digest


def test_the_digest_is_the_same_in_another_process():
    code = "from pipelines.models import SPECS; print(SPECS['churn'].digest)"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == SPECS["churn"].digest


def test_no_class_weights_and_no_resampling():
    assert not {"scale_pos_weight", "sampling_method"} & set(SPECS["churn"].parameters)


@pytest.mark.mlts("M7")
def test_churn_is_told_apart_by_age_and_region_and_its_card_says_what_it_is_not_for():
    columns = {part.column for part in SPECS["churn"].slices}
    assert {"age_band", "region"} <= columns
    assert SPECS["churn"].intended_use
    assert any("credit" in limit for limit in SPECS["churn"].limits)


def test_words_about_a_model_make_no_other_version():
    spec = SPECS["churn"]
    assert replace(spec, intended_use="other words", limits=()).digest == spec.digest
