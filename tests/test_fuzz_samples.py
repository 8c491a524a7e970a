"""Any input to what works on samples, models and logs gives a sound result, or a ValueError that names the argument.

As `test_fuzz.py`, for all other modules; and whatever PyTorch's default dtype is, the result is the same.
"""

import contextlib
import inspect
import math

import numpy as np
import pytest
import torch
from fuzzing import ANYTHING, QUICK, REFUSED, call
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sclib import (
    blind_picks,
    checks,
    classifiers,
    closeness,
    curators,
    ddpm,
    flow,
    game,
    loop,
    notebook,
    point_classifier,
    population,
    rules,
    taste,
    transformer,
    words,
)

N = 6  # rows
SEEDS = st.integers(0, 2**63 - 1)
COUNTS = st.integers(1, 3)
REWARDS = [0.0, -0.0, 1.0, -1e30, 1e30, 2.0**24, 2.0**24 + 1]
GRAMMAR = words.Grammar(("staff", "room"), ("_", "not"), ("good", "bad", "kind"))
LAW = words.first_law(GRAMMAR)


def floats(*shape, low=-100, high=100):
    return hnp.arrays(float, shape, elements=st.floats(low, high, width=16))


def in_any_form(arrays):
    """As a list, an array or a tensor of any floating type, which may need a gradient."""
    forms = [np.ndarray.tolist, np.float32, np.asarray, torch.tensor]
    forms += [lambda a, d=d: torch.tensor(a).to(d) for d in (torch.float32, torch.float16, torch.bfloat16)]
    forms += [lambda a: torch.tensor(a, requires_grad=True)]
    return st.tuples(st.sampled_from(forms), arrays).map(lambda drawn: drawn[0](drawn[1]))


def tensors(*shape, **within):
    kinds = st.sampled_from([torch.float32, torch.float64, torch.float16, torch.bfloat16])
    return st.tuples(floats(*shape, **within), kinds).map(lambda drawn: torch.tensor(drawn[0]).to(drawn[1]))


def pixels(*shape):
    return hnp.arrays(np.uint8, shape).map(torch.tensor)


def classes(n, C):
    kinds = [lambda a: a, torch.tensor, np.int32, lambda a: torch.tensor(a).to(torch.uint8)]
    return st.tuples(st.sampled_from(kinds), hnp.arrays(int, n, elements=st.integers(0, C - 1))).map(
        lambda drawn: drawn[0](drawn[1])
    )


def laws(n):
    return floats(n, low=0, high=1).map(lambda a: (a + 0.1) / (a + 0.1).sum())


def seeded(seed):
    return torch.Generator().manual_seed(seed % 2**63)


# The calls: what is made of an object counts as one function.


def fit_classifier(points, labels, steps, batch, width, seed):
    return point_classifier.fit_classifier(points, labels, steps, batch, width, seed)(torch.zeros(2, 2))


def image_classifier(kind, shape, classes, seed):
    return classifiers.ImageClassifier(kind, shape, classes, seed).state()["mean"]


def fit_images(images, labels, steps, batch, lr, shift, flip):
    judge = classifiers.ImageClassifier("cnn", (1, 8, 8), 3)
    judge.fit(images, labels, steps, batch, lr, shift, flip)
    return judge.logits(torch.zeros(1, 1, 8, 8, dtype=torch.uint8)), judge.features(images[:1])


def choose_by_rule(eps, rewards):
    return rules.best_or_any(eps).choose(rewards, seeded(0))


def weigh_by_rule(eps, probs, rewards, K):
    return population.step(probs, rewards, K, weigh=rules.best_or_any(eps).weigh)


def play(K, rate, seed, k):
    played = game.Game(K, rate, seed)
    played.pick(k)
    return played.law, [bias[1:] for bias in played.biases()], game.verdict(played), game.name(played.offers[0][k])


def look_back(prior, t):
    played = game.simulate(np.arange(18.0), 5)
    said = game.verdict(played, t)
    return said, played.taste(prior), [row[1:] for row in played.rewards(prior)], played.fit(prior)


def simulate(rewards, rounds, K, rate, seed):
    return game.simulate(rewards, rounds, K, rate, seed).law


class Clumps:
    """A model of points: what it was last fitted to, drawn in turn."""

    def fit(self, data, weights=None):
        self.data = data

    def sample(self, n):
        return self.data[torch.arange(n) % len(self.data)]


