"""One training of a tuned recipe as `sonmat train NAME --seed N` does it, in a run folder; again after a kill it goes on.

python -m benchmarks.children.accuracy_run NAME SEED FOLDER RESULT.json
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from typing import Any

from benchmarks.machine import library_versions


def main() -> None:
    """Train, and write what was reached."""
    name, seed, folder, result = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4])
    import sonmat as sm
    from sonmat.files import write_json

    trained = sm.train(name, seed=seed, out=folder)
    used = resource.getrusage(resource.RUSAGE_SELF)
    written = trained.result
    told: dict[str, Any] = {
        "recipe": name,
        "seed": seed,
        "accuracy": written["test"]["accuracy"],
        "corrected": (written["test"].get("corrected") or {}).get("accuracy"),
        "validation": written["validation"]["accuracy"],
        "epochs": written["epochs"],
        "train_seconds": written["train_seconds"],
        "compile_seconds": written["compile_seconds"],
        "cpu_minutes": round((used.ru_utime + used.ru_stime) / 60, 3),
        "parameters": trained.model.count_params(),
        "rows": written["rows"],
        "settings": trained.recipe.as_dict(),
        "versions": library_versions(),
    }
    scores = folder / "members" / "scores.json"
    if scores.exists():
        told["scores"] = json.loads(scores.read_text())
    write_json(result, told)


if __name__ == "__main__":
    main()
