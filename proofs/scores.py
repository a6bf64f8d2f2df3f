"""Scores: a million simulated customers fitted and scored, and the weeks of CDNOW that the model has not seen."""

import asyncio
import multiprocessing
import resource
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from domain.scores.predict import calibrate, score
from domain.scores.shapes import Histories
from proofs.ground import ROOT, check

CDNOW = ROOT / "tests" / "data" / "cdnow" / "sample.txt"
SPLIT, DAYS = date(1997, 9, 30), 90
# The published fit to CDNOW, and what the simulated customers live by; an order day is worth $40 or so.
R, ALPHA, A, B = 0.243, 4.414, 0.793, 2.426
MOST_SECONDS, MOST_MEGABYTES = 10, 500


async def prove(*, customers: int = 1_000_000) -> None:
    """Score the simulated customers in a child process, as a run does, then compare the prediction for CDNOW."""
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(max_workers=1, mp_context=context) as pool:
        loop = asyncio.get_running_loop()
        seconds, elapsed, megabytes, found = await loop.run_in_executor(pool, score_simulated, customers)
        took = f"{seconds:.1f} s of one core ({elapsed:.1f} s by the clock)"
        print(f"  {customers:,} customers fitted and scored in {took},")
        print(f"  {megabytes:.0f} MB at most; {found}")
        if customers >= 1_000_000:
            check(f"it takes less than {MOST_SECONDS} s of one core", seconds < MOST_SECONDS)
            check(f"it takes less than {MOST_MEGABYTES} MB", megabytes < MOST_MEGABYTES)
        tenths = await loop.run_in_executor(pool, hold_out, CDNOW)
    errors = (tenths["error"], tenths["naive_error"])
    print(f"  CDNOW, {DAYS} days after {SPLIT}: {tenths['predicted']:.1f} predicted, {tenths['actual']:.0f} came")
    for number, tenth in enumerate(tenths["tenths"], 1):
        said = f"{tenth['predicted']:6.1f} predicted, {tenth['actual']:4.0f} came, {tenth['naive']:6.1f} naive"
        print(f"    tenth {number:2}: {said}")
    print(f"  off by {errors[0]:.1%} by tenth; each customer's own rate by {errors[1]:.1%}")
    check("the model is nearer than each customer's own rate", errors[0] < errors[1])


def score_simulated(customers: int) -> tuple[float, float, float, str]:
    """CPU and clock seconds, peak megabytes, and the fitted parameters."""
    histories = simulate(customers)
    started, at_work = time.monotonic(), time.process_time()
    scores = score(histories)
    seconds, elapsed = time.process_time() - at_work, time.monotonic() - started
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rhythm = scores.rhythm
    return (
        seconds,
        elapsed,
        megabytes,
        f"r {rhythm.r:.3f}, alpha {rhythm.alpha:.3f}, a {rhythm.a:.3f}, b {rhythm.b:.3f}",
    )


def simulate(customers: int) -> Histories:
    """Customers who order and leave according to the model, observed for 26 to 104 weeks."""
    draw = np.random.default_rng(2026)
    age = draw.uniform(26, 104, customers)
    rate = draw.gamma(R, 1 / ALPHA, customers)
    leaves = draw.beta(A, B, customers)
    frequency, recency = np.zeros(customers), np.zeros(customers)
    active = np.arange(customers)
    clock = np.zeros(customers)
    while len(active):
        clock[active] += draw.exponential(1, len(active)) / np.maximum(rate[active], 1e-12)
        active = active[clock[active] < age[active]]
        frequency[active] += 1
        recency[active] = clock[active]
        active = active[draw.random(len(active)) >= leaves[active]]
    value = np.where(frequency > 0, draw.gamma(6.25, 6.4, customers).round(2), 0.0)
    gap = np.divide(recency * 7, frequency, out=np.full(customers, np.nan), where=frequency > 0)
    days = ((recency * 7).round(), (age * 7).round())
    return Histories(np.arange(customers), frequency, *days, value, value * (frequency + 1), gap)


def hold_out(path: Path) -> dict[str, Any]:
    """The prediction from the weeks before the split, compared with the days after it."""
    bought: dict[int, set[date]] = defaultdict(set)
    for line in path.read_text().splitlines():
        _, customer, day, _, _ = line.split()
        bought[int(customer)].add(date(int(day[:4]), int(day[4:6]), int(day[6:])))
    columns, came = [], []
    for number in sorted(bought):
        before = sorted(day for day in bought[number] if day <= SPLIT)
        columns.append((len(before) - 1, (before[-1] - before[0]).days, (SPLIT - before[0]).days))
        came.append(sum(SPLIT < day <= SPLIT + timedelta(days=DAYS) for day in bought[number]))
    frequency, recency, age = np.array(columns, dtype=float).T
    nothing = np.zeros_like(age)
    histories = Histories(np.arange(len(age)), frequency, recency, age, nothing, nothing, nothing)
    return calibrate(histories, np.array(came, dtype=float))
