#!/usr/bin/env python3
"""What each part of the preset `best` is worth: its arms, trained with the same seeds on the same
labels; tables of them, pair by pair, and a picture, accuracy against labels.

    bench/accuracy.py --out runs/arms --labels 100,1000 --seeds 1,2,3 -- --data svhn --data-dir DIR
    bench/accuracy.py --out runs/arms --labels 100,1000 --table --svg accuracy.svg

All arms take as many steps, or with --equal work as much computation as the arm "both" has in
--epochs epochs. Words after -- go to every run. A run's folder is OUT/LABELS/ARM-SEED, and its
processor seconds stand beside it in ARM-SEED.cpu. A run that is complete is not repeated; --table
trains none. All scores are those of the last step.
"""
import argparse
import json
import math
import os
import pathlib
import resource
import statistics
import subprocess

from accuracy_picture import picture
from report import table

ROOT = pathlib.Path(__file__).resolve().parent.parent
CLASSES = 10
# Steps an epoch are made equal by --limit-batches: the baseline's batches may be smaller.
ARMS = {
    "supervised": ["--no-unlabeled"],
    "pseudo-labels": [],
    "GAN": ["--gan-weight", ".1", "--noise-batch", "64", "--pseudo-label", "0"],
    "both": ["--gan-weight", ".1", "--noise-batch", "64"],
}
# Of a step of 128 real images, in images that pass through a network, as train --baseline counts.
WORK = {"supervised": 3 * 128, "pseudo-labels": 3 * 128 + 96, "GAN": 3 * 128 + 7 * 64,
        "both": 3 * 128 + 96 + 7 * 64}
PAIRS = [("pseudo-labels", "supervised"), ("GAN", "supervised"), ("both", "supervised"),
         ("both", "pseudo-labels"), ("both", "GAN")]


def processor_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def is_complete(folder):
    path = folder / "summary.json"
    return path.exists() and json.loads(path.read_text()).get("complete", False)


def train(args, labels, arm, seed):
    folder = args.out / str(labels) / f"{arm}-{seed}"
    if is_complete(folder):
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    before = processor_seconds()
    batch = args.supervised_batch if arm == "supervised" else 128
    longer = WORK["both"] / (WORK[arm] * batch / 128) if args.equal == "work" else 1
    command = [args.ssgan, "train", "--preset", args.preset, *ARMS[arm], "--batch-size", batch,
               "--labelled-batch", min(batch, 32), "--epochs", round(args.epochs * longer),
               "--limit-batches", args.limit_batches, "--labels", f"per-class:{labels // CLASSES}",
               "--seed", seed, "--threads", "1", "--out", folder, "--overwrite", "--log-every",
               "1000", *args.words]
    subprocess.run([str(word) for word in command], check=True,
                   env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=subprocess.DEVNULL)
    folder.with_suffix(".cpu").write_text(f"{processor_seconds() - before:.1f}\n")


def result_of(args, folder):
    """Steps, accuracy, processor seconds and the set of test images taken for another class."""
    kept = folder / "mistakes.json"  # evaluating anew takes seconds
    if not kept.exists():
        found = subprocess.run([args.ssgan, "eval", "--checkpoint", folder, "--threads", "1",
                                "--json"], check=True, capture_output=True, text=True).stdout
        kept.write_text(found)
    found = json.loads(kept.read_text())
    cpu = folder.with_suffix(".cpu")
    return {
        "steps": json.loads((folder / "summary.json").read_text())["steps"],
        "accuracy": found["accuracy"],
        "seconds": [float(cpu.read_text())] if cpu.exists() else [],
        "wrong": {m["image"] for m in found["mistakes"]},
    }


def spread(values, digits=3):
    if not values:
        return ""
    text = f"{statistics.mean(values):.{digits}f}"
    return text + (f" +- {statistics.stdev(values):.{digits}f}" if len(values) > 1 else "")


def mcnemar(won, lost):
    """The two-sided exact p of as uneven a split, if each image were as likely to go either way
    (McNemar 1947)."""
    n = won + lost
    tail = sum(math.comb(n, k) for k in range(min(won, lost) + 1)) / 2**n
    return min(1.0, 2 * tail)


def tables(args, labels, runs):
    """runs: {arm: {seed: result}}"""
    steps = sorted({r["steps"] for of_seed in runs.values() for r in of_seed.values()})
    print(f"\n{labels} labels, {' and '.join(map(str, steps))} steps\n")
    rows = []
    for arm, of_seed in runs.items():
        scores = {s: f"{r['accuracy']:.3f}" for s, r in of_seed.items()}
        rows.append([arm, *(scores.get(s, "") for s in args.seeds),
                     spread([r["accuracy"] for r in of_seed.values()]),
                     spread([s for r in of_seed.values() for s in r["seconds"]], 0)])
    print(table(["arm", *(f"seed {s}" for s in args.seeds), "mean +- sd", "CPU s"], rows))
    rows = []
    for better, worse in PAIRS:
        seeds = [s for s in runs.get(better, {}) if s in runs.get(worse, {})]
        if not seeds:
            continue
        sides = [(runs[better][s], runs[worse][s]) for s in seeds]
        splits = [(len(b["wrong"] - a["wrong"]), len(a["wrong"] - b["wrong"])) for a, b in sides]
        rows.append([f"{better} - {worse}",
                     spread([a["accuracy"] - b["accuracy"] for a, b in sides]),
                     " ".join(f"{won}:{lost}" for won, lost in splits),
                     " ".join(f"{mcnemar(won, lost):.2g}" for won, lost in splits)])
    if rows:
        print()
        print(table(["pair", "difference", "right in one alone, by seed", "McNemar's p"], rows))


def main():
    numbers = lambda text: [int(s) for s in text.split(",")]
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ssgan", type=pathlib.Path, default=ROOT / "build/bin/ssgan")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--preset", default="best")
    parser.add_argument("--arms", type=lambda text: text.split(","), default=list(ARMS))
    parser.add_argument("--labels", type=numbers, default=[1000], help="such as 100,250,1000")
    parser.add_argument("--seeds", type=numbers, default=[1, 2, 3, 4, 5])
    parser.add_argument("--epochs", type=int, default=220)
    parser.add_argument("--equal", choices=["steps", "work"], default="steps")
    parser.add_argument("--supervised-batch", type=int, default=32)
    parser.add_argument("--limit-batches", type=int, default=55, help="steps an epoch, at most")
    parser.add_argument("--table", action="store_true", help="of the runs that are there")
    parser.add_argument("--svg", type=pathlib.Path, help="picture to write")
    parser.add_argument("words", nargs="*")
    args = parser.parse_args()
    found = {}
    for labels in args.labels:
        for seed in args.seeds:
            for arm in args.arms:
                if not args.table:
                    train(args, labels, arm, seed)
                folder = args.out / str(labels) / f"{arm}-{seed}"
                if is_complete(folder):
                    runs = found.setdefault(labels, {arm: {} for arm in args.arms})
                    runs[arm][seed] = result_of(args, folder)
    for labels, runs in found.items():
        tables(args, labels, {arm: of_seed for arm, of_seed in runs.items() if of_seed})
    if args.svg and not found:
        parser.error(f"--svg: {args.out} holds no complete run")
    if args.svg:
        args.svg.write_text(picture({
            arm: {labels: [r["accuracy"] for r in runs[arm].values()]
                  for labels, runs in found.items() if runs[arm]} for arm in args.arms}))


if __name__ == "__main__":
    main()
