#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares analysis/ with scipy and statsmodels on random inputs. Usage: oracle_test.py TOOL [N]

Exit code 77 (skipped) when scipy or statsmodels is missing. Inputs have ties, tiny sizes and extreme
magnitudes; agreement is required to 1e-9 of the data's magnitude where the definition is the same.
"""
import gc
import itertools
import math
import os
import subprocess
import sys
import time
import warnings

SYSTEM_PYTHON = "/usr/bin/python3"
try:
    import numpy
    import scipy.special
    import scipy.stats
    import statsmodels.stats.multitest
    import statsmodels.stats.proportion
except ImportError as missing:
    # Debian's packages belong to Debian's interpreter, which need not be the first in PATH.
    if os.path.realpath(sys.executable) != os.path.realpath(SYSTEM_PYTHON) and os.path.exists(
        SYSTEM_PYTHON
    ):
        os.execv(SYSTEM_PYTHON, [SYSTEM_PYTHON, *sys.argv])
    print(f"SKIPPED: {missing}; on Debian: apt-get install python3-scipy python3-statsmodels")
    sys.exit(77)

TOLERANCE = 1e-9
gc.freeze()  # statsmodels collects garbage in every call of its Holm correction: 30 ms
warnings.filterwarnings("ignore")  # overflow in parts of the oracle's answers that are not used
rng = numpy.random.default_rng(20261122)


def text(values):
    return " ".join(repr(float(value)) for value in numpy.atleast_1d(values))


def sample(smallest, largest, ties):
    """One random sample; its kind and magnitude are random too."""
    n = int(rng.integers(smallest, largest + 1))
    kind = rng.integers(4)
    if ties:
        values = rng.integers(0, 6, n).astype(float)
    elif kind == 0:
        values = rng.lognormal(10, 1, n)
    elif kind == 1:
        values = rng.standard_cauchy(n)
    elif kind == 2:
        values = 1e9 + rng.random(n)
    else:
        values = rng.normal(size=n)
    return values * 10.0 ** rng.choice([-200, -9, 0, 9, 200])


def pair(smallest, largest, ties=False):
    a = sample(smallest, largest, ties)
    b = sample(smallest, largest, ties)
    scale = 10.0 ** rng.choice([-200, 0, 200])
    if ties:  # the same grid on both sides, or there are no ties between them
        return numpy.round(a / numpy.max(numpy.abs(a), initial=1e-300) * 5) * scale, numpy.round(
            b / numpy.max(numpy.abs(b), initial=1e-300) * 5
        ) * scale
    # overlapping, but without making any value equal on both sides
    return tuple(x / 10.0 ** numpy.round(numpy.log10(numpy.median(numpy.abs(x)))) * scale for x in (a, b))


def permutation_p(a, b):
    """Two-sided exact p by enumeration, ties included."""
    ranks = scipy.stats.rankdata(numpy.concatenate([a, b]))
    chosen = numpy.array(list(itertools.combinations(range(len(ranks)), len(a))))
    sums = ranks[chosen].sum(axis=1)
    observed = ranks[: len(a)].sum()
    tail = min(numpy.mean(sums <= observed + 1e-9), numpy.mean(sums >= observed - 1e-9))
    return min(1.0, 2 * tail)


def case_quantile():
    values, q = sample(1, 60, rng.random() < 0.3), rng.choice([0, 0.1, 0.5, 0.9, 0.99, 1])
    return f"quantile;{q!r};{text(values)}", [numpy.quantile(values, q)], numpy.abs(values).max()


def case_harrell_davis():
    values, q = sample(2, 60, rng.random() < 0.3), rng.uniform(0.01, 0.99)
    expected = scipy.stats.mstats.hdquantiles(values, [q])[0]
    return f"harrell_davis;{q!r};{text(values)}", [expected], numpy.abs(values).max()


def case_mann_whitney_exact():
    a, b = pair(1, 12)
    while len({*a, *b}) < len(a) + len(b):  # scipy's exact p is for untied values only
        a, b = pair(1, 12)
    result = scipy.stats.mannwhitneyu(a, b, method="exact")
    return f"mann_whitney;{text(a)};{text(b)}", [result.statistic, result.pvalue], 1


def case_mann_whitney_ties():
    a, b = pair(1, 5, ties=True)
    u = scipy.stats.mannwhitneyu(a, b, method="asymptotic").statistic
    return f"mann_whitney;{text(a)};{text(b)}", [u, permutation_p(a, b)], 1


def case_mann_whitney_normal():
    a, b = pair(26, 60, ties=rng.random() < 0.5)
    result = scipy.stats.mannwhitneyu(a, b, method="asymptotic")
    expected_p = result.pvalue
    if len(set(a) | set(b)) == 1:
        expected_p = 1.0
    return f"mann_whitney;{text(a)};{text(b)}", [result.statistic, expected_p], 1


def case_brunner_munzel():
    while True:
        a, b = pair(2, 40, ties=rng.random() < 0.3)
        if max(a) >= min(b) and max(b) >= min(a):
            with numpy.errstate(all="ignore"):
                p = scipy.stats.brunnermunzel(a, b).pvalue
            if not math.isnan(p):
                return f"brunner_munzel;{text(a)};{text(b)}", [p], 1


def case_cliffs_delta():
    a, b = pair(1, 30, ties=rng.random() < 0.5)
    differences = numpy.sign(b[:, None] - a[None, :])
    return f"cliffs_delta;{text(a)};{text(b)}", [differences.mean()], 1


def case_hodges_lehmann():
    a, b = pair(1, 30, ties=rng.random() < 0.3)
    differences = b[:, None] - a[None, :]
    return (
        f"hodges_lehmann;{text(a)};{text(b)}",
        [numpy.median(differences)],
        numpy.abs(differences).max(),
    )


def case_shift_interval():
    """The differences at which scipy's exact test changes from rejecting to accepting."""
    a, b = rng.normal(size=int(rng.integers(1, 13))), rng.normal(size=int(rng.integers(1, 13)))
    confidence = float(rng.choice([0.8, 0.9, 0.95, 0.99]))
    differences = numpy.sort((b[:, None] - a[None, :]).ravel())
    # u counts the differences below a shift, so p for a shift between two neighbours is p of that u
    middle = len(differences) // 2
    k = 0
    while k < middle:
        below = differences[0] - 1 if k == 0 else (differences[k - 1] + differences[k]) / 2
        if scipy.stats.mannwhitneyu(b - below, a, method="exact").pvalue > 1 - confidence:
            break
        k += 1
    expected = None if k == 0 else [differences[k - 1], differences[-k]]
    return f"shift_interval;{confidence!r};{text(a)};{text(b)}", expected, 1


