"""Intervals and tests against published golden numbers, and against scipy as the oracle."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from agentbench import stats

WILSON = [
    (7, 10, 0.396778, 0.892209), (0, 10, 0, 0.277533), (10, 10, 0.722467, 1), (0, 1, 0, 0.793451),
    (18, 20, 0.698966, 0.972134), (20, 20, 0.838875, 1), (45, 50, 0.786398, 0.956524), (95, 100, 0.888250, 0.978456),
]  # fmt: skip
EXACT = [
    (7, 10, 0.347547, 0.933260), (0, 10, 0, 0.308497), (10, 10, 0.691503, 1), (0, 1, 0, 0.975),
    (18, 20, 0.683017, 0.987651), (20, 20, 0.831567, 1), (45, 50, 0.781865, 0.966725), (95, 100, 0.887165, 0.983568),
]  # fmt: skip
JEFFREYS = [
    (7, 10, 0.394182, 0.907305), (0, 10, 0.000048, 0.217196), (10, 10, 0.782804, 0.999952),
    (18, 20, 0.716147, 0.978628), (20, 20, 0.883361, 0.999976), (45, 50, 0.794645, 0.960806),
]  # fmt: skip
UNIFORM = [
    (7, 10, 0.390257, 0.890737), (0, 10, 0.002299, 0.284914), (0, 1, 0.012579, 0.841886),
    (18, 20, 0.696226, 0.969511), (20, 20, 0.838902, 0.998795), (95, 100, 0.888245, 0.977889),
]  # fmt: skip
# (gained, lost, two-sided, worse, mid-p)
MCNEMAR = [
    (1, 9, 0.021484, 0.010742, 0.011719), (0, 5, 0.0625, 0.03125, 0.03125), (0, 6, 0.03125, 0.015625, 0.015625),
    (2, 10, 0.038574, 0.019287, 0.022461), (5, 15, 0.041389, 0.020695, 0.026604),
    (3, 3, 1, 0.65625, 1), (0, 0, 1, 1, 1),
]  # fmt: skip
# Contrasts of ReliabilityBench (arXiv 2601.06112) with Newcombe's interval of the difference.
NEWCOMBE = [
    (155, 160, 141, 160, 0.030068, 0.149396), (437, 480, 434, 480, -0.030830, 0.043394),
    (78, 80, 77, 80, -0.053896, 0.081952), (108, 120, 105, 120, -0.057024, 0.107450),
    (38, 47, 35, 52, -0.038980, 0.296651), (75, 80, 77, 80, -0.104523, 0.050870),
]  # fmt: skip
CLUSTERS = [[1, 1, 0], [0, 0], [1, 1, 1]]

counts = st.integers(0, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.mark.parametrize(("passes", "n", "low", "high"), WILSON)
def test_wilson_golden(passes, n, low, high):
    """Wilson's interval gives the tabled numbers, and a width at 0 % and 100 %."""
    assert stats.wilson(passes, n) == pytest.approx((low, high), abs=1e-6)


@pytest.mark.parametrize(("passes", "n", "low", "high"), EXACT)
def test_clopper_pearson_golden(passes, n, low, high):
    """The exact interval gives the tabled numbers."""
    assert stats.clopper_pearson(passes, n) == pytest.approx((low, high), abs=1e-6)


@pytest.mark.parametrize(("prior", "table"), [(0.5, JEFFREYS), (1.0, UNIFORM)])
def test_beta_interval_golden(prior, table):
    """The posterior intervals under Jeffreys' and the uniform prior give the tabled numbers."""
    for passes, n, low, high in table:
        assert stats.beta_interval(passes, n, prior) == pytest.approx((low, high), abs=1e-6)


@given(counts.filter(lambda pair: pair[1] > 0))
def test_intervals_agree_with_scipy(pair):
    """Wilson and Clopper-Pearson agree with scipy for every count."""
    passes, n = pair
    test = scipy_stats.binomtest(passes, n)
    for ours, method in ((stats.wilson(passes, n), "wilson"), (stats.clopper_pearson(passes, n), "exact")):
        theirs = test.proportion_ci(method=method)
        assert ours == pytest.approx((theirs.low, theirs.high), abs=1e-10)


def test_no_data_is_the_whole_range():
    """Without a trial every interval is the whole range."""
    assert stats.wilson(0, 0) == (0, 1)
    assert stats.clopper_pearson(0, 0) == (0, 1)
    assert stats.wilson_clustered([]) == (0, 1)
    assert stats.newcombe(0, 0, 3, 4) == (-1, 1)
    assert stats.newcombe_paired(0, 0, 0, 0) == (-1, 1)
    assert stats.mean_interval([]) is None
    assert stats.standard_error([1.0]) is None
    assert stats.clustered_error([[1.0]]) is None


