"""Laws over all sentences: the exact one of an experiment in words, and trained ones beside it.

What judges an experiment is here too: people, or a reward fitted to choices of theirs.
"""

import functools
from typing import Any

import numpy as np

from sclib import checks
from sclib.bounds import hard_best_of_n
from sclib.population import kl, step, synthetic_share, tilt
from sclib.taste import fit_taste
from sclib.vocabulary import HOW_OFTEN
from sclib.words import Grammar, cool, first_law, reward

GRAMMAR = Grammar()
SHARES = np.array([HOW_OFTEN[noun] for noun in GRAMMAR.nouns])  # of the nouns, in the data
METHODS = ("dpo", "dpo-offline", "reinforce")  # of `alignment`; offline, all candidates come from the first model


def learned_reward(choices: int, seed: int = 0) -> np.ndarray:
    """A reward fitted to choices between two sentences of the first law, which knows words but not combinations.

    Parameters
    ----------
    choices : how many; each pair is drawn by the first law, and a sentence is chosen with odds e^r.
    seed : of the pairs and the choices.

    Returns
    -------
    (N + 1,), nats, the last for anything off the grammar: a sum over the places but the noun's of one number a word,
    Bradley-Terry's with a normal prior of standard deviation 3 (`taste.fit_taste`).

    Raises
    ------
    ValueError
        For choices that are no integer from 1 to 10^6, or a seed that is none from 0 to 2^32.
    """
    choices, seed = checks.integer(choices, "choices", 1, 10**6), checks.integer(seed, "seed", 0, 2**32)
    p, r, generator = first_law(GRAMMAR), reward(GRAMMAR)[:-1], np.random.default_rng(seed)
    words = np.indices(GRAMMAR.shape).reshape(5, -1)
    features = [words[place] == word for place in range(1, 5) for word in range(1, GRAMMAR.shape[place])]
    X = np.array(features, float).T  # (N, 66); of each place, the first word counts 0
    pairs = generator.choice(len(p), (choices, 2), p=p)
    second = generator.random(choices) < 1 / (1 + np.exp(r[pairs[:, 0]] - r[pairs[:, 1]]))
    table = X @ fit_taste(X[pairs], second.astype(int), prior=3.0).coefficients
    return np.append(table, table.min())


def judges(config: Any) -> np.ndarray:
    """Rewards of each judge, (judges, N + 1), nats: groups go to them in turn.

    Parameters
    ----------
    config : a `sentences.Config`.
    """
    if config.learned:
        return learned_reward(config.learned)[None]
    raters = range(10) if config.people else [None]
    return np.array([reward(GRAMMAR, rater, config.reads) for rater in raters])


def summarise(laws: np.ndarray, exact: np.ndarray, judges: np.ndarray) -> dict[str, np.ndarray]:
    """Statistics of trained laws beside the exact one.

    Parameters
    ----------
    laws : (S, N + 1), the last number is the mass off the grammar.
    exact : (N,).
    judges : (judges, N + 1), nats.

    Returns
    -------
    A dict of arrays: mean_reward (S,), of the law, nats, by the judge who reads everything; judged (S,), by the mean of
    `judges`; kl_exact (S,), KL(exact || trained); kl_data (S,), KL(trained on the grammar || law of the data); off
    (S,), mass off the grammar; nouns (S, 4), shares on the grammar; top (S, 10), probabilities of the ten sentences
    that are likeliest in the exact law, the likeliest first; likeliest (S, 10), indices of those that are so in the
    trained law; likeliest_law (S, 10), what it gives them.
    """
    table, data = reward(GRAMMAR), first_law(GRAMMAR)
    held = laws[:, :-1] / laws[:, :-1].sum(1, keepdims=True)
    likeliest = np.array([top_sentences(law[:-1]) for law in laws])
    return {
        "mean_reward": laws @ table,
        "judged": laws @ judges.mean(0),
        "kl_exact": np.array([kl(np.append(exact, 0), law) for law in laws]),
        "kl_data": np.array([kl(law, data) for law in held]),
        "off": laws[:, -1],
        "nouns": held.reshape(len(held), len(GRAMMAR.nouns), -1).sum(2),
        "top": laws[:, top_sentences(exact)],
        "likeliest": likeliest,
        "likeliest_law": np.take_along_axis(laws, likeliest, 1),
    }


def top_sentences(law: np.ndarray, count: int = 10) -> np.ndarray:
    """Indices of the likeliest sentences, the likeliest first, ties in the grammar's order.

    Parameters
    ----------
    law : (N,).
    count : how many.
    """
    return np.argsort(-law, kind="stable")[:count]


@functools.lru_cache
def exact_laws(config: Any) -> np.ndarray:
    """The laws that candidates are drawn from in rounds 0..T when every refit is perfect, (T + 1, N).

    Parameters
    ----------
    config : a `sentences.Config`.

    Source
    ------
    Eq. 4 or 8; the optimum of RLHF for `METHODS`.
    """
    first, r = first_law(GRAMMAR), judges(config)[:, :-1]
    if config.method in METHODS:  # what all of them seek
        return np.array([first] + config.generations * [tilt(first, r[0], config.beta)])
    if config.prompts:  # a loop for each noun
        parts = zip(np.split(first, len(SHARES)), np.split(r, len(SHARES), 1), SHARES.tolist(), strict=True)
        return np.concatenate([share * _loop(part / part.sum(), r, config) for part, r, share in parts], 1)
    return _loop(first, r, config)


def _loop(first, r, config):
    laws = [_sampled(first, config)]
    for _ in range(config.generations):
        pick = hard_best_of_n if config.method == "best" else step
        picked = np.mean([pick(laws[-1], rewards, config.K) for rewards in r], 0)
        picks = synthetic_share(config.lam)
        laws.append(_sampled((1 - picks) * first + picks * picked, config))
    return np.array(laws)


def _sampled(law, config):
    return law if config.temperature == 1 else cool(law, GRAMMAR, config.temperature)
