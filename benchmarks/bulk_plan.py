"""Time and cost of judging 1 million, 100 million and 10 billion photos, by a small simulation of a cluster.

``python -m benchmarks.bulk_plan`` takes the seconds per photo that ``benchmarks.bulk`` measured, and measures here how
many rows a second the one process that writes the result takes. Machines take parts of a job from its list, one after
the other. They share the store that the photos are read from; some fail, lose the part that they were doing, and come
back later. The simulation runs until the cluster is in a steady state; longer jobs are that state for longer.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any

import numpy as np
import typer

from benchmarks import _results
from explain.batch.judge import FaceVerdict, Row
from explain.bulk.job import JobFolder, Plan
from explain.bulk.records import record
from model.cli import run

JOBS = {"1 million": 10**6, "100 million": 10**8, "10 billion": 10**10}
MACHINES = {"1 million": (1, 10), "100 million": (10, 100, 1_000), "10 billion": (1_000, 10_000)}
PARTS_EACH = 100  # that a core does in the simulation


@dataclass(frozen=True)
class World:
    """What the simulation assumes, and what was measured.

    Attributes:
        seconds: of one core for one photo, measured.
        rows_per_second: that one process writes, measured.
        part: photos of a part.
        cores: of a machine.
        photo_bytes: of a photo.
        store_bytes_per_second: that the store of the photos gives to all machines together.
        spread: standard deviation of the logarithm of a part's time: machines and photos differ.
        hours_between_failures: of one machine.
        hours_away: until a failed machine is replaced.
        price: of a core for an hour.
    """

    seconds: float
    rows_per_second: float
    part: int = 200
    cores: int = 16
    photo_bytes: float = 1e6
    store_bytes_per_second: float = 10e9
    spread: float = 0.3
    hours_between_failures: float = 200.0
    hours_away: float = 0.1
    price: float = 0.04


@dataclass(frozen=True)
class Outcome:
    """A cluster in its steady state.

    Attributes:
        photos_per_second: that it judges.
        lost: share of parts that failures cost.
        limit: what it waits for: ``processors``, ``store`` or ``writer``.
    """

    photos_per_second: float
    lost: float
    limit: str


def simulate(world: World, machines: int) -> Outcome:
    """Let a cluster work for a while. A store or writer that is too slow slows every core down equally."""
    rng = np.random.default_rng(0)
    demand = machines * world.cores / world.seconds
    limits = {
        "processors": demand,
        "store": world.store_bytes_per_second / world.photo_bytes,
        "writer": world.rows_per_second,
    }
    slowest = min(limits, key=lambda name: limits[name])
    service = world.part * world.seconds * demand / limits[slowest]
    end = PARTS_EACH * service
    done = lost = 0
    for _ in range(machines):
        failures = _failures(world, end, rng)
        for _ in range(world.cores):  # they fail together; each does its parts one after the other
            now = 0.0
            for failure in [*failures, np.inf]:
                while now < min(failure, end):
                    now += service * rng.lognormal(-(world.spread**2) / 2, world.spread)
                    done += now <= min(failure, end)
                    lost += failure < now and failure < end
                now = max(now, failure + world.hours_away * 3600) if failure < end else now
    return Outcome(done * world.part / end, lost / max(done + lost, 1), slowest)


def _failures(world: World, end: float, rng: np.random.Generator) -> list[float]:
    """When a machine fails, in seconds."""
    times: list[float] = []
    now = rng.exponential(world.hours_between_failures * 3600)
    while now < end:
        times.append(now)
        now += (world.hours_away + rng.exponential(world.hours_between_failures)) * 3600
    return times


def rows_per_second(parts: int = 20, size: int = 200) -> float:
    """Rows that ``JobFolder.write`` writes to this machine's disk."""
    row = Row(1, "photo.jpg", 1, (FaceVerdict(0.5, "Inconclusive"),), sha256="0" * 64)
    with tempfile.TemporaryDirectory() as name:
        folder = JobFolder(name)
        plan = Plan(parts * size, size, 0, {})
        started = time.process_time()
        for part in range(parts):
            rows = [replace(row, number=part * size + place + 1) for place in range(size)]
            folder.write(plan, part, [record(row, f"s3://bucket/{row.number}.jpg", (640, 480), []) for row in rows])
        return parts * size / (time.process_time() - started)


def table(world: World, jobs: dict[str, int]) -> list[dict[str, Any]]:
    """A row for each job and number of machines."""
    rows = []
    for name, photos in jobs.items():
        for machines in MACHINES[name]:
            small = min(machines, 100)  # the same state with less to compute: store and writer get as small
            share = small / machines
            scaled = replace(
                world,
                store_bytes_per_second=world.store_bytes_per_second * share,
                rows_per_second=world.rows_per_second * share,
            )
            found = simulate(scaled, small)
            rate = found.photos_per_second / share
            core_hours = photos / rate / 3600 * machines * world.cores
            row = {"job": name, "machines": machines, "photos_per_second": round(rate, 1)}
            row |= {"hours": round(photos / rate / 3600, 1), "limit": found.limit, "lost": round(found.lost, 5)}
            row |= {"core_hours": round(core_hours), "cost": round(core_hours * world.price)}
            rows.append({**row, "parts": -(-photos // world.part)})
    return rows


def main(
    price: Annotated[float, typer.Option(help="Price of a core for an hour.")] = World.price,
    photo_bytes: Annotated[float, typer.Option(help="Bytes of a photo.")] = World.photo_bytes,
    store: Annotated[float, typer.Option(help="Bytes a second that the store gives.")] = World.store_bytes_per_second,
    quick: Annotated[bool, typer.Option("--quick", help="Only the smallest job.")] = False,
) -> None:
    """Simulate jobs of three sizes."""
    measured = _results.read("bulk").get("cpu_seconds") or {"decode": 0.01, "faces": 0.1, "network": 0.02}
    world = World(
        seconds=round(sum(measured.values()), 4),
        rows_per_second=round(rows_per_second()),
        photo_bytes=photo_bytes,
        store_bytes_per_second=store,
        price=price,
    )
    rows = table(world, dict(list(JOBS.items())[:1]) if quick else JOBS)
    for row in rows:
        print(row, flush=True)
    _results.write("bulk_plan", {"world": asdict(world), "rows": rows}, quick)


if __name__ == "__main__":
    run(main, __doc__)
