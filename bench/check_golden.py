#!/usr/bin/env python3
"""Runs golden cases through `ssgan step` on a device and compares every tensor.

    bench/check_golden.py --ssgan build/bin/ssgan --device cuda CASE_DIR...

f64: every tensor within 1e-10, relative to the largest expected value. f32: activations and losses
within 3e-5, gradients too, or within 1e-2 at the tutorial's sizes, where each implementation rounds
some activation across a kink of its own; updated weights are left out, since Adam magnifies that.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile


def tolerance(name, dtype, is_full):
    if dtype == "f64":
        return 1e-10
    if name.startswith("updated."):
        return None
    return 1e-2 if is_full and name.startswith("grad.") else 3e-5


def ssgan(program, *words):
    return subprocess.run([program, *map(str, words)], capture_output=True, text=True)


def check(program, device, case_dir, dtype, folder):
    """What there is to say of the case, and whether it holds."""
    case = json.loads((case_dir / "case.json").read_text())
    out = folder / "out.safetensors"
    done = ssgan(program, "step", "--preset", "tutorial", "--device", device, "--dtype", dtype,
                 "--weights", case_dir / "weights.safetensors", "--batch",
                 case_dir / "batch.safetensors", "--out", out, "--g-size-mult", case["g_size_mult"],
                 "--d-size-mult", case["d_size_mult"], "--extra-class", case["extra_class"])
    if done.returncode != 0:
        return f"step: {done.stderr.strip()}", False
    done = ssgan(program, "compare", "--json", out, case_dir)
    if not done.stdout:
        return f"compare: {done.stderr.strip()}", False
    count, over, worst = 0, [], (0, "")
    for t in json.loads(done.stdout)["tensors"]:
        allowed = tolerance(t["name"], dtype, case["g_size_mult"] == 32)
        if t["problem"]:
            over.append(f"{t['name']} {t['problem']}")
        elif not t["skipped"] and allowed is not None:
            count += 1
            error = t["error"] if t["error"] is not None else float("nan")  # JSON has no NaN
            if not error <= allowed:
                over.append(f"{t['name']} off by {error:.1e}, {allowed:g} allowed")
            worst = max(worst, (error, t["name"]))
    return f"{count} tensors, worst {worst[0]:.1e} ({worst[1]})" + "".join(
        f"\n  {line}" for line in over), count > 0 and not over


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ssgan", default=pathlib.Path(__file__).parents[1] / "build/bin/ssgan")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("cases", nargs="+", type=pathlib.Path)
    args = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for case_dir in args.cases:
            for dtype in ("f64", "f32"):
                said, good = check(args.ssgan, args.device, case_dir, dtype, pathlib.Path(folder))
                failed |= not good
                print(f"{case_dir.name} {dtype} on {args.device}:", *([] if good else ["FAILED"]),
                      said, flush=True)
    sys.exit(4 if failed else 0)


if __name__ == "__main__":
    main()