def run_loop(reward, K, n, lam, generations):
    rounds = loop.self_consuming_loop(
        Clumps(), torch.ones(4, 2), lambda x: reward, K, n, lam, generations, generator=seeded(0)
    )
    return [(g.proposals, g.rewards, g.picks) for g in rounds]


def fit_ddpm(seeds, data, weights, n):
    model = ddpm.DDPM(seeds, ddpm.Settings(4, 1, 2, 2, 4, 4, calls=2))
    model.fit(data, weights)
    return model.sample(n)


def fit_flow(data, weights, n, seed):
    model = flow.Flow((1, 4, 4), seed, flow.Settings("mlp", 8, 1, "ot", 2, 2, 4, calls=2))
    model.fit(data, weights)
    return model.sample(n)


def fit_transformer(seeds, words, temperature, data, weights, n):
    model = transformer.Transformer(seeds, words, transformer.Settings(4, 1, 2, 2, 4), temperature)
    model.fit(data, weights)
    return model.sample(n), model.log_prob(data)


def draw_sentences(law, n):
    return words.draw(law, GRAMMAR, n, seeded(0))


def check(measured, predicted, tolerance, digits):
    with contextlib.suppress(AssertionError):
        notebook.check("fuzzed", measured, predicted, tolerance, digits)


def check_at_most(measured, bound, digits):
    with contextlib.suppress(AssertionError):
        notebook.check_at_most("fuzzed", measured, bound, digits)


INFINITE = st.just(math.inf)
POSITIVE = st.floats(1e-3, 1e3)
GROUPS = st.just([("a", "b"), ("b", "a", "c"), ("c", "a"), ("a", "c"), ("b", "c"), ("c", "b")])
TASTE = {"features": floats(N, 3, 2, low=-3, high=3), "picks": hnp.arrays(int, N, elements=st.integers(0, 2))}
CASES = {
    closeness.nearest_distance: {"images": pixels(2, 3), "reference": pixels(N, 3)},
    closeness.frechet_distance: dict.fromkeys(("features", "reference"), in_any_form(floats(N, 2))),
    closeness.precision_recall: dict.fromkeys(("features", "reference"), in_any_form(floats(N, 2)))
    | {"k": st.integers(1, N - 1)},
    curators.group_step: {"probs": in_any_form(laws(N)), "rewards": floats(2, N), "shares": laws(2), "K": COUNTS},
    curators.group_trajectory: {"probs": laws(N), "rewards": in_any_form(floats(2, N)), "shares": laws(2)}
    | {"K": COUNTS | INFINITE, "generations": COUNTS},
    curators.welfare: {"probs": laws(N), "rewards": in_any_form(floats(2, N)), "shares": laws(2)},
    curators.bargain: {"share": st.floats(0, 1), "gap": POSITIVE | INFINITE},
    curators.surviving_share: {"gap": POSITIVE | INFINITE, "K": st.integers(2, 9) | INFINITE},
    fit_classifier: {"points": in_any_form(floats(N, 2)), "labels": classes(N, 3), "seed": SEEDS}
    | dict.fromkeys(("steps", "batch", "width"), COUNTS),
    image_classifier: {"kind": st.just("cnn"), "shape": st.just((1, 8, 8)), "classes": COUNTS, "seed": SEEDS},
    fit_images: {"images": pixels(N, 1, 8, 8), "labels": classes(N, 3), "steps": COUNTS, "batch": st.integers(2, 9)}
    | {"lr": st.floats(1e-6, 0.1), "shift": st.integers(0, 8), "flip": st.booleans()},
    classifiers.probabilities: {"logits": tensors(N, 3), "temperature": POSITIVE},
    classifiers.calibration_error: {
        "q": in_any_form(laws(3).map(lambda p: np.tile(p, (N, 1)))),
        "labels": classes(N, 3),
    }
    | {"bins": COUNTS},
    choose_by_rule: {"eps": st.floats(0, 1), "rewards": tensors(N, 3)},
    weigh_by_rule: {"eps": st.floats(0, 1), "probs": laws(N), "rewards": floats(N)}
    | {"K": st.integers(1, 10**15) | INFINITE},
    play: {"K": st.integers(2, 5), "rate": st.floats(0.01, 0.99), "seed": SEEDS, "k": st.integers(0, 1)},
    look_back: {"prior": POSITIVE, "t": st.integers(0, 5)},
    simulate: {"rewards": in_any_form(st.sampled_from(REWARDS).map(lambda r: np.full(18, r)) | floats(18))}
    | {"rounds": COUNTS, "K": st.integers(2, 5), "rate": st.floats(0.01, 0.99), "seed": SEEDS},
    blind_picks.blind_shares: {"rate": st.floats(0.01, 0.99), "rounds": COUNTS, "games": COUNTS},
    run_loop: {"reward": in_any_form(floats(4)), "K": st.just(2), "n": st.just(2), "lam": st.floats(0, 9) | INFINITE}
    | {"generations": COUNTS},
    fit_ddpm: {"seeds": st.just([0, 1]), "n": COUNTS, "weights": in_any_form(laws(N))}
    | {"data": tensors(2, N, 2).filter(lambda x: x.double().std((1, 2)).min() > 1e-3)},
    fit_flow: {"data": pixels(N, 1, 4, 4), "weights": in_any_form(laws(N)), "n": COUNTS, "seed": SEEDS},
    flow.shortest_pairing: dict.fromkeys(("x0", "x1"), tensors(N, 2)),
    fit_transformer: {"seeds": st.just([0, 1]), "words": st.just(7), "temperature": POSITIVE, "n": COUNTS}
    | {"data": hnp.arrays(int, (2, N, 5), elements=st.integers(0, 6)).map(torch.tensor)}
    | {"weights": in_any_form(laws(N))},
    taste.fit_rewards: {"groups": GROUPS, "picks": st.just([0, 2, 0, 1, 0, 1]), "prior": POSITIVE | INFINITE},
    taste.fit_taste: TASTE | {"prior": POSITIVE},
    words.reward: {"grammar": st.just(GRAMMAR), "rater": st.integers(0, 9) | st.none()},
    words.cool: {"law": st.just(LAW), "grammar": st.just(GRAMMAR), "temperature": POSITIVE},
    draw_sentences: {"law": st.just(LAW), "n": COUNTS},
    GRAMMAR.index: {"ids": hnp.arrays(int, (N, 5), elements=st.integers(0, 6)).map(torch.tensor)},
    GRAMMAR.encode: {"text": st.just("staff _ kind not good")},
    GRAMMAR.text: {"ids": hnp.arrays(int, 5, elements=st.integers(0, 6))},
    check: {"measured": in_any_form(floats(1, low=0, high=1)), "predicted": st.floats(0, 1), "tolerance": st.just(1)}
    | {"digits": st.integers(0, 12)},
    check_at_most: {"measured": st.floats(0, 1), "bound": st.just(2), "digits": st.integers(0, 12)},
}
SIZES = {
    "K",
    "n",
    "rounds",
    "games",
    "generations",
    "steps",
    "batch",
    "width",
    "bins",
}


