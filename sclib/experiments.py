"""The named experiments of the fully synthetic loop: `python -m sclib.experiments list | run NAME | show NAME`.

Settings (reward scales, widths, sizes) are the book's own: the paper's could not be recovered.
"""

import argparse
import ast
import dataclasses
import datetime
import math
import platform
import time

import numpy as np
import torch
from tqdm.auto import tqdm

from sclib import datasets, results, rewards
from sclib.bounds import total_variation
from sclib.classifiers import fit_classifier
from sclib.ddpm import DDPM, Settings
from sclib.loop import Generation, self_consuming_loop
from sclib.population import trajectory


@dataclasses.dataclass(frozen=True)
class Config:
    """One experiment: everything that its numbers depend on."""

    experiment: str
    data: str  # "gaussians" or "moons"
    K: int  # candidates in a group
    gamma: float = 10.0  # scale of the reward, nats per unit of distance or of class probability
    r_min: float = 1.0  # Gaussians: radius of the ball about the favoured centre where the reward is at its top
    noise: float = 0.1  # moons: standard deviation about the half circles
    favoured: int = 0  # the mode or moon that the reward favours
    lam: float = math.inf  # weight of the picks against the data; inf is the fully synthetic loop
    seeds: tuple = (0, 1, 2, 3, 4)
    generations: int = 10
    n: int = 5_000  # groups a round, hence picks
    n_data: int = 50_000  # data points of a seed
    n_atoms: int = 20_000  # moons: samples of the first model that carry the exact law
    n_points: int = 400  # proposals of a seed and generation kept for scatter plots
    model: Settings = dataclasses.field(default_factory=Settings)
    version: int = 1

    @property
    def command(self):
        """The shell command that makes this result, and how long it takes."""
        default = EXPERIMENTS.get(self.experiment, self)
        ours, theirs = (dataclasses.asdict(c) | dataclasses.asdict(c.model) for c in (self, default))
        changed = [f" --set '{k}={v}'" for k, v in ours.items() if v != theirs[k] and k != "model"]
        return f"python -m sclib.experiments run {self.experiment}{''.join(changed)} (about {MINUTES})"


MINUTES = "1 to 3 min on two CPU cores with five seeds, not timed on a GPU"

EXPERIMENTS = {
    config.experiment: config
    for config in (
        *(Config(f"gaussians-k{K}", "gaussians", K) for K in (1, 2, 4, 16)),
        *(Config(f"moons-k{K}", "moons", K, gamma=2.0) for K in (1, 2, 4, 16)),
        # The uncurated loop with few samples a round: what is commonly called model collapse.
        Config("gaussians-k1-few", "gaussians", 1, n=300),
        # The sampler's own collapse: 50 ancestral steps with the posterior's variance lose spread in every pass.
        Config("gaussians-k1-small-variance", "gaussians", 1, model=Settings(sampler="small", calls=50)),
        Config("gaussians-k4-small-variance", "gaussians", 4, model=Settings(sampler="small", calls=50)),
    )
}


def configure(name, **changes):
    """The `Config` of experiment `name`, with fields of it or of its model's `Settings` changed.

    Raises: ValueError for a name or a field that does not exist.
    """
    if name not in EXPERIMENTS:
        raise ValueError(f"name = {name!r} must be one of {', '.join(EXPERIMENTS)}")
    ours = {field.name for field in dataclasses.fields(Config)} - {"experiment", "model"}
    models = {field.name for field in dataclasses.fields(Settings)}
    if unknown := set(changes) - ours - models:
        raise ValueError(
            f"{', '.join(sorted(unknown))}: no such setting; allowed are {', '.join(sorted(ours | models))}"
        )
    config = EXPERIMENTS[name]
    model = dataclasses.replace(config.model, **{k: v for k, v in changes.items() if k in models})
    changes = {k: tuple(v) if k == "seeds" else v for k, v in changes.items() if k in ours}
    return dataclasses.replace(config, model=model, **changes)


