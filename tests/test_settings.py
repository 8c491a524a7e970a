"""Settings: equal ones have one key, and a field that came later leaves the keys of what is stored alone."""

import dataclasses
import math

import numpy as np
import pytest

from sclib import results, settings


@dataclasses.dataclass(frozen=True)
class Old:
    experiment: str = "x"
    version: int = 1
    K: int = 4
    lam: float = math.inf
    seeds: tuple = (0, 1)
    flip: bool = False

    def __post_init__(self):
        settings.coerce(self)


@dataclasses.dataclass(frozen=True)
class New(Old):
    ema: float = settings.later(0.0)


def test_a_field_that_came_later_is_in_the_key_only_away_from_its_default():
    assert results.key(New()) == results.key(Old()) != results.key(New(ema=0.9))
    assert results.record(New()) == results.record(Old()) and results.record(New(ema=0.5))["ema"] == 0.5


@pytest.mark.parametrize(
    "equal", [{"K": np.int64(4)}, {"K": 4.0}, {"lam": np.inf}, {"seeds": np.arange(2)}, {"seeds": [0.0, 1]}]
)
def test_equal_settings_have_one_key(equal):
    assert results.key(Old(**equal)) == results.key(Old()) and Old(**equal) == Old()
    assert results.key(Old(lam=1)) == results.key(Old(lam=1.0))


@pytest.mark.parametrize(
    "wrong, says",
    [
        ({"K": 2.5}, "K = 2.5 must be an integer"),
        ({"K": True}, "K = True must be an integer"),
        ({"K": math.inf}, "K = inf must be an integer"),
        ({"lam": "1/2"}, "lam = '1/2' must be a number, such as 0.5, or inf"),
        ({"lam": math.nan}, "lam = nan must be a number"),
        ({"seeds": 3}, r"seeds = 3 must be different integers >= 0, such as \(0,\)"),
        ({"seeds": ()}, r"seeds = \(\) must be different"),
        ({"seeds": (1, 1)}, r"seeds = \(1, 1\) must be different"),
        ({"seeds": (-1,)}, r"seeds = \(-1,\) must be"),
        ({"flip": 1}, "flip = 1 must be True or False"),
        ({"experiment": 3}, "experiment = 3 must be text"),
    ],
)
def test_a_value_of_another_kind_is_named(wrong, says):
    with pytest.raises(ValueError, match=says):
        Old(**wrong)
