#!/usr/bin/env python3
"""What each part of the preset `best` is worth: its arms, trained with the same seeds on the same
labels for as many steps, and a table of them.

    bench/accuracy.py --out runs/arms --seeds 1,2,3,4,5 -- --data svhn --data-dir DIR

Words after -- go to every run. A run whose folder is complete is not repeated; --table trains none.
A run's processor seconds stand in OUT/ARM-SEED.cpu.
"""
import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Steps an epoch are made equal by --limit-batches: the baseline's batches are smaller.
ARMS = {
    "supervised": ["--no-unlabeled", "--batch-size", "32"],
    "pseudo-labels": [],
    "GAN": ["--gan-weight", ".1", "--pseudo-label", "0"],
    "both": ["--gan-weight", ".1"],
}


def processor_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def summary_of(folder):
    path = folder / "summary.json"
    found = json.loads(path.read_text()) if path.exists() else {}
    return found if found.get("complete") else None


def train(args, arm, seed):
    folder = args.out / f"{arm}-{seed}"
    if summary_of(folder):
        return
    before = processor_seconds()
    command = [args.ssgan, "train", "--preset", args.preset, *ARMS[arm], "--limit-batches",
               str(args.limit_batches), "--seed", str(seed), "--threads", "1", "--out", folder,
               "--overwrite", "--log-every", "1000", *args.words]
    subprocess.run([str(word) for word in command], check=True,
                   env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=subprocess.DEVNULL)
    (args.out / f"{arm}-{seed}.cpu").write_text(f"{processor_seconds() - before:.1f}\n")


def spread(values, digits=3):
    text = f"{statistics.mean(values):.{digits}f}"
    return text + (f" +- {statistics.stdev(values):.{digits}f}" if len(values) > 1 else "")


def table(args):
    scores, seconds, steps = {}, {}, set()
    for arm in ARMS:
        for seed in args.seeds:
            found = summary_of(args.out / f"{arm}-{seed}")
            if not found:
                continue
            scores.setdefault(arm, {})[seed] = found["test_accuracy"]
            steps.add(found["steps"])
            cpu = args.out / f"{arm}-{seed}.cpu"
            if cpu.exists():
                seconds.setdefault(arm, []).append(float(cpu.read_text()))
    print(f"{' and '.join(map(str, sorted(steps)))} steps\n")
    print("| arm | " + " | ".join(f"seed {s}" for s in args.seeds) +
          " | mean +- sd | beyond supervised, paired | CPU s |")
    print("|---" * (len(args.seeds) + 4) + "|")
    base = scores.get("supervised", {})
    for arm, of_seed in scores.items():
        paired = [of_seed[s] - base[s] for s in of_seed if s in base and arm != "supervised"]
        cells = [f"{of_seed[s]:.3f}" if s in of_seed else "" for s in args.seeds]
        print(f"| {arm} | " + " | ".join(cells) + f" | {spread(list(of_seed.values()))} | " +
              (spread(paired) if paired else "") + " | " +
              (spread(seconds[arm], 0) if arm in seconds else "") + " |")
    both, pseudo = scores.get("both", {}), scores.get("pseudo-labels", {})
    paired = [both[s] - pseudo[s] for s in both if s in pseudo]
    if paired:
        print(f"\nThe GAN's part (both - pseudo-labels, {len(paired)} seeds): {spread(paired)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ssgan", type=pathlib.Path, default=ROOT / "build/bin/ssgan")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--preset", default="best")
    parser.add_argument("--arms", type=lambda text: text.split(","), default=list(ARMS))
    parser.add_argument("--seeds", type=lambda text: [int(s) for s in text.split(",")],
                        default=[1, 2, 3, 4, 5])
    parser.add_argument("--limit-batches", type=int, default=55, help="steps an epoch, at most")
    parser.add_argument("--table", action="store_true", help="of the runs that are there")
    parser.add_argument("words", nargs="*")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    if not args.table:
        for seed in args.seeds:
            for arm in args.arms:
                train(args, arm, seed)
    table(args)


if __name__ == "__main__":
    main()
