"""What the fuzz tests share: anything at all for an argument, and what may come of a call.

A call gives a sound result, or a ValueError that names the argument; `COUNTS` says how often which.
"""

import collections
import contextlib
import decimal
import fractions
import math
import re
import warnings

import numpy as np
import torch
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

SLOW = [HealthCheck.too_slow]  # on a busy machine
THOROUGH = settings(max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=SLOW)
QUICK = settings(THOROUGH, max_examples=50)

ODDITIES = [
    *(None, True, "a", "", b"a", [], {}, object(), print, 1j, 10**400, -(10**400), 2**63, 10**12, range(2)),
    *(fractions.Fraction(1, 3), decimal.Decimal("0.5"), np.float32(0.5), np.int64(3), np.datetime64("2025-01-31")),
    *([[0.5], [0.2, 0.3]], [None, 1.0], ["a", "b"], [10**400, 0], [0.5 + 1j, 0.5], np.array(["a"]), np.array(0.5)),
    *(np.array([0.5 + 1j, 0.5]), np.ma.array([0.5, 0.5]), torch.tensor([0.5, 0.5], requires_grad=True)),
    *(torch.tensor([2**24, 2**24 + 1]), torch.tensor([2**53, 2**53 + 1]), torch.full((2, 3), -1e30), [-0.0, 0.0]),
    *(torch.ones(2, 3, dtype=torch.bfloat16), torch.tensor([1e300, -1e300], dtype=torch.float64), np.empty((0, 2))),
    *(torch.ones(2, dtype=torch.complex64), torch.ones(2, 0), torch.tensor(1), torch.tensor([math.nan, 1])),
]
ANYTHING = (
    st.sampled_from(ODDITIES)
    | st.floats()
    | st.integers(-3, 300)
    | hnp.arrays(st.sampled_from([float, int, bool]), hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
    | hnp.arrays(np.float32, hnp.array_shapes(max_dims=4, max_side=3)).map(torch.as_tensor)
)

COUNTS = collections.Counter()
REACHED = set()  # names of the functions called
REFUSED = object()
KINDS = {
    "shape": r"has shape|have shape|sizes",
    "type": r"has type|is of type|of real numbers|masked",
    "not finite": r"NaN|infinite|finite",
    "out of range": r"must|allowed|reach|needed|may be|takes",
}


@contextlib.contextmanager
def default_dtype(dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def call(function, called, spoiled, name, dtype=torch.float32):
    """What `function(**called)` returns, or REFUSED after a ValueError that names `spoiled`; all else fails."""
    COUNTS["inputs"] += 1
    REACHED.add(name)
    with warnings.catch_warnings(), default_dtype(dtype):
        warnings.simplefilter("error")
        try:
            result = function(**called)
        except ValueError as error:
            said = str(error)
            assert spoiled, f"{said} at a valid call"
            assert re.search(rf"\b{spoiled}\b", said), said
            assert len(said) < 1000
            COUNTS[next((kind for kind, words in KINDS.items() if re.search(words, said)), "other")] += 1
            return REFUSED
    COUNTS["results"] += 1
    return result
