"""What the models of one night read: models of the same purpose and columns read once, proved and filtered once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from pipelines.governance.population import Population, population
from pipelines.models.spec import Purpose

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Read:
    """The rows of a scoring table that may be scored, who they are, and the sha256 of each partition they came from."""

    people: Population
    table: pa.Table
    features: dict[str, str]


class Reading:
    """One night's reads. The last one is kept for the next model, and no more: of a million it holds 0.6 GB.

    `of` raises Held as `features.scoring_table`, `features.prove_equal` and `population` do.
    """

    def __init__(self, as_of: date) -> None:
        self.as_of = as_of
        self._kept: tuple[Purpose, str, Read] | None = None

    def of(self, purpose: Purpose, service: str) -> Read:
        """Everyone who may be scored for the purpose, with the columns of a feature service."""
        from pipelines import features

        if self._kept is not None:
            before, its_service, read = self._kept
            if before == purpose and (its_service == service or features.alike(its_service, service)):
                return read
            self._kept = None
        people = population(purpose, self.as_of)
        known = features.scoring_table(service, self.as_of)
        features.prove_equal(service, self.as_of, known)
        read = Read(people, people.only(known), features.partition_digests(service, self.as_of))
        self._kept = (purpose, service, read)
        return read
