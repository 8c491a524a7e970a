"""Generative models retrained on their own curated output: the choice model, its exact law, the loop."""
