"""Scenarios are data: a TOML file with a name, one line, changed parameters and what is planted when."""

from __future__ import annotations

import tomllib
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipelines.errors import UsageError
from pipelines.simulate.parameters import Parameters

SHIPPED = Path(__file__).parent / "scenarios"
# A whole number counts days from the start of history; a fraction below 1 is a share of the days of history.
Moment = Annotated[int, Field(ge=1, strict=True)] | Annotated[float, Field(gt=0, lt=1, strict=True)]
Region = Literal["north", "south", "east", "west", "centre"]
Vendor = Literal["ericsson", "nokia", "huawei", "samsung"]
Operator = Literal["alpha", "bravo"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PriceRise(_Strict):
    """On one day an operator raises the prices of a share of its postpaid lines."""

    kind: Literal["price_rise"]
    at: Moment
    operator: Operator
    lines: float = Field(default=1.0, gt=0, le=1)  # share of the operator's lines, drawn at random
    rise: float = Field(gt=0, le=1)  # 0.15: 15 %


class VendorSwap(_Strict):
    """On one day all cells of a region get another vendor's equipment: another feed, other counters."""

    kind: Literal["vendor_swap"]
    at: Moment
    region: Region
    vendor: Vendor


class Season(_Strict):
    """For some days usage and small talk rise; nobody leaves because of it."""

    kind: Literal["season"]
    at: Moment
    until: Moment
    usage: float = Field(gt=0)  # factor on data and calls
    contacts: float = Field(default=1.0, gt=0)  # factor on contacts without a problem


class BrokenFeed(_Strict):
    """For some days a source sends zeros for some columns of a feed; what really happened goes on."""

    kind: Literal["broken_feed"]
    at: Moment
    until: Moment
    feed: str
    columns: tuple[str, ...] = Field(min_length=1)


class Merger(_Strict):
    """An operator's subscribers arrive in one day; before it no file knows them."""

    kind: Literal["merger"]
    at: Moment
    operator: Operator


class Competitor(_Strict):
    """From one day on the law of churn is another for some lines; no feature shows it."""

    kind: Literal["competitor"]
    at: Moment
    log_odds: float
    who: Literal["all", "free", "bound", "prepaid"] = "all"


Plant = Annotated[
    PriceRise | VendorSwap | Season | BrokenFeed | Merger | Competitor, Field(discriminator="kind"),
]


class Scenario(_Strict):
    """What a scenario file holds."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    says: str = Field(min_length=1)
    parameters: dict[str, Any] = {}
    plant: tuple[Plant, ...] = ()

    def applied(self) -> Parameters:
        """The house's parameters with this scenario's changes. Raises UsageError for a name there is not."""
        changed: Parameters = _changed(Parameters(), self.parameters, f"scenario {self.name}: parameters")
        return changed


def shipped() -> list[Scenario]:
    """The scenarios that come with the package, by name."""
    return [read(path) for path in sorted(SHIPPED.glob("*.toml"))]


def load(name_or_path: str) -> Scenario:
    """A shipped scenario by name, or a file by its path."""
    path = SHIPPED / f"{name_or_path}.toml"
    if path.parent == SHIPPED and path.exists():
        return read(path)
    own = Path(name_or_path)
    if own.suffix == ".toml" and own.exists():
        return read(own)
    names = ", ".join(found.stem for found in sorted(SHIPPED.glob("*.toml")))
    raise UsageError(f"simulate: no scenario {name_or_path!r}. There is: {names}; or give the path of a .toml file")


def read(path: Path) -> Scenario:
    """One scenario file. Raises UsageError naming the file, the key, and the keys there are."""
    try:
        scenario = Scenario.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: not TOML: {error}") from None
    except ValidationError as error:
        raise UsageError(f"{path}: {'; '.join(_told(one) for one in error.errors())}") from None
    scenario.applied()
    _check_feeds(scenario, path)
    return scenario


def _told(error: Any) -> str:
    """One of pydantic's findings; an unknown key comes with the keys that are allowed there."""
    place = ".".join(str(part) for part in error["loc"])
    if error["type"] != "extra_forbidden":
        return f"{place}: {error['msg']}"
    kinds = {one.model_fields["kind"].annotation.__args__[0]: one  # type: ignore[union-attr]
             for one in (PriceRise, VendorSwap, Season, BrokenFeed, Merger, Competitor)}
    model = next((kinds[part] for part in error["loc"] if part in kinds), Scenario)
    return f"{place}: no such key; allowed are {', '.join(model.model_fields)}"


def _changed(parameters: Any, changes: dict[str, Any], where: str) -> Any:
    known = {field.name: getattr(parameters, field.name) for field in fields(parameters)}
    values = {}
    for name, value in changes.items():
        if name not in known:
            raise UsageError(f"{where}.{name}: no such key; allowed are {', '.join(known)}")
        if is_dataclass(known[name]):
            if not isinstance(value, dict):
                raise UsageError(f"{where}.{name}: a table of parameters, not {value!r}")
            values[name] = _changed(known[name], value, f"{where}.{name}")
        elif isinstance(known[name], tuple):
            values[name] = tuple(value)
        elif isinstance(value, bool) or not isinstance(value, (int, float)):
            raise UsageError(f"{where}.{name}: a number, not {value!r}")
        else:
            values[name] = type(known[name])(value)
    return replace(parameters, **values)


def _check_feeds(scenario: Scenario, path: Path) -> None:
    from pipelines.landing.contract import BY_ID, Type

    for plant in scenario.plant:
        if isinstance(plant, BrokenFeed):
            if plant.feed not in BY_ID:
                raise UsageError(f"{path}: broken_feed: no feed {plant.feed!r}; there are {', '.join(BY_ID)}")
            numbers = [c.name for c in BY_ID[plant.feed].columns if c.type in (Type.INTEGER, Type.DOUBLE)]
            wrong = [name for name in plant.columns if name not in numbers]
            if wrong:
                raise UsageError(f"{path}: broken_feed: {plant.feed} has no number columns {wrong}; it has {numbers}")
