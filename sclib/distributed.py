"""One run on many processes, which torchrun starts: on the GPUs of one machine or of several, or on CPU cores.

All ranks draw the same random numbers, each computes its share of what they make, and all gather the whole: so a run
on N ranks is that on one, but for the order of sums.  Rank 0 alone stores and reports.  In a process that torchrun has
not started there is one rank, and every function here leaves things as they are.
"""

import contextlib
import datetime
import math
import os
import pathlib
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import filelock
import torch
import torch.distributed as dist

from sclib import folders

TIMEOUT = datetime.timedelta(minutes=10)  # that a rank waits for another one
PATIENCE = 30.0  # seconds that rank 0 waits for a lock before it tells the others that it still waits
NEEDED = {"RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"}  # in the environment; torchrun sets them


class LostRank(RuntimeError):
    """Another rank has died, or was silent for `TIMEOUT`."""


@contextlib.contextmanager
def group() -> Iterator[None]:
    """Within the block the processes that torchrun has started belong together, and rank 0 alone prints.

    They talk by NCCL on GPUs and by gloo on CPUs.
    """
    if dist.is_initialized() or not started():
        yield
        return
    gpu = torch.cuda.is_available()
    if gpu and local_rank() < torch.cuda.device_count():
        torch.cuda.set_device(local_rank())
    _talk(dist.init_process_group, "cpu:gloo,cuda:nccl" if gpu else "gloo", timeout=TIMEOUT)
    with contextlib.ExitStack() as quiet:
        if not is_main():
            quiet.enter_context(contextlib.redirect_stdout(quiet.enter_context(open(os.devnull, "w"))))
        yield
    dist.destroy_process_group()  # after an error the process ends, and others may not answer


def started() -> bool:
    """Whether torchrun has started this process as one of several."""
    return os.environ.keys() >= NEEDED and os.environ["WORLD_SIZE"] != "1"


def size() -> int:
    """How many ranks there are."""
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    """Which one this is: 0 to `size()` - 1."""
    return dist.get_rank() if dist.is_initialized() else 0


def is_main() -> bool:
    """Whether this is the one that stores and reports."""
    return rank() == 0


def local_rank() -> int:
    """Which one of its machine this is, hence its GPU."""
    return int(os.environ.get("LOCAL_RANK", 0))


def share(n: int) -> tuple[slice, float]:
    """This rank's part of a batch, and its weight in the mean.

    Parameters
    ----------
    n : size of the batch, >= 1.

    Returns
    -------
    The part, never empty, and how much its mean counts: the sum of weighted means over ranks is the batch's mean.  A
    rank beyond the last item takes that one, with weight 0.
    """
    rows = math.ceil(n / size())
    start, end = rank() * rows, min((rank() + 1) * rows, n)
    return (slice(start, end), (end - start) / n) if start < n else (slice(n - 1, n), 0.0)


def sum_gradients(parameters: Iterable[torch.Tensor]) -> None:
    """Replace each gradient by its sum over ranks, in one message.

    Parameters
    ----------
    parameters : whose gradients they are.
    """
    if size() == 1:
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    _talk(dist.all_reduce, flat)
    for gradient, whole in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(whole.view(gradient.shape))


def align(parameters: Iterable[torch.Tensor]) -> None:
    """Give parameters the values that they have on rank 0.

    Parameters
    ----------
    parameters : of the same shapes on all ranks.
    """
    if size() > 1:
        with torch.no_grad():
            for parameter in parameters:
                parameter.copy_(broadcast(parameter))


def mapped(function: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor, axis: int = 0) -> torch.Tensor:
    """What a function makes of a tensor, row by row: each rank computes a part, and all return the whole.

    Parameters
    ----------
    function : makes as many rows as it takes.
    x : the same on all ranks.
    axis : along which its rows lie.
    """
    n, ranks = x.shape[axis], size()
    if ranks == 1 or n == 0:
        return function(x)
    rows = math.ceil(n / ranks)  # the same for all, so the last ranks may compute the last row again
    mine = (torch.arange(rows, device=x.device) + rank() * rows).clamp(max=n - 1)
    made = function(x.index_select(axis, mine)).contiguous()
    parts = [torch.empty_like(made) for _ in range(ranks)]
    _talk(dist.all_gather, parts, made)
    return torch.cat(parts, axis).narrow(axis, 0, n)


def broadcast(tensor: torch.Tensor) -> torch.Tensor:
    """Rank 0's tensor.

    Parameters
    ----------
    tensor : of the same shape and type on all ranks.
    """
    if size() > 1:
        tensor = tensor.contiguous()
        _talk(dist.broadcast, tensor, 0)
    return tensor


def decided(choice: bool) -> bool:
    """Rank 0's choice: clocks differ.

    Parameters
    ----------
    choice : this rank's.
    """
    return bool(broadcast(torch.tensor(int(choice))))


def from_main(function: Callable[[], Any]) -> Any:
    """What a function returns on rank 0, which alone calls it: for files.

    Parameters
    ----------
    function : without arguments.
    """
    if size() == 1:
        return function()
    found = [function() if is_main() else None]
    _talk(dist.broadcast_object_list, found, 0)
    return found[0]


def follow(model: Any) -> None:
    """Give every rank's model the state that rank 0's has.

    Parameters
    ----------
    model : with `state` and `restore`.
    """
    if size() > 1:
        model.restore(from_main(model.state))


@contextlib.contextmanager
def lock(path: pathlib.Path) -> Iterator[None]:
    """As `folders.lock`, held by rank 0 for all."""
    with contextlib.ExitStack() as held:
        while not from_main(lambda: _taken(held, path)):
            pass
        yield


def _taken(held, path):
    try:
        held.enter_context(folders.lock(path, PATIENCE))
    except filelock.Timeout:
        return False
    return True


def _talk(call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except RuntimeError as error:
        reason = re.sub(r"^\[.*?\] *", "", str(error).strip()).partition(". ")[0].partition("\n")[0]  # no source file
        raise LostRank(f"rank {os.environ.get('RANK', 0)} has lost another rank ({reason})") from error