@pytest.mark.parametrize("function", [stats.wilson, stats.clopper_pearson, stats.beta_interval])
@pytest.mark.parametrize("count", [(3, 2), (-1, 2)])
def test_impossible_counts_raise(function, count):
    """More passes than trials, or fewer than none, is a mistake and not a rate."""
    with pytest.raises(ValueError, match="is not a count"):
        function(*count)


def test_one_sided_bounds_golden():
    """A one-sided 95 % bound is the 90 % interval's; 59 passes in a row are needed to claim 95 %."""
    assert stats.clopper_pearson(0, 30, 0.9)[1] == pytest.approx(0.095034, abs=1e-6)
    for n, low in ((30, 0.904966), (59, 0.950492), (299, 0.990031)):
        assert stats.clopper_pearson(n, n, 0.9)[0] == pytest.approx(low, abs=1e-6)
    assert [stats.passes_needed(rate) for rate in (0.9, 0.95, 0.99, 0.999)] == [29, 59, 299, 2995]
    with pytest.raises(ValueError, match="between 0 and 1"):
        stats.passes_needed(1)


def test_pass_hat_k_golden():
    """pass^k is C(c,k)/C(n,k), not the biased (c/n)^k."""
    expected = [0.7, 0.466667, 0.291667, 0.166667, 0.083333, 0.033333, 0.008333, 0, 0, 0]
    assert [stats.pass_hat_k(7, 10, k) for k in range(1, 11)] == pytest.approx(expected, abs=1e-6)
    assert [stats.pass_hat_k(6, 8, k) for k in (2, 3, 4)] == pytest.approx([0.535714, 0.357143, 0.214286], abs=1e-6)
    assert [stats.pass_hat_k(9, 10, k) for k in (1, 2, 3, 4)] == pytest.approx([0.9, 0.8, 0.7, 0.6])
    suite = [stats.pass_hat_k(passes, 10, 3) for passes in (10, 7, 3, 0)]
    assert sum(suite) / 4 == pytest.approx(0.325)
    ragged = [stats.pass_hat_k(passes, n, 2) for n, passes in ((10, 7), (8, 8), (5, 2))]
    assert sum(ragged) / 3 == pytest.approx(0.522222, abs=1e-6)


def test_pass_at_k_golden():
    """pass@k is the chance that at least one of k passes."""
    assert stats.pass_at_k(7, 10, 3) == pytest.approx(0.991667, abs=1e-6)
    assert stats.pass_at_k(2, 4, 2) == pytest.approx(0.833333, abs=1e-6)
    assert stats.pass_at_k(8, 10, 3) == 1
    assert sum(stats.pass_at_k(passes, 10, 3) for passes in (10, 7, 3, 0)) / 4 == pytest.approx(0.675, abs=1e-6)


@pytest.mark.parametrize("function", [stats.pass_hat_k, stats.pass_at_k])
def test_k_beyond_n_is_none(function):
    """With k > n there is no estimate; impossible counts and k = 0 raise."""
    assert function(2, 2, 3) is None
    assert function(0, 0, 1) is None
    with pytest.raises(ValueError, match="is not a count"):
        function(3, 2, 1)
    with pytest.raises(ValueError, match="at least 1"):
        function(1, 2, 0)


@given(counts.filter(lambda pair: pair[1] >= 3))
def test_pass_hat_k_is_bounded(pair):
    """pass^k never exceeds the success rate and never rises with k."""
    passes, n = pair
    values = [stats.pass_hat_k(passes, n, k) for k in range(1, min(n, 8) + 1)]
    assert values == sorted(values, reverse=True)
    assert all(0 <= value <= passes / n for value in values)


@pytest.mark.parametrize(("first", "first_n", "second", "second_n", "low", "high"), NEWCOMBE)
def test_newcombe_golden(first, first_n, second, second_n, low, high):
    """Newcombe's interval of two independent rates gives the tabled numbers, where score methods fail too."""
    assert stats.newcombe(first, first_n, second, second_n) == pytest.approx((low, high), abs=1e-6)


def test_newcombe_paired_is_pinned():
    """The paired interval stays what it is for two tables of the literature, with and without the correction of φ."""
    assert stats.newcombe_paired(1, 1, 7, 12) == pytest.approx((-0.506920, -0.025559), abs=1e-6)
    assert stats.newcombe_paired(36, 12, 2, 0) == pytest.approx((0.056930, 0.340428), abs=1e-6)


@pytest.mark.parametrize(
    ("cells", "most"),
    [
        ((0.6, 0.2, 0.05, 0.15), 0.97),
        ((0.3, 0.3, 0.3, 0.1), 0.97),
        ((0.25, 0.25, 0.25, 0.25), 0.97),
        ((0.85, 0.1, 0.02, 0.03), 1.0),  # few pairs disagree: wider than need be at so small an n, 0.979 at n = 40
    ],
)
def test_newcombe_paired_covers(cells, most):
    """Over all tables of 16 pairs, the interval holds the true difference in about 95 % and not much less."""
    n, held = 16, 0.0
    for both in range(n + 1):
        for first in range(n + 1 - both):
            for second in range(n + 1 - both - first):
                table = (both, first, second, n - both - first - second)
                low, high = stats.newcombe_paired(*table)
                if low <= cells[1] - cells[2] <= high:
                    held += scipy_stats.multinomial.pmf(table, n, cells)
    assert 0.94 <= held <= most