def numbers(result):
    """All numbers in a result."""
    if isinstance(result, dict):
        result = list(result.values())
    if isinstance(result, list | tuple):
        return np.concatenate([numbers(part) for part in result] or [np.zeros(0)])
    if result is None or isinstance(result, str):
        return np.zeros(0)
    return np.asarray(result.detach().double() if isinstance(result, torch.Tensor) else result, dtype=float).ravel()


@pytest.mark.parametrize("function", CASES, ids=lambda f: f"{f.__module__}.{f.__name__}")
@given(data=st.data())
@settings(QUICK, max_examples=30, phases=[Phase.generate])
def test_a_sound_result_or_a_value_error_that_names_the_argument(function, data):
    strategies = CASES[function]
    called = {name: data.draw(strategy, name) for name, strategy in strategies.items()}
    spoiled = data.draw(st.sampled_from([None] * len(called) + list(called)), "spoiled")
    if spoiled:
        called[spoiled] = value = data.draw(ANYTHING, "instead")
        assume(not (spoiled in SIZES and checks.is_number(value) and 300 < value < math.inf))
    name = f"{function.__module__}.{function.__name__}"
    result = call(function, called, spoiled, name)
    if result is REFUSED:
        return
    found = numbers(result)
    assert np.isfinite(found).all()
    for dtype in (torch.float64, torch.bfloat16):
        again = call(function, called, None, name, dtype)
        np.testing.assert_array_equal(numbers(again), found)


def test_every_argument_is_fuzzed():
    for function, strategies in CASES.items():
        assert set(strategies) >= {
            name for name, p in inspect.signature(function).parameters.items() if p.default is inspect.Parameter.empty
        }, function.__name__
