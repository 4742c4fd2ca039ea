"""Purpose: who may be trained or scored with, by what was consented to as known at as_of; an inner join, and the last.

With a consent feed nobody without a granted consent is processed, whoever never said anything included. An estate
without one declares the legal basis of each operator in estate.toml, and that basis then covers everybody. For a
training at T the consent known at T counts and not the one at a row's cut-off: the processing happens at T, a
withdrawal before T forbids it whatever the row describes, and a consent given after the cut-off allows it (GDPR Art. 6
(1) a and 7 (3) speak of the processing, not of the age of the data).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from pipelines.errors import MissingHistory
from pipelines.estate import estate
from pipelines.governance import residency
from pipelines.models.spec import Purpose
from pipelines.publish import Dataset
from pipelines.settings import settings

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

NO_CONSENT, REGION = "no_consent", "region"
FEED = "governance.consents"
CONSENT = "consent"


@dataclass(frozen=True)
class Leave:
    """What may be done for one purpose at as_of, and by what right. `snapshot` is the sha256 of the consents it read.

    `known` (n,) are all subscribers known at as_of and `may` (n, 2) whether each lies in a region of the run and has
    consented; None: the declared legal basis covers everybody, in every region.
    """

    purpose: Purpose
    as_of: date
    regions: tuple[str, ...]
    basis: str
    snapshot: str = ""
    known: Any = field(default=None, repr=False)
    may: Any = field(default=None, repr=False)

    def why_not(self, subscribers: npt.NDArray[np.object_] | pa.StringArray) -> npt.NDArray[np.object_]:
        """For each subscriber `region`, `no_consent`, or nothing when they may be processed; shape (n,)."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        reasons = np.full(len(subscribers), "", dtype=object)
        if self.known is None:
            return reasons
        asked = subscribers if isinstance(subscribers, pa.Array) else pa.array(subscribers, pa.string())
        place = pc.fill_null(pc.index_in(asked, self.known), -1).to_numpy()
        asks = self.basis == CONSENT
        # Who is not known is at -1, the last row: has consented to nothing, or is of no operator of this run.
        within, granted = np.vstack([self.may, [asks, not asks]])[place].T
        reasons[~granted] = NO_CONSENT
        reasons[~within] = REGION
        return reasons

    def count(self, subscribers: npt.NDArray[np.object_]) -> dict[str, int]:
        """Of these rows, how many may not be processed, by reason; both reasons are always there."""
        found = Counter(self.why_not(subscribers))
        return {reason: found[reason] for reason in (NO_CONSENT, REGION)}

    def told(self) -> dict[str, Any]:
        """For a bundle, a ledger, a partition's inputs."""
        everyone: dict[str, int] = {}
        if self.known is not None:
            within, granted = self.may.T
            everyone = {"known": len(self.known), NO_CONSENT: int((within & ~granted).sum()),
                        REGION: int((~within).sum())}
        return {"purpose": str(self.purpose), "as_of": self.as_of.isoformat(), "regions": list(self.regions),
                "basis": self.basis, "consent_sha256": self.snapshot, **everyone}


def leave(purpose: Purpose, as_of: date) -> Leave:
    """The leave for a purpose as known at as_of. MissingHistory when the consents of that day are not published."""
    regions, asks = residency.of_run(), asks_consent()
    basis = CONSENT if asks else legal_basis()
    if not asks and residency.is_everywhere():
        return Leave(purpose, as_of, regions, basis)
    return _read(Leave(purpose, as_of, regions, basis), asks)


def asks_consent() -> bool:
    """Whether this estate is sent consents: then a subscriber who never said anything has given none."""
    facts = estate()
    return any((facts.feeds[name].like or name) == FEED for name in facts.delivered())


def legal_basis() -> str:
    """The declared basis of each operator, for an estate without a consent feed."""
    return ", ".join(f"{name}: {facts.legal_basis}" for name, facts in sorted(estate().operators.items()))


def dataset() -> Dataset:
    """What everyone ever known consents to, one partition per as_of."""
    return Dataset(settings().features / "consent", ("as_of",))


def _read(asked: Leave, asks: bool) -> Leave:
    import numpy as np
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    key = {"as_of": asked.as_of.isoformat()}
    entry = dataset().entry(key)
    if entry is None:
        raise MissingHistory(f"{asked.purpose} {asked.as_of}", ["what subscribers consent to is not published for it"],
                             f"telco unify --as-of {asked.as_of}")
    flag = f"has_{asked.purpose.lower()}"
    table = pq.read_table(dataset().verify(key), columns=["subscriber_id", "operator", flag], partitioning=None)
    within = pc.is_in(table["operator"], value_set=_strings(residency.operators_within()))
    granted = table[flag].to_numpy() if asks else np.ones(len(table), dtype=bool)
    may = np.column_stack([within.to_numpy(), granted]).astype(bool)
    known = table["subscriber_id"].combine_chunks()
    return Leave(asked.purpose, asked.as_of, asked.regions, asked.basis, entry.sha256, known, may)


def _strings(values: list[str]) -> Any:
    import pyarrow as pa

    return pa.array(values, pa.string())
