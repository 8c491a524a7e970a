import time

import numpy as np
import pytest
import torch

from sclib.vocabulary import FACTORS
from sclib.words import Grammar, cool, draw, first_law, ratings, reward

GRAMMAR = Grammar()
SMALL = Grammar(nouns=("staff", "room"), adverbs=("_", "not"), adjectives=("kind", "bad", "clean"))


def test_all_sentences_are_different_and_know_their_index():
    start = time.process_time()
    sentences = GRAMMAR.sentences()
    assert time.process_time() - start < 5
    assert len(sentences) == len(GRAMMAR) == 90_000 == len(torch.unique(sentences, dim=0))
    assert torch.equal(GRAMMAR.index(sentences), torch.arange(90_000))


def test_what_is_off_the_grammar_has_the_last_index():
    ids = GRAMMAR.encode("staff very kind _ clean").repeat(5, 1)
    for place in range(5):
        ids[place, place] = 0 if place else len(GRAMMAR.words) - 1  # a word that this place does not allow
    assert (GRAMMAR.index(ids) == len(GRAMMAR)).all()


def test_a_sentence_is_written_and_read():
    assert GRAMMAR.text(GRAMMAR.encode("staff very kind _ clean").tolist()) == "staff was very kind and clean"
    assert GRAMMAR.text([0, 0, 0, 0, 0]) == "staff staff staff staff staff"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("staff very kind clean", "has 4 words"),
        ("staff very splendid _ clean", "'splendid'.*is unknown"),
        ("staff kind very _ clean", "'kind'.*stands where one of _, very"),
    ],
)
def test_bad_sentences_are_named(text, message):
    with pytest.raises(ValueError, match=message):
        GRAMMAR.encode(text)


def test_a_grammar_may_not_be_too_large_nor_ambiguous():
    with pytest.raises(ValueError, match=r"25,000,000 sentences; allowed are 1 to 5,000,000"):
        Grammar(nouns=tuple(f"noun{i}" for i in range(100)), adjectives=tuple(f"word{i}" for i in range(100)))
    with pytest.raises(ValueError, match="room twice"):
        Grammar(nouns=("room", "room"))
    with pytest.raises(ValueError, match="bright: unknown"):
        reward(Grammar(adjectives=("kind", "bright")))
    with pytest.raises(ValueError, match=r"shape \(7, 4\)"):
        GRAMMAR.index(torch.zeros(7, 4))


def test_the_reward_is_the_ratings_by_hand():
    r = reward(GRAMMAR)
    very, kind, rude = FACTORS["very"], np.mean(ratings()["kind"]), np.mean(ratings()["rude"])
    assert r[GRAMMAR.index(GRAMMAR.encode("staff very kind not rude"))] == pytest.approx(very * kind - 0.74 * rude)
    first = reward(GRAMMAR, reads=(0,))
    assert first[GRAMMAR.index(GRAMMAR.encode("staff very kind not rude"))] == pytest.approx(very * kind)
    assert r[-1] == r[:-1].min() == pytest.approx(-8.06)


def test_the_ten_raters_average_to_the_mean_reward():
    people = np.array([reward(GRAMMAR, rater=j)[:-1] for j in range(10)])
    assert np.allclose(people.mean(0), reward(GRAMMAR)[:-1], atol=1e-9)
    assert len(np.unique(people, axis=0)) == 10
    with pytest.raises(ValueError, match="rater = 10"):
        reward(GRAMMAR, rater=10)


def test_ratings_are_those_of_the_lexicon():
    assert len(ratings()) == 30
    assert ratings()["awful"] == (-2, -2, -3, -3, -2, -3, 4, -3, -3, -3)


def test_draws_follow_the_law():
    law = first_law(SMALL)
    n = 20_000
    counts = np.bincount(SMALL.index(draw(law, SMALL, n, torch.Generator().manual_seed(1))), minlength=len(SMALL))
    chi_square = ((counts - n * law) ** 2 / (n * law)).sum()
    assert chi_square < (len(SMALL) - 1) + 5 * np.sqrt(2 * (len(SMALL) - 1))


def test_the_first_law_is_positive_with_the_nouns_shares():
    law = first_law(GRAMMAR)
    assert law.min() > 0
    assert np.allclose(law.reshape(4, -1).sum(1), [0.3, 0.3, 0.25, 0.15])


def test_cooling_works_word_by_word():
    law = first_law(SMALL).reshape(SMALL.shape)
    cooled = cool(law.ravel(), SMALL, 0.5).reshape(SMALL.shape)
    expected = 1.0
    for place in range(5):
        above = law.sum(tuple(range(place + 1, 5)), keepdims=True)
        word = (above / above.sum(place, keepdims=True)) ** 2
        expected = expected * word / word.sum(place, keepdims=True)
    assert np.allclose(cooled, expected, atol=1e-14)
    assert np.allclose(cool(law.ravel(), SMALL, 1.0), law.ravel(), atol=1e-14)
    sequence = law**2 / (law**2).sum()
    assert abs(cooled - sequence).sum() > 1e-3  # not the law of sentences to the power 2
    with pytest.raises(ValueError, match="temperature = 0"):
        cool(law.ravel(), SMALL, 0)
