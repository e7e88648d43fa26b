"""Intervals and tests for rates and means, in closed form, with the standard library alone.

Invariant: without data an interval is the whole range and an estimate is None; nothing is ever coerced to 0 or 1.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist, fmean

import msgspec

Interval = tuple[float, float]

CONFIDENCE = 0.95
_FRACTION_STEPS_MAX = 10_000
_TINY = 1e-300


class McNemar(msgspec.Struct, frozen=True, kw_only=True):
    """P-values of McNemar's exact test: two-sided, one-sided for "worse", and the two-sided mid-p."""

    two_sided: float
    worse: float
    mid_p: float


# -- one rate ------------------------------------------------------------------------------------------


def wilson(successes: float, n: float, confidence: float = CONFIDENCE) -> Interval:
    """Wilson's score interval of a rate (Wilson 1927); (0, 1) for n = 0.

    centre = (p + z²/2n) / (1 + z²/n), half = z·√(p(1-p)/n + z²/4n²) / (1 + z²/n). Counts may be fractions, as
    effective sample sizes are. Raises `ValueError` unless 0 <= successes <= n.
    """
    _check_counts(successes, n)
    if n == 0:
        return 0.0, 1.0
    z = _z(confidence)
    p = successes / n
    scale = 1 + z * z / n
    centre = (p + z * z / (2 * n)) / scale
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / scale
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return min(low, p), max(high, p)


@lru_cache(maxsize=4096)
def clopper_pearson(successes: int, n: int, confidence: float = CONFIDENCE) -> Interval:
    """The exact interval of a rate (Clopper & Pearson 1934), from quantiles of the Beta distribution.

    low = B(α/2; c, n-c+1), high = B(1-α/2; c+1, n-c). Never covers less than `confidence`; (0, 1) for n = 0.
    """
    _check_counts(successes, n)
    tail = (1 - confidence) / 2
    low = 0.0 if successes == 0 else beta_quantile(tail, successes, n - successes + 1)
    high = 1.0 if successes == n else beta_quantile(1 - tail, successes + 1, n - successes)
    return low, high


def beta_interval(successes: int, n: int, prior: float = 1.0, confidence: float = CONFIDENCE) -> Interval:
    """Equal-tailed posterior interval of a rate under Beta(prior, prior): 1 is uniform, 0.5 is Jeffreys'.

    Bowyer et al. (arXiv 2503.01747) recommend it where n is below a few hundred.
    """
    _check_counts(successes, n)
    tail = (1 - confidence) / 2
    first, second = successes + prior, n - successes + prior
    return beta_quantile(tail, first, second), beta_quantile(1 - tail, first, second)


def passes_needed(rate: float, confidence: float = CONFIDENCE) -> int:
    """How many trials in a row must pass to claim at least `rate`, one-sided: ⌈ln(1-confidence) / ln(rate)⌉."""
    if not 0 < rate < 1:
        raise ValueError("the rate must lie between 0 and 1")
    return math.ceil(math.log(1 - confidence) / math.log(rate))


# -- k trials of n -------------------------------------------------------------------------------------


def pass_hat_k(successes: int, n: int, k: int) -> float | None:
    """pass^k = C(c,k)/C(n,k), the chance that k of the n trials all pass (τ-bench, arXiv 2406.12045).

    Unbiased, unlike (c/n)^k. None when k > n; raises `ValueError` unless 0 <= c <= n and k >= 1.
    """
    _check_counts(successes, n)
    _check_k(k)
    return None if k > n else math.comb(successes, k) / math.comb(n, k)


def pass_at_k(successes: int, n: int, k: int) -> float | None:
    """pass@k = 1 - C(n-c,k)/C(n,k), the chance that at least one of k passes (HumanEval, arXiv 2107.03374)."""
    _check_counts(successes, n)
    _check_k(k)
    return None if k > n else 1 - math.comb(n - successes, k) / math.comb(n, k)


# -- two rates -----------------------------------------------------------------------------------------


