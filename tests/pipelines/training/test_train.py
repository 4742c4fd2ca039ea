"""Training from published partitions to a registered, judged, promoted version, against a real registry on SQLite."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from types import MappingProxyType

import pytest

from pipelines import bundle as bundles
from pipelines import champions, gate, promotion, tracking, training
from pipelines.errors import IntegrityError, NotEnoughData
from pipelines.governance import purpose
from pipelines.models import SPECS
from pipelines.models.spec import Shadow
from pipelines.publish import Dataset
from pipelines.settings import settings
from pipelines.training import frames as labels
from pipelines.training import value
from pipelines.training.cutoffs import matured

CHURN, LTV = SPECS["churn"], SPECS["ltv"]


def small_booster() -> bytes:
    """A booster of one round; a bundle takes nothing that does not load."""
    import numpy as np
    import xgboost

    rows = xgboost.DMatrix(np.arange(4.0).reshape(4, 1), label=[0, 0, 1, 1])
    return bytes(xgboost.train({"max_depth": 1, "nthread": 1}, rows, num_boost_round=1).save_raw(raw_format="ubj"))


@pytest.fixture(scope="module")
def trained(frames, give_registry, tmp_path_factory):
    """One world of 24 weekly cut-offs, in which churn was trained at T and promoted, then ltv."""
    home = tmp_path_factory.mktemp("trained") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TELCO_HOME", str(home))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        settings.cache_clear()
        cutoffs = frames.grid(24)
        world = frames.build(patch, home, cutoffs, count=600, ltv_cutoffs=cutoffs)
        give_registry(home)
        world.T = cutoffs[-1] + timedelta(days=37)
        world.first = training.train("churn", world.T)
        world.champion = promotion.promote("churn", world.T)
        world.ltv = training.train("ltv", world.T)
        yield world
    settings.cache_clear()


def test_the_first_version_is_out_of_time_and_passes_the_gate(trained):
    result = trained.first
    assert (result.model, result.version, result.as_of, result.reused) == ("churn", 1, trained.T, False)
    assert result.evaluation.design == "out_of_time"
    assert result.verdict.passed, result.verdict.reasons
    assert result.evaluation.metrics["auc"] > result.evaluation.baselines["constant"]["auc"] + 0.1


def test_the_evaluated_rows_lie_a_horizon_after_what_was_fitted(trained):
    parts = {
        name: [date.fromisoformat(day) for day in part["cutoffs"]]
        for name, part in trained.first.evaluation.slices.items()
    }
    assert (parts["test"][0] - parts["calibrate"][-1]).days >= 30
    assert (parts["calibrate"][0] - parts["fit"][-1]).days >= 30


def test_the_stored_booster_was_refitted_on_every_matured_cutoff(trained):
    bundle = bundles.load(trained.first.bundle)
    assert len(bundle.facts["cutoffs"]) == 24
    assert bundle.facts["rows"] == 24 * 600
    probability = bundle.predict(trained.features)
    assert len(probability) == 24 * 600
    assert abs(probability.mean() - bundle.facts["positives"] / bundle.facts["rows"]) < 0.02


def test_the_registry_holds_the_native_model_its_signature_and_where_it_came_from(trained):
    found = tracking.versions("telco_churn")[0]
    bundle = bundles.load(trained.first.bundle)
    assert found.state == tracking.READY
    assert found.tags["sha256"] == bundle.sha256
    assert found.tags["feature_service"] == "churn_v2"
    assert found.tags["frame_digest"] == bundle.facts["frame_digest"]
    assert found.tags["spec_digest"] == CHURN.digest
    assert found.tags["verdict"] == "passed"
    assert found.tags["trained_as_of"] == trained.T.isoformat()
    assert len(found.tags["git_commit"].split("+")[0]) in (4, 40)
    artifacts = settings().mlflow / "artifacts"
    assert "out of time" in (artifacts / found.run_id / "artifacts/bundle/card.md").read_text()
    models = [path.read_text() for path in artifacts.rglob("MLmodel")]
    assert models
    assert all("model_format: ubj" in model and "contract_type" in model for model in models)
    assert not [path for path in artifacts.rglob("*") if path.suffix in {".pkl", ".pickle"}]


def test_the_verdict_is_bound_by_the_bundles_digest_and_stored_beside_it(trained):
    bundle = bundles.load(trained.first.bundle)
    stored = json.loads(bundle.file("verdict.json").read_bytes())
    assert stored == bundle.facts["verdict"]
    assert {"champion", "consent_and_region"} <= {check["name"] for check in stored["checks"]}


@pytest.mark.mlts("I1")
def test_the_same_training_again_is_the_same_version(trained):
    again = training.train("churn", trained.T)
    assert again.reused
    assert again.version == 1
    assert again.promoted
    assert again.verdict == trained.first.verdict
    assert again.evaluation.metrics == trained.first.evaluation.metrics
    assert len(tracking.versions("telco_churn")) == 1


def test_a_run_killed_after_registering_is_finished_not_doubled(trained, monkeypatch):
    spec = replace(CHURN, seed=77)
    monkeypatch.setitem(SPECS, "churn", spec)

    def killed(*args, **more):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pipelines.tracking.settle", killed)
        with pytest.raises(KeyboardInterrupt):
            training.train("churn", trained.T)
    pending = tracking.versions("telco_churn")[-1]
    assert pending.state == tracking.PENDING
    result = training.train("churn", trained.T)
    assert result.version == pending.version
    assert not result.reused
    assert tracking.versions("telco_churn")[-1].state == tracking.READY


def test_a_retrain_with_nothing_new_to_judge_on_is_refused_and_says_from_when(trained, monkeypatch):
    monkeypatch.setitem(SPECS, "churn", replace(CHURN, seed=78))
    result = training.train("churn", trained.T)
    assert not result.verdict.passed
    assert "not comparable with champion v1" in result.verdict.reasons[-1]
    assert "30 days or more after" in result.verdict.reasons[-1]
    assert result.version > 1
    found = next(v for v in tracking.versions("telco_churn") if v.version == result.version)
    assert found.tags["verdict"] == "refused"
    assert tracking.version_by_alias("telco_churn", "challenger") is None
    assert promotion.promote("churn", trained.T) is None
    assert champions.in_force("churn", trained.T).version == 1


def test_the_first_champion_is_in_force_from_its_own_as_of(trained):
    assert trained.champion.from_as_of == trained.T
    assert trained.champion.sha256 == bundles.load(trained.first.bundle).sha256
    assert tracking.version_by_alias("telco_churn", "champion").version == 1
    assert tracking.version_by_alias("telco_churn", "challenger") is None


def test_lifetime_value_pins_the_churn_version_and_knows_the_real_margins(trained):
    result = trained.ltv
    assert result.verdict.passed, result.verdict.reasons
    facts = bundles.load(result.bundle).facts
    assert facts["ltv"]["churn_version"] == 1
    assert facts["ltv"]["churn_sha256"] == trained.champion.sha256
    assert facts["ltv"]["months"] == 12
    assert sorted(path.name for path in result.bundle.glob("*.ubj")) == ["hazard.ubj"]
    figures, rivals = result.evaluation.metrics, result.evaluation.baselines
    assert figures["abs_total_bias"] < 0.1 < rivals["billed_x_horizon"]["abs_total_bias"]
    assert figures["spearman"] > 0.8
    assert 0.75 <= figures["interval_coverage"] <= 0.85
    assert result.evaluation.slices["judged"]["cutoffs"][-1] <= str(trained.T - timedelta(days=127))


def test_every_rival_is_told_with_what_it_loses_at_least(trained):
    evaluation = trained.ltv.evaluation
    assert set(evaluation.baselines) == {"billed_x_horizon", "margin_x_horizon", "constant_hazard", "kaplan_meier"}
    worst = min(rival["rmse_lost_at_least"] for rival in evaluation.baselines.values())
    assert evaluation.metrics["gain_over_rivals"] == worst


def test_the_heads_saw_the_months_the_history_has_and_no_more(trained):
    terms = bundles.load(trained.ltv.bundle).facts["ltv"]
    assert terms["hazard"]["longest"] == 6  # 24 weekly cut-offs: five steps of four weeks
    assert terms["margin"]["longest"] == 4  # a margin looks back over 90 days: it is read two steps later
    assert terms["hazard"]["calibrator"]["kind"] == "platt"


def test_the_same_lifetime_value_again_is_the_same_version_and_from_nothing_the_same_bytes(trained, frames):
    again = training.train("ltv", trained.T)
    assert (again.reused, again.version) == (True, trained.ltv.version)
    leave = purpose.leave(LTV.train_purpose, trained.T)
    source = value.read(LTV, champions.in_force("churn", trained.T), leave, lambda line: None)
    shuffled = trained.features.sample(frac=1, random_state=5)
    trained.features, kept = shuffled, trained.features
    try:
        other = value.read(LTV, champions.in_force("churn", trained.T), leave, lambda line: None)
    finally:
        trained.features = kept
    rows = labels.labels(LTV, matured(LTV, trained.T, frames.START), leave)
    made = [value.fit(LTV, value.judged(one, rows), frames.COLUMNS, one, lambda line: None) for one in (source, other)]
    assert made[0].files == made[1].files
    assert made[0].facts == made[1].facts
    assert made[0].facts["ltv"] == bundles.load(trained.ltv.bundle).facts["ltv"]


def test_a_second_lifetime_value_is_compared_with_the_one_in_force_on_the_same_rows(trained, monkeypatch):
    assert promotion.promote("ltv", trained.T).version == 1
    monkeypatch.setitem(SPECS, "ltv", replace(LTV, seed=79))
    again = training.train("ltv", trained.T)
    check = next(one for one in again.verdict.checks if one.name == "champion")
    assert f"over champion v1 on {again.evaluation.rows} rows" in check.sentence
    assert not again.verdict.passed  # the same recipe with another seed is no better
    assert abs(check.value) < 1.0  # EUR


def test_lifetime_value_without_a_churn_champion_says_what_to_train_first(trained):
    before = trained.T - timedelta(days=1)
    with pytest.raises(NotEnoughData) as held:
        training.train("ltv", before)
    assert "no champion: no churn version is in force" in str(held.value)
    assert f"telco train churn --as-of {before}" in str(held.value)


def test_lifetime_value_before_its_first_label_matured_names_the_day(trained, frames):
    with pytest.raises(NotEnoughData, match=str(frames.START + timedelta(days=127))):
        training.train("ltv", frames.START + timedelta(days=126))


def test_a_single_cutoff_is_judged_by_subscriber_and_the_card_says_so(home, monkeypatch, frames, give_registry):
    give_registry(home)
    quick = replace(CHURN, parameters=MappingProxyType({**CHURN.parameters, "max_rounds": 40}))
    monkeypatch.setitem(SPECS, "churn", quick)
    frames.build(monkeypatch, home, frames.grid(1), count=1500)
    result = training.train("churn", frames.START + timedelta(days=37))
    assert result.evaluation.design == "by_subscriber"
    assert result.evaluation.rows == 1500
    assert "single cut-off: by subscriber" in (result.bundle / "card.md").read_text()


class TestPromotion:
    """A world of small promotions: bundles written by hand, so that nothing is fitted."""

    @pytest.fixture
    def challenger(self, home, give_registry, monkeypatch):
        give_registry(home)
        monkeypatch.setitem(SPECS, "churn", replace(CHURN, shadow=Shadow(nights=0)))
        monkeypatch.setitem(SPECS, "ltv", replace(LTV, shadow=Shadow(nights=0)))

        def make(trained_on: date, *, passed: bool = True, ready: bool = True) -> int:
            found = tracking.register("telco_churn", {"identity": f"{trained_on}{passed}"})
            facts = {
                "model": "churn", "version": found.version, "feature_service": "churn_v2", "columns": [],
                "categories": {}, "calibrator": bundles.IDENTITY, "trained_as_of": trained_on.isoformat(),
                "verdict": {"passed": passed},
            }
            bundle = bundles.save(bundles.path_of("churn", found.version), facts)
            tags = {"sha256": bundle.sha256} if ready else {}
            tracking.settle(found, bundle.directory, tags, alias="challenger")
            return found.version

        return make

    def test_a_later_champion_begins_after_the_newest_scored_night(self, challenger, home):
        day = date(2026, 6, 1)
        first = challenger(day)
        assert promotion.promote("churn", day).from_as_of == day
        scores = Dataset(settings().scores / "churn", ("as_of", "version"))
        for night in ("2026-06-20", "2026-06-18"):
            scores.publish({"as_of": night, "version": str(first)}, lambda path: path.write_bytes(b"x"))
        second = challenger(date(2026, 6, 8))
        entered = promotion.promote("churn", date(2026, 6, 20))
        assert (entered.version, entered.from_as_of) == (second, date(2026, 6, 21))
        assert champions.in_force("churn", date(2026, 6, 20)).version == first
        assert tracking.version_by_alias("telco_churn", "previous").version == first

        older = challenger(date(2026, 5, 1))
        told = []
        assert promotion.promote("churn", date(2026, 6, 30), report=told.append) is None
        assert f"challenger v{older} was trained at 2026-05-01, before champion v{second}" in told[0]

    def test_what_is_not_bound_to_a_passed_verdict_is_never_promoted(self, challenger, home):
        day = date(2026, 6, 1)
        challenger(day, passed=False)
        with pytest.raises(IntegrityError, match="did not pass"):
            promotion.promote("churn", day)
        challenger(day + timedelta(days=1), ready=False)
        with pytest.raises(IntegrityError, match="without the sha256"):
            promotion.promote("churn", day + timedelta(days=1))
        edited = challenger(day + timedelta(days=2))
        path = bundles.path_of("churn", edited) / "bundle.json"
        path.write_text(path.read_text().replace("2026-06-03", "2026-06-02"))
        with pytest.raises(IntegrityError, match="sha256"):
            promotion.promote("churn", day + timedelta(days=2))
        assert champions.history("churn") == []

    def test_a_kill_between_log_and_alias_is_healed_by_the_retry(self, challenger, home, monkeypatch):
        day = date(2026, 6, 1)
        version = challenger(day)
        with monkeypatch.context() as patch:
            patch.setattr("pipelines.tracking._set_alias", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                promotion.promote("churn", day)
        assert champions.in_force("churn", day).version == version
        assert promotion.promote("churn", day).version == version
        assert len(champions.history("churn")) == 1
        assert tracking.version_by_alias("telco_churn", "champion").version == version

    def test_a_challenger_of_the_future_is_not_promoted_yet(self, challenger, home):
        challenger(date(2026, 6, 9))
        assert promotion.promote("churn", date(2026, 6, 8)) is None

    def test_a_value_pinned_to_a_churn_version_of_the_past_is_not_promoted(self, challenger, home):
        day = date(2026, 6, 1)
        for trained_on in (day, day + timedelta(days=7)):
            challenger(trained_on)
            promotion.promote("churn", trained_on)
        found = tracking.register("telco_ltv", {"identity": "pinned to v1"})
        bundle = bundles.save(bundles.path_of("ltv", found.version), {
            "model": "ltv", "version": found.version, "feature_service": "ltv_v2", "columns": [], "categories": {},
            "calibrator": bundles.IDENTITY, "trained_as_of": "2026-06-09", "verdict": {"passed": True},
            "ltv": {"churn_version": 1},
        })
        tracking.settle(found, bundle.directory, {"sha256": bundle.sha256}, alias="challenger")
        told = []
        assert promotion.promote("ltv", date(2026, 6, 9), report=told.append) is None
        assert "is pinned to churn v1 and v2 has been promoted since; train ltv again" in told[0]

    @pytest.fixture
    def standing(self, challenger, home, monkeypatch):
        """Churn v1 and a value that pins it, in force; what this gives is the incoherent share to be measured."""
        day = date(2026, 6, 1)
        challenger(day)
        first = promotion.promote("churn", day)
        value = bundles.save(bundles.path_of("ltv", 1), {
            "model": "ltv", "version": 1, "feature_service": "ltv_v2", "columns": [], "categories": {},
            "identity": "one", "calibrator": bundles.IDENTITY, "trained_as_of": day.isoformat(),
            "verdict": {"passed": True},
            "ltv": {"churn_version": 1, "churn_sha256": first.sha256, "months": 12},
        }, files={"hazard.ubj": small_booster(), "card.md": b"card"})
        tracking.settle(tracking.register("telco_ltv", {"identity": "one"}), value.directory, {"sha256": value.sha256})
        champions.enter("ltv", 1, day, value.sha256, reason="test")
        share = {"value": 0.02}
        monkeypatch.setattr(
            "pipelines.training.value.coherence.of_standing", lambda *_: gate.coherence(share["value"], 0.1)
        )
        return share

    def test_a_churn_version_that_contradicts_the_standing_value_is_not_promoted(self, challenger, standing):
        standing["value"] = 0.3
        second, told = challenger(date(2026, 6, 8)), []
        assert promotion.promote("churn", date(2026, 6, 9), report=told.append) is None
        assert f"challenger v{second} and ltv v1, 30.0% of the subscribers rise in churn and in" in told[0]
        assert [line.version for line in champions.history("ltv")] == [1]

    def test_the_pair_moves_together_from_the_same_night_with_the_heads_as_they_were(self, challenger, standing):
        second = challenger(date(2026, 6, 8))
        entered = promotion.promote("churn", date(2026, 6, 9))
        moved = champions.history("ltv")[-1]
        assert (entered.version, moved.from_as_of) == (second, entered.from_as_of)
        bundle = bundles.load(bundles.path_of("ltv", moved.version), expected=moved.sha256)
        assert (bundle.version, bundle.facts["ltv"]["churn_version"]) == (2, second)
        assert bundle.facts["ltv"]["churn_sha256"] == entered.sha256
        assert bundle.file("hazard.ubj").read_bytes() == small_booster()
        assert bundle.facts["paired"]["heads_of_version"] == 1
        assert bundle.facts["paired"]["coherence"]["value"] == 0.02
        assert tracking.version_by_alias("telco_ltv", "champion").version == 2
        assert tracking.version_by_alias("telco_ltv", "previous").version == 1

    def test_a_kill_between_the_value_and_its_churn_version_is_healed_by_the_retry(
        self, challenger, standing, monkeypatch
    ):
        second, enter = challenger(date(2026, 6, 8)), champions.enter

        def killed(model, *args, **more):
            if model == "churn":
                raise KeyboardInterrupt
            return enter(model, *args, **more)

        with monkeypatch.context() as patch:
            patch.setattr("pipelines.champions.enter", killed)
            with pytest.raises(KeyboardInterrupt):
                promotion.promote("churn", date(2026, 6, 9))
        assert champions.history("ltv")[-1].version == 2
        assert promotion.promote("churn", date(2026, 6, 9)).version == second
        assert [line.version for line in champions.history("ltv")] == [1, 2]
