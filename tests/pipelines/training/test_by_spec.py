"""A model is a spec: what trains, judges and describes one classifier does so for another without a branch."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pipelines import bundle as bundles
from pipelines import training
from pipelines.models import SPECS
from pipelines.settings import settings

UPGRADE = SPECS["upgrade"]


@pytest.fixture(scope="module")
def trained(frames, give_registry, tmp_path_factory):
    """24 weekly cut-offs; who leaves in the small world is said to upgrade."""
    home = tmp_path_factory.mktemp("by_spec") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TELCO_HOME", str(home))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        settings.cache_clear()
        cutoffs = frames.grid(24)
        world = frames.build(patch, home, cutoffs, count=400)
        keys = ["subscriber_id", "event_timestamp"]
        for cutoff in cutoffs:
            label = frames.rows(cutoff, 400).rename(columns={"is_churned": UPGRADE.label_column})
            world.publish(UPGRADE.label, cutoff, label[[*keys, UPGRADE.label_column]], root="labels")
        give_registry(home)
        yield training.train("upgrade", cutoffs[-1] + timedelta(days=67))
    settings.cache_clear()


def test_its_slices_lie_its_own_horizon_apart(trained):
    assert trained.evaluation.design == "out_of_time"
    assert trained.evaluation.notes == ("out of time: slices are 60 days apart",)
    assert trained.evaluation.metrics["auc"] > 0.65


def test_the_gate_judges_it_by_its_own_bounds(trained):
    bounds = {check.name: check.bound for check in trained.verdict.checks}
    assert any("ece" in name and bound == 0.01 for name, bound in bounds.items()), bounds


def test_its_card_says_what_it_is_for_and_which_label_it_has(trained):
    card = bundles.load(trained.bundle).file("card.md").read_text(encoding="utf-8")
    assert card.startswith("# upgrade v1\n")
    assert UPGRADE.intended_use in card
    assert "lbl_upgrade_60d.is_upgraded, 60 days, known 7 days later" in card