def newcombe(first: int, first_n: int, second: int, second_n: int, confidence: float = CONFIDENCE) -> Interval:
    """Interval of first rate - second rate of independent samples (Newcombe 1998, Stat. Med. 17:873, method 10).

    d - √((p1-l1)² + (u2-p2)²), d + √((u1-p1)² + (p2-l2)²), with (l, u) Wilson's intervals; (-1, 1) without data.
    """
    if not first_n or not second_n:
        return -1.0, 1.0
    low1, high1 = wilson(first, first_n, confidence)
    low2, high2 = wilson(second, second_n, confidence)
    p1, p2 = first / first_n, second / second_n
    below = math.hypot(p1 - low1, high2 - p2)
    above = math.hypot(high1 - p1, p2 - low2)
    return p1 - p2 - below, p1 - p2 + above


def newcombe_paired(
    both: float, first_only: float, second_only: float, neither: float, confidence: float = CONFIDENCE
) -> Interval:
    """Interval of first rate - second rate over pairs (Newcombe 1998, Stat. Med. 17:2635, method 10).

    As `newcombe`, less 2φ times the product of each two distances; φ is the correlation of the pairs with
    Newcombe's continuity correction. Keeps a width when no pair disagrees. Counts may be fractions; (-1, 1)
    without data.
    """
    n = both + first_only + second_only + neither
    if min(both, first_only, second_only, neither) < 0:
        raise ValueError("counts of pairs cannot be negative")
    if n == 0:
        return -1.0, 1.0
    first, second = both + first_only, both + second_only
    low1, high1 = wilson(first, n, confidence)
    low2, high2 = wilson(second, n, confidence)
    p1, p2 = first / n, second / n
    phi = _phi(both, first_only, second_only, neither)
    below = _joined(p1 - low1, high2 - p2, phi)
    above = _joined(high1 - p1, p2 - low2, phi)
    difference = (first_only - second_only) / n
    return max(-1.0, difference - below), min(1.0, difference + above)


def _phi(both: float, first_only: float, second_only: float, neither: float) -> float:
    margins = (both + first_only) * (second_only + neither) * (both + second_only) * (first_only + neither)
    if margins <= 0:
        return 0.0
    product = both * neither - first_only * second_only
    if product > 0:
        product = max(product - (both + first_only + second_only + neither) / 2, 0.0)
    return product / math.sqrt(margins)


def _joined(one: float, other: float, phi: float) -> float:
    return math.sqrt(max(0.0, one * one - 2 * phi * one * other + other * other))


def mcnemar_exact(gained: int, lost: int) -> McNemar:
    """McNemar's test on discordant pairs, exact: `gained` went from fail to pass, `lost` from pass to fail.

    two-sided = min(1, 2·P(Bin(m, ½) <= min)), worse = P(Bin(m, ½) <= gained), mid-p = 2·P(<= min) - P(= min),
    m = gained + lost; all 1 for m = 0.
    """
    if min(gained, lost) < 0:
        raise ValueError("counts of pairs cannot be negative")
    m, least = gained + lost, min(gained, lost)
    tail = _binomial_tail(least, m)
    return McNemar(
        two_sided=min(1.0, 2 * tail),
        worse=_binomial_tail(gained, m),
        mid_p=min(1.0, 2 * tail - math.comb(m, least) / 2**m),
    )


def _binomial_tail(at_most: int, m: int) -> float:
    return sum(math.comb(m, count) for count in range(at_most + 1)) / (1 << m)


# -- means over clusters -------------------------------------------------------------------------------


def standard_error(values: Sequence[float]) -> float | None:
    """SE = √(Σ(s-s̄)² / (n(n-1))) of a mean of independent values; None for fewer than two (Miller, 2411.00640)."""
    n = len(values)
    if n < 2:
        return None
    mean = fmean(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n * (n - 1)))


def clustered_error(clusters: Sequence[Sequence[float]]) -> float | None:
    """Standard error of the mean of all values when those of one cluster depend on each other (Miller, 2411.00640).

    SE² = SE_CLT² + (1/n²)·Σ_c Σ_{i≠j in c} (s_i-s̄)(s_j-s̄); None for fewer than two values. Never below 0.
    """
    values = [value for cluster in clusters for value in cluster]
    naive = standard_error(values)
    if naive is None:
        return None
    mean = fmean(values)
    cross = 0.0
    for cluster in clusters:
        parts = [value - mean for value in cluster]
        cross += math.fsum(parts) ** 2 - math.fsum(part * part for part in parts)
    return math.sqrt(max(0.0, naive**2 + cross / len(values) ** 2))


