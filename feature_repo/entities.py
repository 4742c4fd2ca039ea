"""Who a feature row is about."""

from feast import Entity, ValueType

subscriber = Entity(
    name="subscriber",
    join_keys=["subscriber_id"],
    value_type=ValueType.STRING,
    description="One golden subscriber, as int_subscriber_identity decides it.",
)
