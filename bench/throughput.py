#!/usr/bin/env python3
"""Images a second that `ssgan bench` trains on, by batch size and width of both networks.

    bench/throughput.py --threads 2 --batch-sizes 32,64,128,256,512,1024,2048 --size-mults 1,2,4
"""
import argparse
import pathlib

import contenders
import report
from compare import Setting, numbers


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ssgan", type=pathlib.Path, default=contenders.ROOT / "build/bin/ssgan")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--precision", choices=("fp32", "tf32"), default="fp32")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch-sizes", type=numbers, default=[32, 64, 128, 256, 512, 1024, 2048])
    parser.add_argument("--size-mults", type=numbers, default=[1, 2, 4])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=10, help="a round, of which there are 5 more")
    parser.add_argument("--limit", type=float, default=60,
                        help="seconds that a round may take, by what the smaller batch took")
    parser.add_argument("--markdown", type=pathlib.Path, help="append the table to this file")
    args = parser.parse_args()
    warning = report.busy()
    if warning:
        report.say(warning)
    seen = {}
    for k in range(args.rounds):
        for width in args.size_mults:
            slowest = 0  # seconds an image, of the batch before
            for batch in args.batch_sizes:
                cell = seen.setdefault((batch, width), [])
                if not cell and slowest * batch * (args.steps + 5) > args.limit:
                    cell.append("left out: too slow")
                if any(isinstance(what, str) for what in cell):
                    continue
                setting = Setting(args.device, args.precision, args.threads, batch, width,
                                  args.steps)
                report.say(f"round {k + 1} of {args.rounds}: {setting}")
                try:
                    cell.append(contenders.Ours(args.ssgan, setting).round()["images_per_second"])
                    slowest = 1 / cell[-1]
                except contenders.Absent as reason:
                    cell.append(str(reason))
    shown = lambda cell: cell[-1] if isinstance(cell[-1], str) else report.with_spread(cell, 0)
    rows = [(batch, *(shown(seen[batch, width]) for width in args.size_mults))
            for batch in args.batch_sizes]
    header = ("batch", *(f"images a second, width x{w}" for w in args.size_mults))
    report.publish("\n".join([
        f"{report.machine(args.device)}; {setting.place()}; {args.rounds} rounds of {args.steps} "
        "steps.", "", report.command_line(), "", *([warning, ""] if warning else []),
        report.table(header, rows), ""]),
        args.markdown)


if __name__ == "__main__":
    main()
