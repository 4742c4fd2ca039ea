"""Errors a person reads: each names the thing, the value and the next step, and carries the CLI's exit code."""

from __future__ import annotations

from collections.abc import Sequence


class TelcoError(Exception):
    """A fault: something broke that is neither the caller's words nor a check's verdict (exit code 1)."""

    exit_code = 1


class UsageError(TelcoError):
    """The words of the call are off: a bad date, an unknown model or feed (exit code 2)."""

    exit_code = 2


class Held(TelcoError):
    """A gate or a check held the step: nothing was published, what stood still stands (exit code 3)."""

    exit_code = 3

    MOST = 30  # reasons in words; a history of absent days has thousands

    def __init__(self, subject: str, reasons: Sequence[str], next_step: str = "") -> None:
        self.subject = subject
        self.reasons = tuple(reasons)
        self.next_step = next_step
        lines = [f"{subject}: held", *(f"  - {reason}" for reason in self.reasons[:self.MOST])]
        if len(self.reasons) > self.MOST:
            lines.append(f"  - and {len(self.reasons) - self.MOST:,} more")
        if next_step:
            lines.append(f"  next: {next_step}")
        super().__init__("\n".join(lines))


class RejectedFile(Held):
    """The door refused a whole file; it lies in quarantine and the day before it is untouched."""


class MissingHistory(Held):
    """A step's window has dates that neither landed nor were declared absent."""


class PublishedChanged(Held):
    """A rebuild of a published partition gave other bytes; the published ones were kept."""


class NotEnoughData(Held):
    """Training or judging was refused before it began: too few rows, positives, or days."""


class RegistryAway(TelcoError):
    """MLflow does not answer or breaks off. What scores a night does not need it; what must be registered waits."""


class NoChampion(TelcoError):
    """No model version is in force for a night: the night is skipped with this reason, never failed."""

    exit_code = 0


class Busy(TelcoError):
    """Somebody else has what only one may have: the warehouse's database is open in another process."""


class StorageFault(TelcoError):
    """The disk refused a write: full, out of inodes, read-only, not ours. Nothing half-written is left in sight."""


class IntegrityError(TelcoError):
    """Bytes on disk are not those that were recorded (sha256 mismatch, unknown flavour)."""