def design_effect(clusters: Sequence[Sequence[float]]) -> float:
    """By what factor clustering inflates the variance of the mean (Kish 1965): clustered SE² / naive SE², >= 1.

    1 where it cannot be estimated: one cluster, or no variance at all.
    """
    filled = [cluster for cluster in clusters if cluster]
    naive = standard_error([value for cluster in filled for value in cluster])
    clustered = clustered_error(filled)
    if len(filled) < 2 or not naive or clustered is None:
        return 1.0
    return max(1.0, (clustered / naive) ** 2)


def wilson_clustered(clusters: Sequence[Sequence[float]], confidence: float = CONFIDENCE) -> Interval:
    """Wilson's interval at the effective sample size n / design effect (Franco et al. 2019, JSSAM 7:334).

    For the mean of values in [0, 1]. A hundred copies of one observation per scenario count as the scenarios.
    """
    n = sum(len(cluster) for cluster in clusters)
    if n == 0:
        return 0.0, 1.0
    effective = n / design_effect(clusters)
    mean = math.fsum(value for cluster in clusters for value in cluster) / n
    return wilson(min(mean, 1.0) * effective, effective, confidence)


def mean_interval(clusters: Sequence[Sequence[float]], confidence: float = CONFIDENCE) -> Interval | None:
    """mean ± t·SE with the clustered SE and clusters - 1 degrees of freedom (trials - 1 for one cluster).

    The clustered SE is taken to be no smaller than the naive one. None where there is nothing to estimate a
    variance from.
    """
    filled = [cluster for cluster in clusters if cluster]
    values = [value for cluster in filled for value in cluster]
    error = standard_error(values)
    if not error:
        return None
    if len(filled) > 1:
        error = max(error, clustered_error(filled) or 0.0)
    freedom = (len(filled) if len(filled) > 1 else len(values)) - 1
    half = t_quantile(1 - (1 - confidence) / 2, freedom) * error
    mean = fmean(values)
    return mean - half, mean + half


# -- the distributions beneath -------------------------------------------------------------------------


def t_quantile(p: float, freedom: int) -> float:
    """Student's t quantile for p in (0.5, 1), by way of the Beta distribution."""
    x = beta_quantile(2 * (1 - p), freedom / 2, 0.5)
    return math.sqrt(freedom * (1 - x) / x)


@lru_cache(maxsize=4096)
def beta_quantile(p: float, a: float, b: float) -> float:
    """The x in [0, 1] at which the regularised incomplete beta function is p, by bisection to the last bit."""
    low, high = 0.0, 1.0
    while True:
        middle = (low + high) / 2
        if middle in (low, high):
            return middle
        if incomplete_beta(a, b, middle) < p:
            low = middle
        else:
            high = middle


def incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function I_x(a, b), by Lentz's continued fraction (Numerical Recipes 6.4)."""
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    logarithm = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    front = math.exp(logarithm)
    # The fraction converges quickly only on one side of the mean; the other side is its mirror image.
    if x < (a + 1) / (a + b + 2):
        return front * _beta_fraction(a, b, x) / a
    return 1.0 - front * _beta_fraction(b, a, 1 - x) / b


def _beta_fraction(a: float, b: float, x: float) -> float:
    c, d = 1.0, 1.0 / _away(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, _FRACTION_STEPS_MAX):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        step = 1.0
        for term in (even, odd):
            d = 1.0 / _away(1 + term * d)
            c = _away(1 + term / c)
            step = c * d
            value *= step
        if abs(step - 1) < 1e-16:
            break
    return value


def _away(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def _z(confidence: float) -> float:
    return NormalDist().inv_cdf(1 - (1 - confidence) / 2)


def _check_counts(successes: float, n: float) -> None:
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} of {n} is not a count")


def _check_k(k: int) -> None:
    if k < 1:
        raise ValueError("k must be at least 1")
