"""Who is best and how sure that is: held to SciPy, and to studies whose truth is known."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from sonmat.search import ranking as ranking_module
from sonmat.search.ranking import Ranking, best_chances, optimism, rank, student_below, student_quantile
from sonmat.search.trial import DONE, FAILED, RUNNING, Trial


def repeats(table: Sequence[Sequence[float | None]], first: int = 10) -> list[Trial]:
    """Repeats from (finalists, seeds) values; None is one that is not there, NaN one that failed."""
    found = []
    for row, values in enumerate(table):
        for seed, value in enumerate(values):
            if value is not None:
                lost = math.isnan(value)
                state = FAILED if lost else DONE
                found.append(Trial(len(found), {"x": row}, seed, state, None if lost else value, repeats=first + row))
    return found


def ranked(table: Sequence[Sequence[float | None]], maximize: bool = True) -> Ranking:
    return rank(repeats(table), maximize=maximize)


@pytest.fixture(autouse=True, scope="module")
def quick() -> Iterator[None]:
    """Fewer draws: chances within 0.02, a twentieth of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranking_module, "_DRAWS", 4_000)
        yield


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 5, 8, 9, 30, 101])
def test_students_t_is_scipys(freedom: int) -> None:
    for t in np.linspace(-9, 9, 37):
        assert student_below(float(t), freedom) == pytest.approx(stats.t.cdf(t, freedom), abs=1e-12)
    for p in (0.5, 0.6, 0.9, 0.975, 0.9995):
        assert student_quantile(p, freedom) == pytest.approx(stats.t.ppf(p, freedom), rel=1e-9, abs=1e-9)


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 6), st.integers(2, 8), st.integers(0, 10_000), st.booleans())
def test_a_pair_is_the_paired_t_test(k: int, n: int, seed: int, maximize: bool) -> None:
    random = np.random.default_rng(seed)
    table = random.normal(size=(k, n)) + random.normal(size=n) + random.normal(size=(k, 1))
    found = ranked(table.tolist(), maximize)
    means = table.mean(axis=1)
    order = np.argsort(-means if maximize else means)
    assert [one.number - 10 for one in found.standings] == order.tolist()
    better, alternative = table[order[0]], "greater" if maximize else "less"
    for rival in found.rivals:
        test = stats.ttest_rel(better, table[rival.number - 10], alternative=alternative)
        assert rival.probability == pytest.approx(1 - test.pvalue, abs=1e-9)
        both = stats.ttest_rel(better, table[rival.number - 10])
        interval = sorted((1 if maximize else -1) * end for end in both.confidence_interval(0.95))
        assert rival.interval == pytest.approx(interval)
        assert rival.difference is not None
        assert rival.difference > 0


def test_means_and_deviations_are_numpys() -> None:
    table = np.random.default_rng(1).normal(size=(3, 5))
    for one in ranked(table.tolist()).standings:
        row = table[one.number - 10]
        assert one.mean == pytest.approx(row.mean())
        assert one.deviation == pytest.approx(row.std(ddof=1))
        assert one.n == 5


@settings(deadline=None, max_examples=25)
@given(st.integers(2, 6), st.integers(2, 7), st.integers(0, 10_000), st.floats(1e-6, 1e6), st.floats(-5, 5))
def test_chances_do_not_depend_on_units_nor_on_the_seeds_order(
    k: int, n: int, seed: int, scale: float, shift: float
) -> None:
    random = np.random.default_rng(seed)
    table = random.normal(size=(k, n))
    chances, expected = best_chances(table)
    assert chances.sum() == pytest.approx(1)
    for other in (table[:, random.permutation(n)], table + shift, table * scale, table + random.normal(size=n) * 3):
        assert best_chances(other)[0] == pytest.approx(chances, abs=0.03)
    means = table.mean(axis=1)
    assert np.all(np.abs(expected - means.mean()) <= np.abs(means - means.mean()) + 1e-12)
    loss = ranked((-table).tolist(), maximize=False)
    gain = ranked(table.tolist(), maximize=True)
    assert [one.number for one in loss.standings] == [one.number for one in gain.standings]
    assert [one.chance for one in loss.standings] == [one.chance for one in gain.standings]


