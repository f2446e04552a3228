"""Findings about the data: copies, order, scale, blank inputs, missing and rare classes, wrong labels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sonmat.data.guards import Order
from sonmat.engine.evidence import Part
from sonmat.language import say
from sonmat.view.copies_findings import contradicting, leaking, nearly_leaking
from sonmat.view.finding import Case, Finding, skill
from sonmat.view.words import percent

_LARGE, _TINY = 30.0, 0.02  # scaled or standardized inputs lie between
_BLANK = 0.05
_SORTED = 3.0  # times as many neighbours of one class as by chance
_RARE = 0.2  # of an equal share of the rows
_NOISE, _RANDOM_RANK = 0.08, 0.34  # contradicted rows; the label being the second guess of wrong rows
_FEW = 6  # classes, below which the second guess is right too often by chance
_AS_WRONG = 0.5  # errors among the surer half of the rows, as a part of the errors among all


def data_findings(case: Case) -> Iterator[Finding]:
    """What is wrong with the rows."""
    for one in (leaking, nearly_leaking, contradicting, _scale, _blank, _order, missing, _rare, _noise):
        found = one(case)
        if found is not None:
            yield found


def _scale(case: Case) -> Finding | None:
    seen = case.evidence.seen
    if seen is None or not seen.varied:
        return None
    largest = max(abs(seen.low), abs(seen.high))
    reach = say(
        f"The first layer is given numbers from {seen.low:.4g} to {seen.high:.4g} (mean {seen.mean:.3g}, standard deviation "
        f"{seen.deviation:.3g}).",
        f"첫 층이 받는 수는 {seen.low:.4g}부터 {seen.high:.4g}까지입니다 (평균 {seen.mean:.3g}, 표준편차 "
        f"{seen.deviation:.3g}).",
    )
    if largest > _LARGE:
        return Finding(
            "unscaled_inputs",
            "fault",
            say("The inputs are not scaled", "입력이 스케일되지 않았습니다"),
            reach,
            say(
                "Divide them (x / 255 for pixels; as uint8 in the file sonmat does it by itself), or begin the network with "
                "a Rescaling or Normalization layer.",
                "나누세요(픽셀이면 x / 255. 파일에 uint8로 두면 sonmat이 알아서 합니다). 또는 신경망을 Rescaling이나 "
                "Normalization 층으로 시작하세요.",
            ),
            case.on_data(),
        )
    if largest < _TINY:
        return Finding(
            "twice_scaled_inputs",
            "fault",
            say("The inputs are tiny: scaled twice?", "입력이 너무 작습니다. 두 번 스케일했나요?"),
            reach,
            say(
                "Scale once: leave out either the division or the Rescaling layer. Numbers so small learn as with a learning "
                "rate that is far too low.",
                "한 번만 스케일하세요: 나눗셈과 Rescaling 층 가운데 하나를 빼세요. 이렇게 작은 수로는 학습률이 너무 낮을 "
                "때처럼 배웁니다.",
            ),
            case.on_data(),
        )
    return None


def _blank(case: Case) -> Finding | None:
    seen = case.evidence.seen
    if seen is None or (seen.varied and seen.blank < _BLANK):
        return None
    return Finding(
        "blank_inputs",
        "fault" if not seen.varied or seen.blank >= 4 * _BLANK else "hint",
        say("Inputs are blank", "입력이 비어 있습니다"),
        say("All rows looked at are the same.", "살펴본 행이 모두 같습니다.")
        if not seen.varied
        else say(
            f"{percent(seen.blank)} of the training rows looked at hold one number throughout.",
            f"살펴본 학습 행의 {percent(seen.blank)}는 처음부터 끝까지 같은 수입니다.",
        ),
        say(
            "Look at the images as the network sees them; a conversion may have cut or overwritten them.",
            "신경망이 보는 그대로 이미지를 확인하세요. 변환하다가 잘리거나 덮어썼을 수 있습니다.",
        ),
        case.on_data(),
    )


def is_sorted(order: Order) -> bool:
    """Whether neighbours are of one class far more often than by chance."""
    return order.by_chance < 0.9 and order.alike >= min(_SORTED * order.by_chance, 0.5 + 0.5 * order.by_chance)


def _order(case: Case) -> Finding | None:
    order = case.evidence.order
    if order is None or case.evidence.settings.shuffle is not False or not is_sorted(order):
        return None
    return Finding(
        "sorted_labels",
        "fault",
        say("The rows are sorted by class and not shuffled", "행이 클래스 순서대로 있고 섞이지 않았습니다"),
        say(
            f"{percent(order.alike)} of neighbouring rows are of the same class (by chance {percent(order.by_chance)}), and each "
            "epoch trains on them in that order.",
            f"이웃한 행의 {percent(order.alike)}가 같은 클래스이고(우연이라면 {percent(order.by_chance)}) 매 에포크를 그 순서로 "
            "학습합니다.",
        ),
        say(
            "A network forgets the classes that came first. Train with shuffle=True: sonmat.fit(model, x, y, shuffle=True).",
            "먼저 나온 클래스를 잊게 됩니다. shuffle=True로 학습하세요: sonmat.fit(model, x, y, shuffle=True).",
        ),
    )


def missing(case: Case) -> Finding | None:
    """Classes without training rows."""
    counts, held = case.evidence.counts, case.validation
    lacking = [number for number, count in enumerate(counts) if not count]
    if not lacking or len(lacking) == len(counts):
        return None
    waiting = sum(held.counts[number] for number in lacking if number < len(held.counts)) if held is not None else 0
    names = ", ".join(case.name(number) for number in lacking[:5])
    return Finding(
        "missing_class",
        "fault",
        say("A class has no training rows", "학습 행이 하나도 없는 클래스가 있습니다"),
        say(
            f"No training row is of {names}; the network has outputs for {len(counts)} classes, and {waiting:,} validation "
            "rows looked at are of them.",
            f"{names} 클래스의 학습 행이 없습니다. 신경망의 출력은 {len(counts)}개 클래스이고, 살펴본 검증 행 가운데 "
            f"{waiting:,}개가 이 클래스입니다.",
        ),
        say(
            "The labels begin at 1 and classes are counted from 0: take 1 off each, y - 1.",
            "레이블이 1부터 시작하는데 클래스는 0부터 셉니다. 모두 1씩 빼세요: y - 1.",
        )
        if lacking == [0] and case.name(0) == "0"
        else say(
            "What training never sees cannot be learnt: add rows, or take the class out of the classes.",
            "학습에 없는 것은 배울 수 없습니다. 행을 더하거나 그 클래스를 빼세요.",
        ),
        case.on_data(),
    )


def _rare(case: Case) -> Finding | None:
    counts, held = np.array(case.evidence.counts), case.validation
    if len(counts) < 2 or held is None or len(held.counts) < len(counts):
        return None
    equal = counts.sum() / len(counts)
    recalls = [held.confusion[i][i] / held.counts[i] if held.counts[i] else 1.0 for i in range(len(counts))]
    mean = float(np.mean(recalls))
    rare = [i for i in range(len(counts)) if 0 < counts[i] < _RARE * equal and held.counts[i]]
    lost = [i for i in rare if recalls[i] < mean - 0.1]
    if not rare:
        return None
    worst = min(rare, key=lambda i: recalls[i])
    return Finding(
        "imbalance",
        "fault" if lost else "hint",
        say("Some classes are rare", "드문 클래스가 있습니다"),
        say(
            f"Training rows of a class: {counts.min():,} to {counts.max():,}. Of {case.name(worst)} ({counts[worst]:,} rows) "
            f"{percent(recalls[worst])} are found; of a class on average {percent(mean)}.",
            f"클래스별 학습 행: {counts.min():,}~{counts.max():,}개. {case.name(worst)}({counts[worst]:,}행)의 재현율은 "
            f"{percent(recalls[worst])}, 클래스 평균은 {percent(mean)}입니다.",
        ),
        say(
            "Collect more of the rare classes, or weigh them: sonmat.fit(…, class_weight={…}) with the inverse of their "
            "counts. Accuracy alone hides this; look at each class's recall.",
            "드문 클래스를 더 모으거나 개수의 역수로 가중치를 주세요: sonmat.fit(…, class_weight={…}). 정확도만으로는 "
            "보이지 않으니 클래스별 재현율을 보세요.",
        ),
        case.on_run("evaluate", "--part", "validation"),
    )


def _noise(case: Case) -> Finding | None:
    noisy = [(part, name) for part, name in _parts(case) if _looks_noisy(part)]
    if not noisy or case.hardly_begun:
        return None
    part, name = max(noisy, key=lambda one: (one[0].contradicted or 0) / one[0].n)
    contradicted = part.contradicted or 0
    by_chance = 1 / max(1, len(part.counts) - 1)
    return Finding(
        "label_noise",
        "fault",
        say("Many labels look wrong", "틀린 레이블이 많아 보입니다"),
        say(
            f"{contradicted:,} of {part.n:,} {name} rows ({percent(contradicted / part.n)}) are contradicted with a confidence "
            f"that is usual for right answers, and of the wrong rows only {percent(part.second or 0)} have their label as second "
            f"guess (by chance {percent(by_chance)}): mistakes of a network have reasons, these have none.",
            f"{name} 행 {part.n:,}개 중 {contradicted:,}개({percent(contradicted / part.n)})는 맞힌 답만큼의 확신으로 레이블과 "
            f"어긋납니다. 틀린 행 가운데 레이블이 두 번째 후보인 것은 {percent(part.second or 0)}뿐입니다(우연이라면 "
            f"{percent(by_chance)}). 신경망의 실수에는 까닭이 있는데 여기에는 없습니다.",
        ),
        say(
            "Look at the rows that the network is most wrong about (hardest.png) and correct their labels; until then train "
            "for fewer epochs, before it learns the wrong ones by heart.",
            "신경망이 가장 크게 틀린 행(hardest.png)을 보고 레이블을 고치세요. 그때까지는 틀린 레이블을 외우기 전에 더 적은 "
            "에포크로 학습하세요.",
        ),
        case.on_run("plot"),
    )


def _parts(case: Case) -> list[tuple[Part, str]]:
    both = [(case.train, say("training", "학습")), (case.validation, say("validation", "검증"))]
    return [(part, name) for part, name in both if part is not None]


def _looks_noisy(part: Part) -> bool:
    if part.contradicted is None or part.second is None or len(part.counts) < _FEW or part.n < 100:
        return False
    if skill(part) < 0.1 or (part.commonest or 0) > 0.6:  # a network that knows nothing cannot contradict
        return False
    wrong, by_chance = 1 - (part.accuracy or 0.0), 1 / (len(part.counts) - 1)
    blind = part.second <= max(_RANDOM_RANK, 1.5 * by_chance) and (part.sure_wrong or 0.0) >= _AS_WRONG * wrong
    return blind and part.contradicted / part.n >= _NOISE
