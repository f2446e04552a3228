"""`sonmat sweep`."""

from __future__ import annotations

import shlex
import sys
import warnings
from pathlib import Path
from typing import Annotated, Any

import typer

from sonmat.cli import options
from sonmat.cli.interrupts import interruptible
from sonmat.cli.options import Data, Json, Quiet, SkipUnreadable
from sonmat.cli.output import console, download, print_json, print_next, print_place
from sonmat.errors import RecipeError
from sonmat.language import say

_BESIDE_RESUME = ("words", "trials", "cluster", "resume", "json", "quiet")


def sweep(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RECIPE] [KEY=SPACE]…",
            help=say(
                "A recipe or FILE.py:function, and what to search: learning_rate=log:1e-3..1 batch_size=20,50 hidden=[20,20],[64,64].",
                "레시피나 FILE.py:함수, 그리고 탐색할 것: learning_rate=log:1e-3..1 batch_size=20,50 hidden=[20,20],[64,64].",
            ),
            autocompletion=options.recipes,
        ),
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help=say("How many settings are tried; 100.", "시도할 설정 수. 기본 100.")),
    ] = None,
    sampler: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help=say(
                "Who chooses: random, grid, qmc, tpe, gp, cmaes.", "고르는 방법: random, grid, qmc, tpe, gp, cmaes."
            ),
        ),
    ] = "qmc",
    metric: Annotated[
        str, typer.Option(metavar="NAME", help=say("What is judged by.", "무엇으로 고르는지."))
    ] = "val_accuracy",
    halving: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=0,
            help=say(
                "One in N goes on at each rung of successive halving; 0 trains all to the end.",
                "연속 절반화에서 N개 중 하나만 계속합니다. 0이면 모두 끝까지 학습합니다.",
            ),
        ),
    ] = 3,
    finalists: Annotated[
        int,
        typer.Option(
            metavar="N", min=0, help=say("Best settings that are repeated.", "반복해서 확인할 좋은 설정의 수.")
        ),
    ] = 5,
    seeds: Annotated[
        int, typer.Option(metavar="N", min=1, help=say("Seeds of each repeat.", "반복마다 쓸 시드의 수."))
    ] = 5,
    data: Data = None,
    set_: Annotated[
        list[str] | None,
        options.changed("Change a setting of all trials.", "모든 시도에 쓸 설정 바꾸기."),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help=say("Decides split, weights and the choice of settings.", "분할, 가중치, 설정의 선택을 정합니다."),
        ),
    ] = None,
    skip_unreadable: SkipUnreadable = False,
    storage: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help=say(
                "A database for Optuna's storage instead of a file.", "파일 대신 Optuna 저장소로 쓸 데이터베이스."
            ),
        ),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(metavar="ray[://ADDRESS]", help=say("Train on a Ray cluster.", "Ray 클러스터에서 학습합니다.")),
    ] = None,
    resume: Annotated[
        str | None,
        typer.Option(
            metavar="STUDY",
            help=say(
                "Go on with a study, with more --trials or a wider space.",
                "스터디를 이어서 합니다. --trials를 늘리거나 공간을 넓힐 수 있습니다.",
            ),
        ),
    ] = None,
    out: Annotated[Path | None, options.out("The study's folder.", "스터디 폴더.", "DIR")] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """`sonmat sweep`"""
    from sonmat.jobs.sweep import resume_sweep
    from sonmat.jobs.sweep import sweep as job
    from sonmat.jobs.sweep_begun import SweepBegun
    from sonmat.search.runner import SweepProgress
    from sonmat.view.swept import begun_study, finalists_table, following_study, study_cost, swept_text

    recipe, space = _told_apart(words or [])
    if resume is not None:
        _refuse_beside_resume(ctx, recipe)
    if quiet:
        warnings.simplefilter("ignore")
    silent = json or quiet
    screen = None if silent else console()
    folder = [] if resume is None else [Path(resume)]
    with interruptible() as check, following_study(screen, metric) as shown:

        def begun(what: SweepBegun) -> None:
            folder.append(what.folder)
            shown.metric = what.asked.metric
            if not what.known:
                shown.begin(begun_study(what.folder, what.asked, what.rows, what.done, what.notes))
            elif what.forecast is not None:
                shown.begin(study_cost(what.asked, what.forecast, what.finals))

        def told(progress: SweepProgress) -> None:
            check()
            shown.told(progress)

        how: dict[str, Any] = {"cluster": cluster, "begun": begun, "told": told, "progress": download(silent)}
        try:
            if resume is not None:
                swept = resume_sweep(resume, trials=trials, space=space or None, **how)
            else:
                swept = job(
                    recipe or "notes-mlp", space or None, trials=trials, sampler=sampler, metric=metric,
                    halving=halving or None, finalists=finalists, seeds=seeds, data=data, settings=set_ or (),
                    seed=seed, skip_unreadable=skip_unreadable, storage=storage, out=out, **how,
                )  # fmt: skip
        except KeyboardInterrupt:
            shown.stop()
            if folder:
                command = shlex.join(["sonmat", "sweep", "--resume", str(folder[-1])])
                sys.stderr.write(
                    "\n" + say(f"Stopped. Go on with: {command}", f"멈췄습니다. 이어서 하려면: {command}") + "\n"
                )
            raise typer.Exit(130) from None
    if json:
        return print_json(swept.as_dict())
    if screen is None:
        return None
    if swept.ranking.standings:
        screen.print(finalists_table(swept.ranking, swept.study.asked.metric))
    screen.print(swept_text(swept.result, swept.ranking), soft_wrap=True)
    print_place(screen, say("study", "스터디"), swept.study.path)
    print_place(screen, say("to look at", "볼 것"), swept.pictures[0])
    if swept.winner is not None:
        print_next(screen, "sonmat", "diagnose", swept.winner.folder)
    return None


def _told_apart(words: list[str]) -> tuple[str | None, list[str]]:
    """The recipe, and what to search."""
    space = [word for word in words if "=" in word]
    others = [word for word in words if "=" not in word]
    if len(others) > 1:
        raise RecipeError(
            say(
                f"A sweep takes one recipe, but {', '.join(map(repr, others))} came.",
                f"스윕은 레시피 하나를 받는데 {', '.join(map(repr, others))}이(가) 왔습니다.",
            ),
            say(
                "Write what to search as KEY=SPACE, without spaces around =.",
                "탐색할 것은 = 양쪽에 공백 없이 KEY=공간으로 쓰세요.",
            ),
        )
    return (others[0] if others else None), space


def _refuse_beside_resume(ctx: typer.Context, recipe: str | None) -> None:
    given = [name for name in ctx.params if getattr(ctx.get_parameter_source(name), "name", "") == "COMMANDLINE"]
    wrong = [f"--{name.strip('_')}" for name in given if name not in _BESIDE_RESUME]
    wrong = wrong if recipe is None else [recipe, *wrong]
    if wrong:
        raise RecipeError(
            say(
                f"--resume goes on with a study as it was asked, but {', '.join(wrong)} came too; "
                "only --trials, a wider space and --cluster can be new.",
                f"--resume은 스터디를 처음 물은 그대로 이어 가는데 {', '.join(wrong)}도 왔습니다. "
                "--trials, 더 넓은 공간, --cluster만 새로 줄 수 있습니다.",
            ),
            say("Leave the others out, or begin a new study.", "나머지는 빼거나 새 스터디를 시작하세요."),
        )