@pytest.mark.parametrize("seed", range(6))
def test_two_finalists_are_an_integral(seed: int) -> None:
    random = np.random.default_rng(seed)
    n = int(random.integers(2, 8))
    table = random.normal(size=(2, n)) + random.normal(size=(2, 1)) + random.normal(size=n)
    difference = float(table[0].mean() - table[1].mean())
    apart = table[0] - table[1] - difference
    within, between, freedom = float((apart**2).sum()) / 2, n * difference**2 / 2, n - 1

    def weight(
        angle: float,
    ) -> float:  # the ratio of spreads is the tangent of an angle that is uniform before the data
        more = 1 + n * math.tan(angle) ** 2
        return more**-0.5 * (within + between / more) ** (-(freedom + 1) / 2)

    def right(angle: float) -> float:  # given the ratio, the difference is Student's
        more = 1 + n * math.tan(angle) ** 2
        kept = 1 - 1 / more
        variance = (within + between / more) / (freedom + 1)
        return float(stats.t.cdf(kept * difference / math.sqrt(2 * kept * variance / n), freedom + 1))

    top = math.pi / 2 - 1e-9
    whole = integrate.quad(weight, 1e-9, top, limit=200)[0]
    chance = integrate.quad(lambda angle: weight(angle) * right(angle), 1e-9, top, limit=200)[0] / whole
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranking_module, "_DRAWS", 200_000)
        assert best_chances(table)[0][0] == pytest.approx(chance, abs=0.005)


def test_a_chance_is_right_as_often_as_it_says() -> None:
    random = np.random.default_rng(2)
    said, right = [], []
    for _ in range(1_500):
        k, n = random.integers(2, 7), random.integers(2, 7)
        spread = np.tan(random.uniform(0, np.pi / 2))  # half-Cauchy, as the model believes
        truth = spread * random.normal(size=k)
        noise = np.exp(random.normal())
        table = noise * (truth[:, None] + random.normal(size=(k, n))) + random.normal(size=n)
        chances, _ = best_chances(table)
        first = int(table.mean(axis=1).argmax())
        said.append(chances[first])
        right.append(truth.argmax() == first)
    said_, right_ = np.array(said), np.array(right)
    for low, high in ((0.0, 0.4), (0.4, 0.6), (0.6, 0.8), (0.8, 0.95), (0.95, 1.01)):
        inside = (said_ >= low) & (said_ < high)
        share = said_[inside].mean()
        assert inside.sum() > 60
        error = math.sqrt(share * (1 - share) / inside.sum())
        assert right_[inside].mean() == pytest.approx(share, abs=3.5 * error + 0.01)


def test_the_winner_of_equals_is_not_believed() -> None:
    random = np.random.default_rng(3)
    firsts, alone = [], []
    for _ in range(300):
        found = ranked(random.normal(0.95, 0.001, size=(5, 5)).tolist())
        firsts.append(found.chance)
        alone.append(found.rivals[-1].probability)
    assert np.mean(np.array(firsts) >= 0.95) < 0.02  # it would be right in one of five
    assert np.mean(firsts) < 0.46  # without drawing the means together it is 0.54
    assert np.mean(np.array(alone) >= 0.95) > 0.3  # as a pair, the first of five often beats the last


def test_what_the_first_is_expected_to_give_is_not_flattered() -> None:
    random = np.random.default_rng(4)
    plain, corrected = [], []
    for _ in range(400):
        truth = 0.5 * random.normal(size=5)
        table = truth[:, None] + random.normal(size=(5, 5))
        first = int(table.mean(axis=1).argmax())
        plain.append(table[first].mean() - truth[first])
        corrected.append(best_chances(table)[1][first] - truth[first])
    assert np.mean(plain) > 0.15
    assert abs(np.mean(corrected)) < 0.4 * np.mean(plain)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 1_000), st.floats(0.5, 1e9))
def test_one_lucky_seed_decides_nothing(seed: int, luck: float) -> None:
    table = 0.01 * np.random.default_rng(seed).normal(size=(5, 5))
    table[0] = table[1:].mean(axis=0)
    table[0, 0] += luck
    found = ranked(table.tolist())
    assert found.standings[0].number == 10
    assert found.chance is not None
    assert found.chance < 0.6
    assert all(rival.probability is not None and rival.probability < 0.87 for rival in found.rivals)
    assert found.undecided


def test_clear_winners_are_believed_and_the_undecided_are_named() -> None:
    noise = 0.001 * np.random.default_rng(5).normal(size=(3, 5))
    clear = ranked((np.array([[0.95], [0.90], [0.91]]) + noise).tolist())
    assert clear.chance is not None
    assert clear.chance > 0.999
    assert clear.undecided == ()
    close = ranked((np.array([[0.95], [0.9499], [0.80]]) + noise).tolist())
    assert close.first is not None
    assert set(close.undecided) == {10, 11} - {close.first.number}