def case_known_variance():
    shift, error = rng.normal() * 3, abs(rng.normal()) + 0.01
    freedom, confidence = int(rng.integers(1, 60)), float(rng.choice([0.9, 0.95, 0.99]))
    # scipy's own quantile of t is good to 1e-9 only (seen against mpmath), its inverse beta to 1e-15
    x = scipy.special.betaincinv(freedom / 2, 0.5, 1 - confidence)
    reach = error * math.sqrt(freedom * (1 - x) / x)
    low, high = shift - reach, shift + reach
    p = 2 * scipy.stats.t.sf(abs(shift) / error, freedom)
    return f"known_variance;{text([shift, error, freedom, confidence])}", [low, high, p], 1


def p_values():
    values = rng.random(int(rng.integers(1, 201))) ** rng.choice([1, 8])
    return numpy.round(values, 2) if rng.random() < 0.3 else values


def case_holm():
    p = p_values()
    return f"holm;{text(p)}", statsmodels.stats.multitest.multipletests(p, method="holm")[1], 1


def case_benjamini_hochberg():
    p = p_values()
    expected = statsmodels.stats.multitest.multipletests(p, method="fdr_bh")[1]
    return f"benjamini_hochberg;{text(p)}", expected, 1


def case_proportion():
    trials = int(rng.integers(1, 1000))
    hits, confidence = int(rng.integers(0, trials + 1)), float(rng.choice([0.9, 0.95, 0.99]))
    expected = statsmodels.stats.proportion.proportion_confint(
        hits, trials, alpha=1 - confidence, method="beta"
    )
    expected = [0.0 if hits == 0 else expected[0], 1.0 if hits == trials else expected[1]]
    return f"proportion;{text([hits, trials, confidence])}", expected, 1


def case_quantile_interval():
    values, q = sample(1, 400, False), float(rng.choice([0.1, 0.5, 0.9, 0.99]))
    n, tail = len(values), (1 - 0.95) / 2
    k = numpy.arange(0, n + 1)
    low = int((scipy.stats.binom.cdf(k, n, q) <= tail).sum())
    high = n + 1 - int((scipy.stats.binom.sf(k - 1, n, q) <= tail).sum())
    ordered = numpy.sort(values)
    # 1-based: the high-th value misses with P(B >= high) <= tail
    expected = None if low == 0 or high > n else [ordered[low - 1], ordered[high - 1]]
    return f"quantile_interval;{text([q, 0.95])};{text(values)}", expected, 1


def agree(expected, answer, scale):
    if expected is None or answer == "none":
        return expected is None and answer == "none"
    numbers = [float(word) for word in answer.split()]
    if len(numbers) != len(expected):
        return False
    return all(
        abs(x - y) <= TOLERANCE * max(scale, abs(y)) or x == y for x, y in zip(numbers, expected)
    )


def check(name, make, count, tool):
    started = time.monotonic()
    cases = [make() for _ in range(count)]
    questions = "".join(question + "\n" for question, _, _ in cases)
    done = subprocess.run([tool], input=questions, capture_output=True, text=True, check=True)
    answers = done.stdout.splitlines()
    assert len(answers) == count, f"{name}: {len(answers)} answers to {count} questions"
    wrong = [
        (case, answer) for case, answer in zip(cases, answers) if not agree(case[1], answer, case[2])
    ]
    print(f"{name}: {count} inputs, {len(wrong)} disagreements, {time.monotonic() - started:.0f} s", flush=True)
    for (question, expected, _), answer in wrong[:3]:
        print(f"  {question[:300]}\n  expected {expected}\n  got      {answer}")
    return not wrong


def main():
    tool, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    checks = {name[5:]: make for name, make in globals().items() if name.startswith("case_")}
    results = [check(name, make, count, tool) for name, make in checks.items()]
    sys.exit(0 if all(results) else 1)


main()
