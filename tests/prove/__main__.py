"""``python -m tests.prove``: the whole programme, one stage, or one case again.

Without arguments every stage runs in full and a table is printed; the exit code is 1 when anything was found, or when
a stage ran fewer cases than it promises.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.prove import chaos, crash, killing, machine, wire, wired
from tests.prove.acts import Run
from tests.prove.bugs import BUGS, caught
from tests.prove.programme import STAGES, quiet
from tests.prove.scenarios import SCENARIOS
from tests.prove.stages import Tally, run_stage

_BEGIN = "<!-- what follows is written by `python -m tests.prove --write` -->"
_END = "<!-- end -->"


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.prove", description=__doc__)
    parser.add_argument("stage", nargs="?", choices=(*STAGES, "all"), default="all")
    parser.add_argument("--seed", type=int, default=1, help="another set of cases; default 1")
    parser.add_argument("--part", type=float, default=1.0, help="so much of each stage, 0.05")
    parser.add_argument(
        "--kills", default="", help="requests after which each life is ended: 40,250"
    )
    parser.add_argument("--asked", action="store_true", help="each life is asked to end instead")
    parser.add_argument("--wire", help="one case of it again, by its name")
    parser.add_argument("--write", action="store_true", help="into docs/reliability.md as well")
    parser.add_argument("--bug", choices=tuple(BUGS), help="one bug again")
    parser.add_argument("--scenario", choices=tuple(SCENARIOS), help="one case of it again")
    parser.add_argument("--deaths", default="", help="points at which it dies: 17 or 17,40")
    parser.add_argument("--sqlite", action="store_true", help="on a database file")
    parser.add_argument("--again", help="one case again: 1.17 is seed 17 of set 1")
    parser.add_argument("--hash", action="store_true", help="of it, the truth log's hash alone")
    args = parser.parse_args()
    quiet()
    if args.again:
        if args.stage == "machine":
            return _machine_again(*(int(n) for n in args.again.split(":")))
        run = (wired if args.stage == "wired" else chaos).run_seed(args.again)
        return _swarm_again(run, hash_only=args.hash)
    if args.kills:
        kills = tuple(int(k) for k in args.kills.split(","))
        trial = killing.Trial(kills=kills, asked=args.asked)
        wrong = killing.tried(trial)
        print("\n".join(wrong) or "it ended where it would have")
        return 1 if wrong else 0
    if args.wire:
        if not wire.known(args.wire):
            parser.error(f"--wire: expected the name of a case, was {args.wire!r}")
        complaints = wire.tried(args.wire)
        print("\n".join(complaints) or "it is as it should be")
        return 1 if complaints else 0
    if args.bug:
        found = caught(BUGS[args.bug])
        print("\n".join(found) or "the bug got away")
        return 0 if found else 1
    if args.scenario:
        return _again(args)
    names = list(STAGES) if args.stage == "all" else [args.stage]
    tallies = [_run(name, args.seed, args.part) for name in names]
    print("\n" + table(tallies, args.seed))
    if args.write:
        write(table(tallies, args.seed))
    short = [t for t in tallies if args.part >= 1 and t.cases < t.stage.least]
    for tally in short:
        print(f"{tally.stage.name}: ran {tally.cases} of the {tally.stage.least} it promises")
    return 1 if short or any(t.findings for t in tallies) else 0


def _run(name: str, seed: int, part: float) -> Tally:
    shown = sys.stderr.isatty()

    def say(line: str) -> None:
        if shown:
            print(f"\r{line}\033[K", end="", file=sys.stderr, flush=True)

    tally = run_stage(STAGES[name], seed, part, say)
    if shown:
        print(file=sys.stderr)
    print(
        f"{name}: {tally.cases} cases in {tally.wall_s:.0f} s, {len(tally.findings)} findings",
        flush=True,
    )
    for finding in tally.findings[:10]:
        print(f"  {finding.command}")
        for complaint in finding.complaints[:5]:
            print(f"    {complaint}")
    return tally


def table(tallies: list[Tally], seed: int) -> str:
    """Return the table of ``docs/reliability.md``."""
    lines = [f"| stage | what | cases (seed {seed}) | findings |", "|---|---|---:|---:|"]
    for tally in tallies:
        facts = ", ".join(f"{number:,} {name}" for name, number in tally.facts.items())
        what = tally.stage.title + (f" ({facts})" if facts else "")
        lines.append(f"| {tally.stage.name} | {what} | {tally.cases:,} | {len(tally.findings)} |")
    return "\n".join(lines)


def write(rows: str) -> None:
    """Put the table into the document it belongs to."""
    page = Path("docs/reliability.md")
    before, _, rest = page.read_text(encoding="utf-8").partition(_BEGIN)
    _, _, after = rest.partition(_END)
    page.write_text(f"{before}{_BEGIN}\n\n{rows}\n\n{_END}{after}", encoding="utf-8")


def _machine_again(number: int, examples: int, steps: int) -> int:
    found = machine.judged(machine.Case(number=number, examples=examples, steps=steps)).complaints
    print("\n".join(found) or "no counterexample")
    return 1 if found else 0


def _swarm_again(run: Run, *, hash_only: bool) -> int:
    if hash_only:
        print(run.log_hash)
        return 0
    kinds = ", ".join(f"{s.kind} {s.id}" for s in run.scene.policy.strategies)
    print(f"strategies: {kinds}")
    print(f"faults: {run.weather.struck}, {run.process.deaths} deaths")
    took = "-" if run.took is None else f"{run.took.total_seconds():.0f} s"
    print(f"at rest after {took}; rightly held back by {', '.join(run.excused) or 'nothing'}")
    for complaint in run.complaints:
        print(complaint)
    return 1 if run.complaints else 0


def _again(args: argparse.Namespace) -> int:
    deaths = tuple(int(n) for n in args.deaths.split(",") if n)
    case = crash.Case(scenario=args.scenario, deaths=deaths, sqlite=args.sqlite)
    outcome = crash.run(case)
    for number in deaths:
        where = outcome.points[number] if number < len(outcome.points) else "never reached"
        print(f"died at {number}: {where}")
    for complaint in outcome.complaints:
        print(complaint)
    print(
        f"{outcome.lives} lives, {len(outcome.points)} points, {len(outcome.complaints)} complaints"
    )
    return 1 if outcome.complaints else 0


if __name__ == "__main__":
    sys.exit(main())
