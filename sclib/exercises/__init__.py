"""Checks for the exercises: each takes the reader's function and says what is right or what is wrong with it.

A check prints one sentence and never raises: a half-written answer gets a message, not a traceback.
"""

from sclib.exercises.language import check_slope, check_words
from sclib.exercises.laws import (
    check_audit,
    check_best_of,
    check_budget,
    check_dpo,
    check_probabilities,
    check_rounds,
    check_tilt,
    check_urn,
)
from sclib.exercises.samples import (
    check_candidates,
    check_compromise,
    check_confidence,
    check_lagging,
    check_pool,
    check_share,
    check_transmission,
)
from sclib.exercises.theorems import (
    check_divergence,
    check_identity,
    check_largest_lam,
    check_leftover,
    check_samples,
    check_settled,
    check_speed,
)

__all__ = [
    "check_audit",
    "check_best_of",
    "check_budget",
    "check_candidates",
    "check_compromise",
    "check_confidence",
    "check_divergence",
    "check_dpo",
    "check_identity",
    "check_lagging",
    "check_largest_lam",
    "check_leftover",
    "check_pool",
    "check_probabilities",
    "check_rounds",
    "check_samples",
    "check_settled",
    "check_share",
    "check_slope",
    "check_speed",
    "check_tilt",
    "check_transmission",
    "check_urn",
    "check_words",
]