def load(name, **changes):
    """The stored `results.Result` of experiment `name`; a miss raises MissingResult with the command and its time."""
    return results.load(configure(name, **changes))


def run(name, device="auto", max_minutes=None, **changes):
    """Train experiment `name` into the user's cache, with a progress bar; returns its `results.Result`.

    `device`: "auto" (a GPU if there is one), "cpu" or "cuda"; `changes`: settings to replace, e.g. seeds=(0,).
    A checkpoint is written after each generation: the same call goes on where an interrupted one stopped.
    After `max_minutes` it stops at the next checkpoint and returns None.
    """
    config = configure(name, **changes)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    checkpoint = results.cache_folder() / "checkpoints" / f"{device}-{results.file_name(config)}"
    model = DDPM([_stream(seed, 0) for seed in config.seeds], config.model, device)
    choices = [torch.Generator(device).manual_seed(_stream(seed, 1)) for seed in config.seeds]
    data = torch.stack([_sample_data(config, _stream(seed, 2)) for seed in config.seeds]).to(device)  # (S, n_data, 2)
    reward, label, classes = task(config)

    resume, history, seconds = None, {}, []
    if (stored := results.read_or_put_aside(checkpoint, config)) is not None:
        resume, history, seconds = _resumed(stored, model, choices, device)
    first, later = config.model.first_steps, config.model.steps
    done = 0 if resume is None else first + resume.t * later
    rounds = self_consuming_loop(
        model, data, reward, config.K, config.n, config.lam, config.generations,
        stacked=True, generator=choices, resume=resume,
    )  # fmt: skip
    start = lap = time.perf_counter()
    with tqdm(total=first + config.generations * later, initial=done, desc=name, unit="step") as bar:
        model.on_step = bar.update
        bar.set_postfix_str("first fit" if resume is None else f"generation {resume.t}")
        for generation in rounds:
            statistics = summarise(generation, label, classes, config)
            if generation.t == 0 and config.data == "moons":
                atoms = model.sample(config.n_atoms)
                statistics["first_rewards"] = reward(atoms).cpu().numpy()
                statistics["first_labels"] = label(atoms).cpu().numpy().astype(np.int8)
            for key, value in statistics.items():
                history[key] = np.concatenate([history[key], value[None]]) if key in history else value[None]
            seconds.append(time.perf_counter() - lap)
            _write_checkpoint(checkpoint, config, generation, model, choices, history, seconds)
            lap = time.perf_counter()
            bar.set_postfix_str(f"generation {generation.t}, reward {statistics['mean_reward'].mean():.3f}")
            if max_minutes is not None and lap - start > 60 * max_minutes and generation.t < config.generations:
                tqdm.write(f"stopped after generation {generation.t}; the same call goes on from there")
                return None

    provenance = {
        "date": datetime.date.today().isoformat(),
        "device": _device_name(device),
        "seconds": round(sum(seconds), 1),
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
    }
    path = results.save(config, history | {"seconds": np.array(seconds)}, provenance)
    checkpoint.unlink(missing_ok=True)
    return results.read(path, config)


def task(config):
    """What is asked of the loop: reward(points) in nats, label(points) -> 0..C-1, and C."""
    if config.data == "gaussians":
        target = datasets.GAUSSIAN_CENTRES[config.favoured]
        return (
            lambda x: rewards.clipped_distance(x, target, config.gamma, config.r_min),
            datasets.nearest_centre,
            datasets.MODES,
        )
    classify = moons_classifier(config)
    return (
        lambda x: rewards.class_probability(classify(x), config.favoured, config.gamma),
        lambda x: classify(x).argmax(-1),
        2,
    )


def moons_classifier(config):
    """The classifier whose probabilities are the reward, trained on 5,000 points; the same for all seeds."""
    return fit_classifier(*datasets.sample_moons(5_000, config.noise, torch.Generator().manual_seed(12345)))


