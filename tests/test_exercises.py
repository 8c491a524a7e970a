"""Each exercise of the book: its solution passes the check, what it starts from does not, and mistakes are named."""

import itertools
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from sclib import exercises
from sclib.population import kl, step, tilt, trajectory

BOOK = Path(__file__).parents[1] / "book"
WITHIN = r"(?:(?!:::\{exercise\}).)*?"  # an exercise that asks for a proof has no check, and is passed over
EXERCISE = re.compile(
    r":::\{exercise\} (?P<title>[^\n]*)\n"
    + WITHIN
    + r"```\{code-cell\}\n(?P<start>.*?)\n```"
    + WITHIN
    + r"<summary>Solution</summary>\n\n```python\n(?P<solution>.*?)\n```",
    re.S,
)
ALL = [
    pytest.param(match, id=f"{chapter.stem}: {match['title']}")
    for chapter in sorted(BOOK.glob("[0-9]*.md"))
    for match in EXERCISE.finditer(chapter.read_text(encoding="utf-8"))
]


def run(code):
    exec(
        code,
        {
            "itertools": itertools,
            "math": math,
            "np": np,
            "torch": torch,
            "exercises": exercises,
            "kl": kl,
            "step": step,
            "tilt": tilt,
            "trajectory": trajectory,
        },
    )


def test_every_exercise_was_found():
    text = "".join(chapter.read_text(encoding="utf-8") for chapter in BOOK.glob("[0-9]*.md"))
    assert len(ALL) == text.count("\nexercises.check_") >= 5


@pytest.mark.parametrize("exercise", ALL)
def test_the_solution_passes_and_the_start_does_not(exercise, capsys):
    check = re.search(r"^exercises\..*$", exercise["start"], re.M)[0]
    run(exercise["start"])
    assert capsys.readouterr().out.startswith("Not yet: ")
    run(exercise["solution"] + "\n" + check)
    assert capsys.readouterr().out.startswith("Right: ")


@pytest.mark.parametrize(
    "check, answer, says",
    [
        (
            exercises.check_probabilities,
            lambda r: torch.exp(r) / torch.exp(r).sum(-1, keepdim=True),
            "subtract the largest",
        ),
        (
            exercises.check_probabilities,
            lambda r: torch.exp(r - r.max()) / torch.exp(r - r.max()).sum(-1, True),
            "of each group first",
        ),
        (exercises.check_probabilities, lambda r: torch.softmax(r.clamp(max=80), -1), "only differences"),
        (exercises.check_probabilities, lambda r: torch.softmax(r, 0), "which axis"),
        (exercises.check_probabilities, lambda r: torch.softmax(2 * r, -1), "not e^r over its sum"),
        (exercises.check_probabilities, lambda r: r.sum(), "shape (2,) went in and () came out"),
        (exercises.check_urn, lambda q, ratio, K: q * ratio / (q * ratio + 1 - q), "the exact share is 0.625"),
        (exercises.check_audit, lambda wins, losses: wins / losses, "should return two numbers"),
        (exercises.check_audit, lambda wins, losses: (wins / losses, 0.1), "gap of 3.000000; most likely is 1.098612"),
        (exercises.check_audit, lambda w, l: (math.log(w / l), (w + l) ** -0.5), "error of 0.158114, not 0.365148"),  # noqa: E741
        (exercises.check_audit, lambda wins, losses: 1 / 0, "raised ZeroDivisionError"),
        (exercises.check_best_of, lambda p, r, K: np.diff(np.cumsum(p) ** K, prepend=0), "not ["),
        (exercises.check_tilt, lambda p, r, b: p * np.exp(r / b) / (p * np.exp(r / b)).sum(), "subtract the largest"),
        (exercises.check_tilt, lambda p, r, b: p * np.exp((r - r.max()) / b), "divide by Z"),
        (exercises.check_rounds, lambda b, t, k: math.ceil(math.log(t / b) / math.log(k)), "first reaches the target"),
        (
            exercises.check_rounds,
            lambda b, t, k: max(0, math.floor(math.log(t / (1 - t) * (1 - b) / b) / math.log(k)) + 1),
            "after 2 rounds",
        ),
        (exercises.check_budget, lambda budget, K: int(budget / math.log(K)), "up to t ="),
        (exercises.check_dpo, lambda w, x, fw, fx, b: -1 / (1 + math.exp(b * (w - fw - x + fx))), "autograd says"),
        (
            exercises.check_identity,
            lambda p, w, K: (K - 1) / K * (p @ w**2 - (p @ w) ** 2) / w.max(),
            "the round gains",
        ),
        (exercises.check_divergence, lambda p, r: -math.log(p[r.argmax()]), "divergence("),
        (exercises.check_leftover, lambda q, d, K, eps: math.ceil(math.log(eps / (1 - q)) / -d), "falls below"),
        (exercises.check_speed, lambda m, x, K: math.ceil(math.log(x / m) / math.log(K)), "allows it after"),
        (exercises.check_settled, lambda q, d, lam: (q + lam) / (1 + lam), "the loop settles at"),
        (
            exercises.check_settled,  # too few rounds, where little data pull back
            lambda q, d, lam: trajectory([q, 1 - q], [d, 0.0], math.inf, 2_000, lam)[-1, 0],
            "settled(0.1, 0.01, 200.0) gave",
        ),
        (exercises.check_largest_lam, lambda K, span: 1 / (K - 1), "with the cap"),
        (exercises.check_samples, lambda lam, sd, most: math.ceil(sd**2 * lam / 2 / most**2), "hold it there"),
        (exercises.check_share, lambda r, labels, c, K, t: (labels == c).mean(), "for c = 0, K = 4 and t = 1"),
        (exercises.check_transmission, lambda b, d, a: np.linalg.norm(a - b) / np.linalg.norm(d - b), "with"),
        (exercises.check_confidence, lambda z, T: np.exp(z / T).max() / np.exp(z / T).sum(), "confidence_at"),
        (exercises.check_lagging, lambda p, r, K, part, t: trajectory(p, r, K, t)[t], "lagging(p, r, 4, 0.5, 1) gave"),
        (
            exercises.check_lagging,  # the whole way is shortened, not each round
            lambda p, r, K, part, t: p + part * (trajectory(p, r, K, t)[t] - p),
            "lagging(p, r, inf, 0.6, 4) gave",
        ),
        (exercises.check_candidates, lambda minority, gap: math.ceil(1 / minority), "the minority survives from K ="),
        (exercises.check_compromise, lambda gap: gap / 2, "does not grow yet"),
        (exercises.check_compromise, lambda gap: gap, "grows already"),
        (exercises.check_pool, lambda p, r, K, alpha, rounds: step(p, r, K), "instead of"),
        (exercises.check_pool, lambda p, r, K, alpha, rounds: None, "a law of shape (3,)"),
    ],
)
def test_a_mistake_is_named(check, answer, says, capsys):
    check(answer)
    said = capsys.readouterr().out.replace("\n", " ")
    assert said.startswith("Not yet: ") and says in said


def test_an_answer_may_change_what_it_is_given_and_gains_nothing_by_it(capsys):
    def in_place(probs, rewards, beta):
        probs *= np.exp((rewards - rewards.max()) / beta)
        probs /= probs.sum()
        return probs

    def fooling(probs, rewards, beta):
        probs[:] = rewards[:] = [1.0, 0.0, 0.0]
        return probs

    exercises.check_tilt(in_place)
    exercises.check_tilt(fooling)
    said = capsys.readouterr().out
    assert said.startswith("Right: ") and "Not yet: " in said
