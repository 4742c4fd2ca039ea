"""Feature services: the columns a model is trained with and scored with. Immutable once a registered model used one.

A service that needs other columns is a new version (`churn_v2`), never an edit.
"""

from feast import FeatureService
from feature_views import ftr_subscriber_billing, ftr_subscriber_care, ftr_subscriber_network

churn_v1 = FeatureService(
    name="churn_v1",
    features=[ftr_subscriber_billing, ftr_subscriber_network, ftr_subscriber_care],
    description="Everything known of a subscriber from billing, network and care.",
)

# The same columns: the lifetime value multiplies the margin with the survival that the churn model gives the same row.
ltv_v1 = FeatureService(
    name="ltv_v1",
    features=[ftr_subscriber_billing, ftr_subscriber_network, ftr_subscriber_care],
    description="The margin of a subscriber, and the columns the churn model needs to say how long they stay.",
)