def summarise(generation, label, classes, config):
    """Statistics of the draw that was curated, a dict of arrays (S, ...).

    masses (S, C): share of each mode or moon; mean_reward, var_reward (S,), nats; mean_weight, var_weight (S,): of
    e^{r - r*}, r* the top reward; spread (S,): standard deviation, per axis, within the favoured class;
    points (S, n_points, 2), float16.
    """
    x, r = generation.proposals.flatten(1, 2), generation.rewards.flatten(1, 2).double()  # (S, n K, 2), (S, n K)
    labels = label(x)
    weight = (r - top_reward(config)).exp()
    statistics = {
        "masses": torch.stack([(labels == c).double().mean(-1) for c in range(classes)], -1),
        "mean_reward": r.mean(-1),
        "var_reward": r.var(-1, correction=0),
        "mean_weight": weight.mean(-1),
        "var_weight": weight.var(-1, correction=0),
        "spread": torch.stack([_spread(xs[ls == config.favoured]) for xs, ls in zip(x, labels, strict=True)]),
        "points": x[:, :: config.K][:, : config.n_points].half(),
    }
    return {name: value.cpu().numpy() for name, value in statistics.items()}


def top_reward(config):
    """r*, nats: 0 for the clipped distance, gamma for a class probability."""
    return 0.0 if config.data == "gaussians" else config.gamma


def exact_law(config, arrays=None, grid=200):
    """The statistics of `summarise` under the exact law, generations 0..T: the line under the dots.

    Gaussians: `trajectory` of the data's density on a `grid` x `grid` lattice of [-6.5, 6.5]^2, whose error is below
    3e-4 in every number but the rewards' variance (at r_min = 1); arrays (T + 1, ...).
    Moons: of the samples of each seed's first model in `arrays` (a result's), which carry their rewards; arrays
    (T + 1, S, ...), and no spread.
    """
    if config.data == "gaussians":
        axis = np.linspace(-6.5, 6.5, grid)
        points = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
        reward, label, classes = task(config)
        x = torch.as_tensor(points)
        probs = datasets.gaussian_density(points)
        return _law(config, probs / probs.sum(), reward(x).numpy(), label(x).numpy(), classes, points)
    r, labels = arrays["first_rewards"][0], arrays["first_labels"][0]  # (S, n_atoms)
    laws = [_law(config, np.full(len(a), 1 / len(a)), a, b, 2) for a, b in zip(r, labels, strict=True)]
    return {name: np.stack([law[name] for law in laws], 1) for name in laws[0]}


def distances(config, arrays, law=None):
    """How far the trained loop is from the exact law: `total_variation` of the masses, (T + 1, S), and, for the
    Gaussians, `spread_ratio`, measured over exact, (T + 1, S).
    """
    law = law or exact_law(config, arrays)
    exact = np.broadcast_to(
        law["masses"] if law["masses"].ndim == 3 else law["masses"][:, None], arrays["masses"].shape
    )
    pairs = zip(arrays["masses"], exact, strict=True)
    found = {
        "total_variation": np.array([[total_variation(p, q) for p, q in zip(*both, strict=True)] for both in pairs])
    }
    if "spread" in law:
        found["spread_ratio"] = arrays["spread"] / law["spread"][:, None]
    return found


def _law(config, probs, r, labels, classes, points=None):
    laws = trajectory(probs, r, config.K, config.generations, config.lam)  # (T + 1, atoms)
    weight = np.exp(np.asarray(r, float) - top_reward(config))
    law = {"masses": np.stack([np.bincount(labels, p, classes) for p in laws])}
    law |= {"mean_reward": laws @ r, "mean_weight": laws @ weight}
    law |= {
        "var_reward": laws @ r**2 - law["mean_reward"] ** 2,
        "var_weight": laws @ weight**2 - law["mean_weight"] ** 2,
    }
    if points is not None:
        inside = laws * (labels == config.favoured)
        inside /= inside.sum(1, keepdims=True)
        law["spread"] = np.sqrt((inside @ points**2 - (inside @ points) ** 2).mean(1))
    return law


def _spread(points):
    return points.double().var(0).mean().sqrt() if len(points) > 1 else torch.tensor(math.nan, dtype=torch.float64)


