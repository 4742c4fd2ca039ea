"""The batch steps of a telecom operator's churn and lifetime-value system, free of any orchestrator."""
