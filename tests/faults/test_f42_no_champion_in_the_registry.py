"""F42, the registry's side: a registry that has never had a champion says so in two ways, and both mean "none"."""

from __future__ import annotations

from datetime import date

import pytest

from pipelines import champions, promotion, tracking
from pipelines.errors import RegistryAway


def code_of(name: str) -> str:
    """The error code MLflow itself answers with when asked for the champion."""
    from mlflow.exceptions import MlflowException

    with pytest.raises(MlflowException) as raised:
        tracking._client().get_model_version_by_alias(name, "champion")
    return raised.value.error_code


def test_F42_both_error_codes_of_a_fresh_registry_mean_that_there_is_no_champion(home):
    codes = {code_of("telco_churn")}
    assert tracking.versions("telco_churn") == []
    assert tracking.version_by_alias("telco_churn", "champion") is None
    assert promotion.promote("churn", date(2026, 6, 1)) is None

    registered = tracking.register("telco_churn", {"identity": "one"})
    codes.add(code_of("telco_churn"))
    assert codes == {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}
    assert registered.state == tracking.PENDING
    assert tracking.version_by_alias("telco_churn", "champion") is None
    assert promotion.promote("churn", date(2026, 6, 1)) is None
    assert champions.in_force("churn", date(2026, 6, 1)) is None
    tracking.drop_alias("telco_churn", "challenger")  # nothing to take is fine


@pytest.mark.parametrize("code", ["INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE"])
def test_F42_a_registry_that_is_broken_is_not_a_registry_without_a_champion(home, monkeypatch, code):
    from mlflow.exceptions import MlflowException
    from mlflow.protos import databricks_pb2

    class Broken:
        def get_model_version_by_alias(self, name, alias):
            raise MlflowException("down", error_code=getattr(databricks_pb2, code))

    monkeypatch.setattr(tracking, "_client", Broken)
    with pytest.raises(RegistryAway, match="down"):
        tracking.version_by_alias("telco_churn", "champion")