def _sample_data(config, stream):
    generator = torch.Generator().manual_seed(stream)
    if config.data == "gaussians":
        return datasets.sample_gaussians(config.n_data, generator)
    return datasets.sample_moons(config.n_data, config.noise, generator)[0]


def _stream(seed, use):
    # Model, choices and data of a seed draw from different streams: one seed for all would correlate them.
    return 3 * seed + use


def _write_checkpoint(path, config, generation, model, choices, history, seconds):
    state = {f"model.{name}": array for name, array in model.state().items()}
    state |= {f"choice.{i}": generator.get_state().numpy() for i, generator in enumerate(choices)}
    state |= {f"history.{name}": array for name, array in history.items()}
    state |= {"t": generation.t, "picks": generation.picks.cpu().numpy(), "seconds": seconds}
    results.write(path, config, state, {})


def _resumed(stored, model, choices, device):
    def part(prefix):
        return {name.removeprefix(prefix): a for name, a in stored.arrays.items() if name.startswith(prefix)}

    model.restore(part("model."))
    for i, generator in enumerate(choices):
        generator.set_state(torch.as_tensor(stored.arrays[f"choice.{i}"]))
    picks = torch.as_tensor(stored.arrays["picks"]).to(device)
    last = Generation(int(stored.arrays["t"]), None, None, picks)
    return last, part("history."), list(stored.arrays["seconds"])


def _device_name(device):
    if device.startswith("cuda"):
        return torch.cuda.get_device_name()
    return f"CPU, {torch.get_num_threads()} thread{'s' if torch.get_num_threads() > 1 else ''}"


def show(result, config):
    """The table that `python -m sclib.experiments show NAME` prints: measured, exact, distance, by generation."""
    arrays, law = result.arrays, exact_law(config, result.arrays)
    found = distances(config, arrays, law)
    share, exact = arrays["masses"][..., config.favoured], law["masses"][..., config.favoured]
    lines = [result.source, " t  reward  favoured share (exact)  TV median  worst  spread/exact    seconds"]
    for t in range(config.generations + 1):
        tv = found["total_variation"][t]
        spread = (
            "{:.2f}-{:.2f}".format(*np.nanquantile(found["spread_ratio"][t], [0, 1])) if "spread_ratio" in found else ""
        )
        lines.append(
            f"{t:2}  {arrays['mean_reward'][t].mean():6.2f}  {np.median(share[t]):14.3f} ({np.median(exact[t]):.3f})"
            f"  {np.median(tv):9.3f}  {tv.max():5.3f}  {spread:12}  {arrays['seconds'][t]:9.1f}"
        )
    return "\n".join(lines)


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m sclib.experiments", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="name the experiments")
    for command, text in (("run", "train one into your cache, or go on with it"), ("show", "print a stored result")):
        sub = commands.add_parser(command, help=text)
        sub.add_argument("name", choices=EXPERIMENTS, metavar="NAME")
        sub.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="change a setting")
        if command == "run":
            sub.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
            sub.add_argument("--max-minutes", type=float, help="stop at a checkpoint after this time")
    options = parser.parse_args(arguments)
    if options.command == "list":
        for config in EXPERIMENTS.values():
            print(f"{config.experiment:28} {config.data}, K = {config.K}, {config.n} picks")
        print(f"Each takes about {MINUTES}.")
        return
    try:
        changes = dict(_parsed(text) for text in options.set)
        config = configure(options.name, **changes)
        if options.command == "run":
            result = run(options.name, options.device, options.max_minutes, **changes)
        else:
            result = results.load(config)
    except KeyboardInterrupt:
        parser.exit(130, "\ninterrupted; the same command goes on from the last generation\n")
    except (ValueError, results.MissingResult) as error:
        parser.exit(2, f"{error}\n")
    if result is not None:
        print(show(result, config))


def _parsed(text):
    name, _, value = text.partition("=")
    try:
        return name, math.inf if value == "inf" else ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


if __name__ == "__main__":
    main()