pairs = st.tuples(*[st.integers(0, 60)] * 4).filter(any)


@given(pairs)
def test_newcombe_paired_properties(table):
    """The paired interval holds the difference, keeps a width, and changes sign when the arms are swapped."""
    both, first, second, neither = table
    low, high = stats.newcombe_paired(both, first, second, neither)
    difference = (first - second) / sum(table)
    assert -1 <= low <= difference <= high <= 1
    assert low < high
    assert stats.newcombe_paired(both, second, first, neither) == pytest.approx((-high, -low), abs=1e-12)


def test_newcombe_paired_refuses_negative_counts():
    """Negative counts of pairs are a mistake."""
    with pytest.raises(ValueError, match="negative"):
        stats.newcombe_paired(1, -1, 0, 0)
    with pytest.raises(ValueError, match="negative"):
        stats.mcnemar_exact(-1, 0)


@pytest.mark.parametrize(("gained", "lost", "two_sided", "worse", "mid_p"), MCNEMAR)
def test_mcnemar_golden(gained, lost, two_sided, worse, mid_p):
    """McNemar's exact test gives the tabled p-values, and 1 without a discordant pair."""
    test = stats.mcnemar_exact(gained, lost)
    assert (test.two_sided, test.worse, test.mid_p) == pytest.approx((two_sided, worse, mid_p), abs=1e-6)


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_agrees_with_scipy(gained, lost):
    """The two-sided p-value is that of an exact binomial test, and one more loss never looks less worse."""
    test = stats.mcnemar_exact(gained, lost)
    if gained + lost:
        assert test.two_sided == pytest.approx(scipy_stats.binomtest(gained, gained + lost).pvalue)
    assert stats.mcnemar_exact(gained, lost + 1).worse <= test.worse


def test_standard_errors_golden():
    """The naive and the clustered standard error give the tabled numbers."""
    values = [value for cluster in CLUSTERS for value in cluster]
    assert stats.standard_error(values) == pytest.approx(0.182981, abs=1e-6)
    assert stats.clustered_error(CLUSTERS) == pytest.approx(0.220497, abs=1e-6)
    assert stats.clustered_error([[value] for value in values]) == pytest.approx(stats.standard_error(values))


def test_copies_add_nothing():
    """Ten copies of one observation per scenario give nearly the interval of the scenarios alone."""
    copies = [[float(index % 2)] * 10 for index in range(20)]
    low, high = stats.wilson_clustered(copies)
    single_low, single_high = stats.wilson(10, 20)
    assert (low, high) == pytest.approx((single_low, single_high), abs=0.01)
    assert stats.wilson(100, 200)[0] > low + 0.1


@given(st.lists(st.lists(st.integers(0, 1), max_size=6), max_size=6))
def test_wilson_clustered_is_never_narrower(clusters):
    """Clustering only widens the interval, and it always holds the mean."""
    values = [value for cluster in clusters for value in cluster]
    low, high = stats.wilson_clustered(clusters)
    plain_low, plain_high = stats.wilson(sum(values), len(values))
    assert low <= plain_low + 1e-9
    assert high >= plain_high - 1e-9
    assert not values or low <= sum(values) / len(values) <= high


@given(st.integers(1, 200), st.sampled_from([0.9, 0.95, 0.975, 0.995]))
def test_t_quantile_agrees_with_scipy(freedom, p):
    """Student's quantile agrees with scipy's."""
    assert stats.t_quantile(p, freedom) == pytest.approx(scipy_stats.t.ppf(p, freedom), rel=1e-9)


@given(st.floats(0.05, 500), st.floats(0.05, 500), st.floats(0, 1))
def test_incomplete_beta_agrees_with_scipy(a, b, x):
    """The regularised incomplete beta function agrees with scipy's."""
    assert stats.incomplete_beta(a, b, x) == pytest.approx(scipy_stats.beta.cdf(x, a, b), abs=1e-10)


def test_mean_interval():
    """A mean gets Student's interval over clusters, and none where nothing varies."""
    low, high = stats.mean_interval(CLUSTERS)
    half = scipy_stats.t.ppf(0.975, 2) * 0.220497
    assert (low, high) == pytest.approx((0.625 - half, 0.625 + half), abs=1e-5)
    assert stats.mean_interval([[1.0, 1.0], [1.0]]) is None
    single = stats.mean_interval([[0.0, 1.0, 1.0, 0.0]])
    half = scipy_stats.t.ppf(0.975, 3) * math.sqrt(1 / 12)
    assert single == pytest.approx((0.5 - half, 0.5 + half))
