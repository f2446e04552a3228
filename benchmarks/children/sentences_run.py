"""One training of `textcnn` as a process of its own: `python -m benchmarks.children.sentences_run DATA SEED FOLDER OUT.json`."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from benchmarks.machine import library_versions


def main() -> None:
    """Train, and say what was reached."""
    data, seed, folder, out = sys.argv[1:5]
    import sonmat as sm

    began = time.process_time()
    done = sm.train("textcnn", data=data, seed=int(seed), out=folder)
    told = {
        "accuracy": done.test.accuracy,
        "f1": done.test.as_dict().get("macro", {}).get("f1"),
        "validation": done.validation.accuracy,
        "rows": done.result["rows"],
        "train_seconds": done.result["train_seconds"],
        "compile_seconds": done.result["compile_seconds"],
        "cpu_minutes": round((time.process_time() - began) / 60, 2),
        "parameters": done.model.count_params(),
        "settings": {key: value for key, value in done.recipe.as_dict().items() if key != "data"},
        "versions": library_versions(("sonmat", "keras", "jax", "jaxlib", "numpy", "tokenizers")),
    }
    Path(out).write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main()
