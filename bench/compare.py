#!/usr/bin/env python3
"""Times a training step of the tutorial's SSGAN in Gradus and in other frameworks, in turn.

    bench/setup_peers.sh peers && bench/compare.py --peers peers --threads 2

All programs are started and warmed up, then each runs a round of steps, one program at a time and
each round in another order, so that a machine that drifts does so for all. A figure is the median
over rounds of a round's median [with quartiles]; a ratio is taken within each round.

The peers' step is the same (bench/peers/*.py --check): one or two forward passes, five losses, both
gradients, two Adams. They get one ready batch again and again, while ssgan gathers and scales
another each step, draws z and counts correct answers. They also leave out the layers that reach no
loss. Programs for --only, by the start of their names:
"""
import argparse
import dataclasses
import pathlib
import sys

import contenders
import report


@dataclasses.dataclass(frozen=True)
class Setting:
    device: str
    precision: str
    threads: int
    batch_size: int
    size_mult: int
    steps: int

    def __str__(self):
        width = f", width x{self.size_mult}" if self.size_mult != 1 else ""
        return f"{self.place()}, batch {self.batch_size}{width}"

    def place(self):
        if self.device != "cpu":
            return f"{self.device}, {self.precision}"
        return f"{self.threads} thread{'s' if self.threads > 1 else ''}"


def numbers(text):
    return [int(word) for word in text.split(",")]


def parse():
    names = "\n".join(f"  {device}: {' '.join(known)}" for device, known in
                      (("cpu", contenders.CPU), ("cuda", contenders.CUDA)))
    parser = argparse.ArgumentParser(description=__doc__ + names,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ssgan", type=pathlib.Path, default=contenders.ROOT / "build/bin/ssgan")
    parser.add_argument("--peers", type=pathlib.Path,
                        help="folder that setup_peers.sh made; without it, this Python's packages")
    parser.add_argument("--only", default="", help="programs, separated by commas")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--precision", default="fp32", help="fp32, tf32 or both with a comma")
    parser.add_argument("--threads", type=numbers, default=[1, 2], help="such as 1,2")
    parser.add_argument("--batch-sizes", type=numbers, default=[128], help="such as 128,512")
    parser.add_argument("--size-mults", type=numbers, default=[1], help="widths, such as 1,2,4")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=20, help="a round")
    parser.add_argument("--markdown", type=pathlib.Path, help="append the tables to this file")
    args = parser.parse_args()
    if args.device == "cuda":
        args.threads = args.threads[:1]
    return args


def chosen(args):
    known = contenders.CPU if args.device == "cpu" else contenders.CUDA
    if not args.only:
        return known
    wanted = args.only.split(",")
    return [name for name in known if any(name.startswith(w) for w in wanted)]


def measure(names, setting, args):
    """Name -> its rounds, name -> version, name -> why it has none."""
    running, rounds, versions, absent = {}, {}, {}, {}

    def drop(name, reason):
        report.say(f"  {name}: skipped, {reason}")
        absent[name] = reason
        rounds.pop(name, None)
        running.pop(name, None)

    try:
        for name in names:
            report.say(f"  starting {name}")
            try:
                running[name] = contenders.start(name, setting, args.ssgan, args.peers)
                versions[name], rounds[name] = running[name].version, []
            except contenders.Absent as reason:
                drop(name, reason)
        for k in range(args.rounds):
            report.say(f"  round {k + 1} of {args.rounds}")
            order = list(running)
            shift = k % max(1, len(order))
            for name in order[shift:] + order[:shift]:
                try:
                    rounds[name].append(running[name].round())
                except contenders.Absent as reason:
                    drop(name, reason)
    finally:
        for contender in running.values():
            contender.close()
    return rounds, versions, absent


def rows(rounds, device):
    ours = [r["step_ms_median"] for r in rounds.get("ssgan", [])]
    for name, results in rounds.items():
        ms = [r["step_ms_median"] for r in results]
        ratio = report.with_spread([a / b for a, b in zip(ms, ours)], 2) if ours else ""
        memory = f"{max(r['peak_memory_mb'] for r in results):.0f}"
        if device == "cuda" and name.startswith("ssgan"):
            memory = ""  # it tells the host's
        used = [r["processors"] for r in results if "processors" in r]
        yield (name, report.with_spread(ms), "1" if name == "ssgan" else ratio, memory,
               f"{report.quartiles(used)[1]:.1f}" if used else "")


def main():
    args = parse()
    warning = report.busy()
    if warning:
        report.say(warning)
    versions, reasons = {}, {}
    report.publish(f"{report.machine(args.device)}; {args.rounds} rounds of {args.steps} steps."
                   f"\n\n{report.command_line()}\n" + (f"\n{warning}\n" if warning else ""),
                   args.markdown)
    for setting in (Setting(args.device, precision, threads, batch, width, args.steps)
                    for precision in args.precision.split(",") for threads in args.threads
                    for width in args.size_mults for batch in args.batch_sizes):
        report.say(f"{setting}:")
        rounds, found, absent = measure(chosen(args), setting, args)
        versions.update(found)
        reasons.update(absent)
        memory = "device memory MB" if args.device == "cuda" else "peak memory MB"
        table = report.table(("program", "ms a step", "ratio", memory, "processors"),
                             list(rows(rounds, args.device)))
        report.publish(f"{setting}:\n\n{table}\n", args.markdown)
    notes = sorted({version for version in versions.values()})
    notes += [f"{name} skipped: {reason}" for name, reason in reasons.items()]
    report.publish("\n".join(f"- {note}" for note in notes) + "\n", args.markdown)
    sys.exit(any(name.startswith("ssgan") for name in reasons))


if __name__ == "__main__":
    main()