def test_the_same_difference_twice_is_no_certainty() -> None:
    table = [[0.95, 0.90], [0.90, 0.85]]  # of twenty rows
    (rival,) = ranked(table).rivals
    assert rival.difference == pytest.approx(0.05)
    assert rival.probability is not None
    assert 0.8 < rival.probability < 0.95
    same = ranked([[0.9, 0.9, 0.9], [0.9, 0.9, 0.9]])
    assert same.rivals[0].probability == 0.5
    assert [one.chance for one in same.standings] == [0.5, 0.5]


def test_one_that_failed_or_is_not_there_stands_behind() -> None:
    nan = math.nan
    found = ranked([[0.99, 0.99, nan], [0.90, 0.91, 0.92], [0.999, None, None], [0.91, 0.90, 0.935]])
    assert [one.number for one in found.standings] == [13, 11, 12, 10]
    by = {one.number: one for one in found.standings}
    assert (by[10].failed, by[10].missing, by[10].n) == ((2,), (), 2)
    assert (by[12].failed, by[12].missing) == ((), (1, 2))
    assert by[10].chance is by[12].chance is None
    assert by[11].chance is not None
    assert by[13].chance == pytest.approx(1 - by[11].chance)
    assert found.shared == (0, 1, 2)
    rivals = {rival.number: rival for rival in found.rivals}
    assert (rivals[12].n, rivals[12].probability) == (1, None)
    assert rivals[10].n == 2


def test_only_shared_seeds_are_compared() -> None:
    found = ranked([[0.9, 0.91, 0.93, None], [None, 0.90, 0.91, 0.95]])
    assert found.seeds == (0, 1, 2, 3)
    assert found.shared == (1, 2)
    assert {one.number: one.n for one in found.standings} == {10: 3, 11: 3}
    assert found.rivals[0].n == 2


def test_too_little_to_say() -> None:
    empty = rank([], maximize=True)
    assert (empty.first, empty.chance, empty.rivals, empty.undecided) == (None, None, (), ())
    alone = ranked([[0.9, 0.91]])
    assert (alone.chance, alone.rivals) == (None, ())
    single = ranked([[0.9], [0.8]])
    assert (single.chance, single.standings[0].deviation) == (None, None)
    assert single.rivals[0].difference == pytest.approx(0.1)
    lost = ranked([[math.nan], [math.nan]])
    assert lost.first is None
    assert len(lost.standings) == 2


def test_running_repeats_are_missing_and_the_last_of_a_seed_counts() -> None:
    given = [
        Trial(0, {}, 0, DONE, 0.5, repeats=7),
        Trial(1, {}, 0, DONE, 0.9, repeats=7),
        Trial(2, {}, 1, RUNNING, repeats=7),
        Trial(3, {}, 1, DONE, math.inf, repeats=8),
    ]
    found = rank(given, maximize=True)
    by = {one.number: one for one in found.standings}
    assert dict(by[7].values) == {0: 0.9}
    assert by[7].missing == (1,)
    assert by[8].failed == (1,)


def test_trials_of_no_study_are_grouped_by_settings() -> None:
    given = [Trial(i, {"hidden": [20, 20 + i % 2]}, i // 2, DONE, 0.9 + i / 100) for i in range(6)]
    found = rank(given, maximize=True)
    assert [one.number for one in found.standings] == [1, 0]
    assert [one.n for one in found.standings] == [3, 3]


@pytest.mark.parametrize("scale", [1e-300, 1.0, 1e300])
def test_enormous_values_stay_numbers(scale: float) -> None:
    found = ranked((scale * np.array([[3.0, 3.1, 2.9], [1.0, 1.2, 0.9]])).tolist())
    assert found.chance is not None
    assert 0.9 < found.chance <= 1


def test_it_is_json() -> None:
    found = ranked([[0.9, 0.91, math.nan], [0.8, None, 0.82]])
    told = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert [one["number"] for one in told["standings"]] == [one.number for one in found.standings]
    assert told["rivals"][0]["number"] == found.rivals[0].number


def test_the_same_twice() -> None:
    table = np.random.default_rng(6).normal(size=(4, 5)).tolist()
    assert ranked(table).as_dict() == ranked(table).as_dict()


@pytest.mark.parametrize(("maximize", "sign"), [(True, 1), (False, -1)])
def test_optimism_is_what_was_promised_too_much(maximize: bool, sign: int) -> None:
    found = optimism(sign * 0.96, sign * 0.95, sign * 0.94, maximize=maximize)
    assert found.chosen == pytest.approx(0.01)
    assert found.rows == pytest.approx(0.01)
    assert optimism(0.96, 0.95).rows is None
    assert json.dumps(found.as_dict())
