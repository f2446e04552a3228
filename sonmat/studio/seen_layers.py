"""Where the program of a network with every layer's output is kept: beside the network's own, under its file's SHA-256."""

from __future__ import annotations

import os
from pathlib import Path

_FORMAT = 1  # counts up where older files can no longer be used


def layers_file(model: str | os.PathLike[str]) -> Path:
    """The file for a trained model's file."""
    from sonmat.serve.kept_network import fingerprint_of, networks_folder

    return networks_folder() / f"{fingerprint_of(model)}-layers-{_FORMAT}.npz"
