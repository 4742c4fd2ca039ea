"""Which errors are tried again and which are not: the one table, as Airflow asks for it."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

from pipelines.errors import Busy, Held, IntegrityError, RegistryAway, StorageFault, UsageError

RETRIES = 3
RETRY_DELAY = timedelta(seconds=30)

# The first rule that fits decides. What no rule names is a fault of unknown kind (a lost connection, a killed
# subprocess) and is tried again after RETRY_DELAY. A task that timed out is tried again like one: AirflowTaskTimeout.
RULES = [
    RetryRule(exception=[Held], action=RetryAction.FAIL,  # RejectedFile, MissingHistory, NotEnoughData ... are Held
              reason="held: it would hold again until a person or a file changes something"),
    RetryRule(exception=[UsageError], action=RetryAction.FAIL, reason="the words of the run are off"),
    RetryRule(exception=[IntegrityError], action=RetryAction.FAIL, reason="bytes are not those that were recorded"),
    RetryRule(exception=[TypeError, NameError, AttributeError, ImportError, NotImplementedError],
              action=RetryAction.FAIL, reason="a defect of the program: the next try would meet it too"),
    RetryRule(exception=[Busy], action=RetryAction.RETRY, retry_delay=timedelta(minutes=1),
              reason="another process has the warehouse"),
    RetryRule(exception=[RegistryAway], action=RetryAction.RETRY, retry_delay=timedelta(minutes=2),
              reason="the model registry does not answer"),
    RetryRule(exception=[StorageFault, MemoryError], action=RetryAction.RETRY, retry_delay=timedelta(minutes=5),
              reason="the disk or the memory is short: time to make room"),
]
POLICY = ExceptionRetryPolicy(RULES, default=RetryAction.DEFAULT)
