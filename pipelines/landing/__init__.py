"""The door: dropped files in, checked and pseudonymous raw partitions out. Heavy parts load at first use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.landing.door import Landed, declare_absent, land, land_range, missing
    from pipelines.landing.raw import ensure_schemas

__all__ = ["Landed", "declare_absent", "ensure_schemas", "land", "land_range", "missing"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "ensure_schemas":
        from pipelines.landing.raw import ensure_schemas

        return ensure_schemas
    from pipelines.landing import door

    return getattr(door, name)
