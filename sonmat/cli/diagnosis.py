"""`sonmat diagnose`."""

from __future__ import annotations

from sonmat.cli.options import Data, Json, ModelArgument
from sonmat.cli.output import console, download, print_json
from sonmat.language import say


def diagnose(run: ModelArgument, data: Data = None, json: Json = False) -> None:
    """`sonmat diagnose`"""
    from sonmat.jobs.diagnose import diagnose as job

    found = job(run, data=data, progress=download(json))
    if json:
        return print_json(found.as_dict())
    from sonmat.view.diagnosed import diagnosis_text

    out = console()
    looked = [part for part in (found.evidence.train, found.evidence.validation) if part is not None]
    if looked:
        rows = " + ".join(f"{part.n:,}/{part.of:,}" for part in looked)
        out.print(say(f"{run}: looked at {rows} rows\n", f"{run}: {rows}행을 살펴봄\n"), style="dim", soft_wrap=True)
    return out.print(diagnosis_text(found.findings), soft_wrap=True)
