"""Labelled samples: from a file, a folder or a Python function to the model's inputs."""

from hil.datasets.dataset import Dataset, load

__all__ = ["Dataset", "load"]
