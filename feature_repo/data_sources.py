"""Where feature rows lie: published Parquet, one partition per as_of, one live file per partition.

The glob names the live file, so a file being written beside it (`.<hex>.tmp`) and the manifest are never read.
"""

import os

from feast import FileSource, PushSource


def published(dataset: str) -> FileSource:
    """The published partitions of one feature mart; event_timestamp and created_at are both the as_of, UTC."""
    return FileSource(
        name=dataset,
        path=f"{os.environ['TELCO_HOME']}/features/{dataset}/as_of=*/data.parquet",
        timestamp_field="event_timestamp",
        created_timestamp_column="created_at",
    )


subscriber_billing = published("ftr_subscriber_billing")
subscriber_network = published("ftr_subscriber_network")
subscriber_care = published("ftr_subscriber_care")

# Pushed when scoring closes. Feast wants a batch source behind it; nothing reads scores through Feast's offline store.
scores = PushSource(name="scores", batch_source=published("subscriber_scores"))
