import numpy as np
import pytest
import torch

from sclib.population import kl
from sclib.transformer import Settings, Transformer
from sclib.words import Grammar, draw, first_law

SMALL = Grammar(nouns=("staff", "room"), adverbs=("_", "not"), adjectives=("kind", "bad", "clean"))
TINY = Settings(width=16, depth=1, first_steps=30, steps=10, batch=64)


def data(seeds, n=2000):
    return torch.stack([draw(first_law(SMALL), SMALL, n, torch.Generator().manual_seed(7 + s)) for s in seeds])


def fitted(seeds=(0, 1), **changes):
    model = Transformer(seeds, len(SMALL.words), TINY, **changes)
    model.fit(data(seeds))
    return model


def test_the_law_sums_over_all_sequences():
    model = fitted()
    every = torch.cartesian_prod(*[torch.arange(len(SMALL.words))] * 5)  # 7^5 of them
    probs = model.log_prob(every).exp()
    assert torch.allclose(probs.sum(1), torch.ones(2, dtype=torch.float64), atol=1e-5)
    law = model.law(SMALL)
    on = SMALL.index(every) < len(SMALL)
    assert np.allclose(law[:, -1], 1 - probs[:, on].sum(1), atol=1e-5)
    assert np.allclose(law[:, :-1], model.log_prob(SMALL.sentences()).exp(), atol=1e-9)


def test_a_word_depends_on_those_before_it_only():
    model = fitted((0,))
    a, b = torch.tensor([[0, 2, 4, 2, 4], [0, 2, 5, 3, 6]])
    first, second = model.logits(a[None, None])[0, 0], model.logits(b[None, None])[0, 0]
    assert torch.allclose(first[:3], second[:3], atol=1e-6)
    assert (first[3] - second[3]).abs().max() > 1e-3


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_samples_follow_the_law(temperature):
    model = fitted((3,), temperature=temperature)
    n, law = 20_000, model.law(SMALL)[0]
    counts = np.bincount(SMALL.index(model.sample(n)[0]), minlength=len(SMALL) + 1)
    chi_square = ((counts - n * law) ** 2 / (n * law)).sum()
    assert chi_square < len(SMALL) + 5 * np.sqrt(2 * len(SMALL))


def test_prompts_are_kept():
    model = fitted()
    first = torch.tensor([0, 1]).repeat(2, 50)
    assert torch.equal(model.sample(100, first)[..., 0].long(), first)
    prompted = model.law(SMALL, np.array([0.25, 0.75]))
    assert np.all(prompted[:, : len(SMALL) // 2].sum(1) <= 0.25 + 1e-6)


def test_training_approaches_the_law():
    model = Transformer((0,), len(SMALL.words), Settings(width=16, depth=1, first_steps=600, batch=256, first_lr=1e-2))
    model.fit(data((0,), 20_000))
    assert kl(np.append(first_law(SMALL), 0), model.law(SMALL)[0]) < 0.02


def test_what_two_halves_have_to_do_with_each_other_is_learned():
    grammar, law = Grammar(), first_law(Grammar())
    p = law.reshape(grammar.shape)
    halves = p.sum((3, 4), keepdims=True) * p.sum((1, 2), keepdims=True) / p.sum((1, 2, 3, 4), keepdims=True)
    sentences = draw(law, grammar, 1_000_000, torch.Generator().manual_seed(2))[None]
    model = Transformer((0,), len(grammar.words), Settings(first_steps=800))
    model.fit(sentences)
    assert kl(np.append(law, 0), model.law(grammar)[0]) < 0.6 * kl(law, halves.ravel())


def test_weights_choose_what_is_learned():
    sentences = torch.stack([SMALL.encode("staff _ kind _ clean"), SMALL.encode("room not bad _ bad")])[None]
    model = Transformer((0,), len(SMALL.words), Settings(width=16, depth=1, first_steps=300, batch=256, first_lr=1e-2))
    model.fit(sentences, torch.tensor([0.9, 0.1]))
    assert np.allclose(model.log_prob(sentences).exp(), [[0.9, 0.1]], atol=0.04)


def test_a_seed_does_not_depend_on_the_others():
    both, alone = fitted((0, 1)).law(SMALL)[1], fitted((1,)).law(SMALL)[0]
    assert np.allclose(both, alone, atol=1e-4)


class Stop(Exception):
    pass


def test_a_fit_goes_on_where_it_was_interrupted():
    whole = fitted((0,))
    cut, sentences = Transformer((0,), len(SMALL.words), TINY), data((0,))

    def stop():
        if cut.step == 12:
            raise Stop

    cut.on_step = stop
    with pytest.raises(Stop):
        cut.fit(sentences)
    other = Transformer((0,), len(SMALL.words), TINY)
    other.restore(cut.state())
    other.fit(sentences)
    assert all(torch.equal(a, b) for a, b in zip(whole.weights, other.weights, strict=True))
    assert torch.equal(whole.sample(50), other.sample(50))


def test_bad_input_is_named():
    model = Transformer((0,), len(SMALL.words), TINY)
    with pytest.raises(ValueError, match="needs a fitted model"):
        model.sample(3)
    with pytest.raises(ValueError, match=r"shape \(1, 4, 6\)"):
        model.fit(torch.zeros(1, 4, 6))
    with pytest.raises(ValueError, match="holds 0 to 7; allowed are integers 0 to 6"):
        model.fit(torch.tensor([[[0, 2, 4, 2, 7]]]))
    with pytest.raises(ValueError, match="weights has shape"):
        model.fit(data((0,)), torch.ones(3))
    with pytest.raises(ValueError, match="width = 18"):
        Settings(width=18)
    with pytest.raises(ValueError, match="batch = 0"):
        Settings(batch=0)
    with pytest.raises(ValueError, match="temperature"):
        Transformer((0,), 7, TINY, temperature=0)
