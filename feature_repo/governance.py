"""Whose data a view shows and what it may be used for: the tags of every view, refused at `apply` when one is missing.

purpose: words of 3GPP TS 29.503, `UcPurpose`, apart by spaces. A view of a feature service must allow MODEL_TRAINING
and ANALYTICS; a view for looking one person up allows only ANALYTICS, so no model can be trained on it.
pii: `pseudonymous` where the only identifier is the subscriber's token. residency: `operator_region` where a row may be
processed only in the region that the estate gives its operator.
"""


def governed(domain, *, purpose="MODEL_TRAINING ANALYTICS", **more):
    """The tags of a view: who answers for it, and what its rows are and may be used for."""
    return {
        "owner": f"{domain}_data", "domain": domain, "pii": "pseudonymous", "purpose": purpose,
        "residency": "operator_region", **more,
    }
