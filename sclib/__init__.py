"""Generative models retrained on their own curated output: the choice model, its exact laws, and the loop.

Begin with `population.trajectory`, the exact laws of the loop, and `loop.self_consuming_loop`, the same loop on samples
of any model with `fit` and `sample`; `examples/whole_loop.py` has it whole.  `bounds` has what is proved about it,
`taste` turns logged picks into rewards, and `python -m sclib.experiments list` names what was trained and stored.
This file imports nothing, so that the exact laws need no torch.
"""
