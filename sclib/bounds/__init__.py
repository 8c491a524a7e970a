"""Both sides of each statement about the exact laws: what the loop gains, where it ends, how far it may drift.

Laws, `rewards` (nats), `K` and `lam` are those of `population`; t >= 0 counts rounds.  Moments of w = e^r are relative
to M = e^{r*}, r* the top reward that the law holds: they lie in [0, 1], do not change when all rewards are shifted,
and cannot overflow.  `sharp_...` bounds are ours and never weaker than the paper's.  Divergences are in nats.
Every function raises ValueError naming the argument, its value and what is allowed.

One module a subject; import from here: `from sclib.bounds import drift_kl_bound`.
"""

from sclib.bounds.candidates import (
    hard_best_of_n,
    limit_distance,
    limit_distance_bound,
    selection_kl_bound,
)
from sclib.bounds.collapse import (
    collapse_factor,
    is_fixed_point,
    kl_from_limit,
    kl_from_limit_bounds,
    limit_law,
    plateau_constant,
    speed_limit,
    variance_sum_bound,
)
from sclib.bounds.drift import (
    contraction_factor,
    drift_kl_bound,
    drift_reverse_kl_bound,
    drift_tv_bound,
)
from sclib.bounds.mixed import (
    first_round_gain,
    mixed_gain_bound,
    mixed_kl_bound,
    reverse_kl_bound,
    sharp_mixed_gain_bound,
    sharp_mixed_kl_bound,
    sup_ratio_bound,
    total_variation_bound,
)
from sclib.bounds.one_round import (
    expected_weight,
    gain,
    gain_bound,
    sharp_gain_bound,
    survival,
    weight_cap,
    weight_variance,
)
from sclib.bounds.retraining import (
    retraining_covariance,
    retraining_jacobian,
    retraining_rate,
)
from sclib.bounds.samples import (
    leftover_bound,
    picks_to_keep,
    sampling_distance_bound,
    share_variance,
)
from sclib.population import total_variation

__all__ = [
    "collapse_factor",
    "contraction_factor",
    "drift_kl_bound",
    "drift_reverse_kl_bound",
    "drift_tv_bound",
    "expected_weight",
    "first_round_gain",
    "gain",
    "gain_bound",
    "hard_best_of_n",
    "is_fixed_point",
    "kl_from_limit",
    "kl_from_limit_bounds",
    "leftover_bound",
    "limit_distance",
    "limit_distance_bound",
    "limit_law",
    "mixed_gain_bound",
    "mixed_kl_bound",
    "picks_to_keep",
    "plateau_constant",
    "retraining_covariance",
    "retraining_jacobian",
    "retraining_rate",
    "reverse_kl_bound",
    "sampling_distance_bound",
    "selection_kl_bound",
    "share_variance",
    "sharp_gain_bound",
    "sharp_mixed_gain_bound",
    "sharp_mixed_kl_bound",
    "speed_limit",
    "sup_ratio_bound",
    "survival",
    "total_variation",
    "total_variation_bound",
    "variance_sum_bound",
    "weight_cap",
    "weight_variance",
]
