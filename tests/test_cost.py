"""What an experiment costs, against counts by hand, a network that runs, and what others have published."""

import dataclasses
import itertools

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from sclib import command_line, cost, ddpm, experiments, images, judges, latents, networks, plane


def test_the_paper_s_recipe_costs_what_is_known_of_it():
    """torchcfm's U-Net of CIFAR-10 has 35.75 million weights; 400,000 steps of 128 images take 1.9e18 FLOP."""
    found = cost.cost(cost.routes()["torchcfm's recipe, one fit"])
    assert round(found.parameters / 1e6, 2) == 35.75 and found.first == pytest.approx(1.9e18, rel=0.02)
    assert found.whole < 1.01 * found.first


def test_a_small_network_s_operations_counted_by_hand():
    """A DDPM of one hidden layer: 18 inputs, `width` units, 2 outputs; a product of (n, a) and (a, b) is 2 n a b."""
    settings = ddpm.Settings(width=10, depth=1, first_steps=7, steps=3, first_batch=6, batch=5, calls=4)
    config = plane.Config("test", "gaussians", 4, seeds=(0, 1), generations=2, n=8, model=settings)
    forward = 2 * 10 * (18 + 2)
    # Back through each product twice, for its weights and for its input, but the inputs of the first need none.
    step = forward + 2 * 10 * (18 + 2 * 2)
    draws = 4 * 8 * 4 * forward
    found = cost.cost(config)
    assert found.parameters == 18 * 10 + 10 + 10 * 2 + 2
    assert found.first == 7 * 6 * step and found.later == 3 * 5 * step + draws
    assert found.whole == 2 * (found.first + draws + 2 * found.later) and found.once == 0


def test_shapes_alone_count_what_a_network_that_runs_does():
    config = experiments.configure("cifar10-class", preset="smoke")
    unet, batch = networks.network((3, 32, 32), config.model), config.model.batch
    kept = {}

    def keep(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with FlopCounterMode(display=False) as counter:
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
            loss = unet(torch.rand(batch), torch.randn(batch, 3, 32, 32)).square().mean()
        weights = {weight.untyped_storage().data_ptr() for weight in unet.parameters()}
        loss.backward()
    found = cost.cost(config)
    assert found.first == 3 * counter.get_total_flops()
    number = sum(weight.numel() for weight in unet.parameters())
    activations = sum(size for where, size in kept.items() if where not in weights)
    assert found.parameters == number and found.memory == pytest.approx(16 * number + activations, rel=0.02)


def test_what_a_cost_grows_with():
    config = images.EXPERIMENTS[0]
    base = cost.cost(config)
    seeds, more = dataclasses.replace(config, seeds=(0,)), dataclasses.replace(config, n=2 * config.n)
    assert cost.cost(seeds).whole - base.once == pytest.approx((base.whole - base.once) / 5)
    steps = config.model.steps * base.first / config.model.first_steps
    assert cost.cost(more).later - steps == pytest.approx(2 * (base.later - steps))


def test_on_the_latent_route_pictures_are_judged_and_judges_are_trained():
    """The judge's operations counted by hand: it looks at each picture twice, and three times a step in training."""
    config, judge = latents.EXPERIMENTS[0], judges.JUDGES["judge"]
    w, sides = judge.width, (32, 16, 8, 8, 4, 4, 2, 2)
    channels = [3, w, 2 * w, 4 * w, 4 * w, 8 * w, 8 * w, 8 * w, 8 * w]
    look = sum(2 * 9 * a * b * side**2 for (a, b), side in zip(itertools.pairwise(channels), sides, strict=True))
    found, refit = cost.cost(config), config.model.steps / config.model.first_steps
    assert found.later - refit * found.first > 2 * look * config.n * config.K
    assert found.once > 3 * look * judge.epochs * 50_000


def test_dpo_learns_from_all_candidates_of_a_group():
    dpo, retrained = (cost.cost(experiments.configure(name)) for name in ("words-dpo", "words-k4"))
    settings = experiments.configure("words-dpo").model
    assert dpo.later - retrained.later == pytest.approx(3 * settings.steps * dpo.first / settings.first_steps)


@pytest.mark.parametrize("name, lines", [("cifar10-class", 3), ("words-k4", 1)])
def test_the_command_prints_each_preset_and_its_time(name, lines, capsys):
    command_line.main(["cost", name, "--tflops", "0.5"])
    head, *rows = capsys.readouterr().out.splitlines()
    assert (
        head.startswith("FLOP, and time at 0.5 TFLOP/s ") and len(rows) == lines and max(map(len, [head, *rows])) <= 79
    )
    whole = cost.cost(experiments.configure(name)).whole
    assert rows[0].endswith("  " + cost.duration(whole / 0.5e12))


@pytest.mark.parametrize(
    "seconds, text",
    [(0.0088, "0.0088 s"), (59, "59 s"), (5400, "1.5 h"), (1.9e7, "220 days"), (1e9, "32 years")],
)
def test_durations(seconds, text):
    assert cost.duration(seconds) == text


def test_a_machine_computes_at_some_speed():
    for tflops in (0, -1, float("inf"), "fast"):
        with pytest.raises(ValueError, match="tflops"):
            cost.table({}, tflops)
