"""What the peers share: flags, weights and batches, the protocol with compare.py, the check.

A peer is a class:

    Peer(args, weights)      args: the flags below; weights: name -> f32 array in golden layout
    place(batch)             a batch of arrays, put where the framework wants it
    step(placed, rate)       starts one training step, gives its losses
    losses(given)            those as name -> float; waits for the step
    gradients(), weights()   of the last step and after it, name -> array in golden layout
    device_memory_mb()       the most that it had of its device, or None on the CPU
    update_tolerance         of --check, relative to how far the weights move

Golden names and layouts: weight_shapes below. Layers that reach no loss (bn2, conv6, bn6) are left
out. NumPy is imported late, so that its threads, too, are those of use_processors.
"""
import argparse
import json
import os
import pathlib
import resource
import statistics
import sys
import time

LOSSES = ("d_real", "d_fake", "d_class", "d", "g")
LEAK, NORM_EPSILON, BETA1, BETA2, ADAM_EPSILON = 0.2, 1e-3, 0.5, 0.999, 1e-8
GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "random"
WARM_UP = 5


def skip(reason):
    """Says why this peer cannot run here, in the protocol's words, and ends the program."""
    print(json.dumps({"skipped": str(reason)}), flush=True)
    sys.exit(3)


def parse(description, modes=(), devices=("cpu", "cuda"), precisions=("fp32", "tf32")):
    parser = argparse.ArgumentParser(description=description)
    if modes:
        parser.add_argument("--mode", choices=modes, default=modes[0])
        parser.add_argument("--channels-last", action="store_true", help="in any mode")
    parser.add_argument("--device", choices=devices, default="cpu")
    parser.add_argument("--threads", type=int, default=1, help="processors to use")
    parser.add_argument("--batch-size", type=int, default=128, help="images, and noise vectors")
    parser.add_argument("--size-mult", type=int, default=1, help="width, times the tutorial's")
    parser.add_argument("--precision", choices=precisions, default="fp32")
    parser.add_argument("--steps", type=int, default=20, help="steps a round")
    parser.add_argument("--rounds", type=int, default=3, help="rounds to run")
    parser.add_argument("--worker", action="store_true", help="a round for each line `go` on stdin")
    parser.add_argument("--check", nargs="?", const=GOLDEN, type=pathlib.Path, metavar="DIR",
                        help="compare with a small golden case (tests/golden/random)")
    args = parser.parse_args()
    if args.precision == "tf32" and args.device == "cpu":
        parser.error("--precision tf32: only --device cuda has it")
    if args.precision == "tf32" and args.check:
        parser.error("--check compares fp32 alone")
    args.g, args.d = 32 * args.size_mult, 64 * args.size_mult
    return args


def use_processors(count):
    """For frameworks that take as many threads as they see processors; before importing them."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])


def weight_shapes(g, d, classes):
    """Live layers. Dense [out, in], conv [out, kh, kw, in], conv-transpose [in, kh, kw, out]."""
    conv = lambda i, o: (o, 3, 3, i)
    deconv = lambda i, o: (i, 5, 5, o)
    return {
        "generator.dense": (64 * g, 100), "generator.bn1": (4 * g,),
        "generator.deconv2": deconv(4 * g, 2 * g), "generator.bn2": (2 * g,),
        "generator.deconv3": deconv(2 * g, g), "generator.bn3": (g,),
        "generator.deconv4": deconv(g, 3),
        "discriminator.conv1": conv(3, d), "discriminator.conv2": conv(d, d),
        "discriminator.conv3": conv(d, d), "discriminator.bn3": (d,),
        "discriminator.conv4": conv(d, 2 * d), "discriminator.bn4": (2 * d,),
        "discriminator.conv5": conv(2 * d, 2 * d), "discriminator.bn5": (2 * d,),
        "discriminator.conv7": conv(2 * d, 2 * d), "discriminator.dense": (classes, 2 * d),
    }


def to_channels_inside(w):
    """To TensorFlow's and JAX's: [kh, kw, in, out] or [kh, kw, out, in]; dense [in, out]."""
    return w.transpose(1, 2, 3, 0) if w.ndim == 4 else w.T


def to_golden(w):
    import numpy as np
    w = np.asarray(w)
    return w.transpose(3, 0, 1, 2) if w.ndim == 4 else w.T


def random_weights(args, rng):
    weights = {}
    for name, shape in weight_shapes(args.g, args.d, 10).items():
        units = shape[-1] if "deconv" in name else shape[0]
        spread = rng.uniform(-0.05, 0.05, shape)
        weights[name + ".weight"] = (1 + spread if ".bn" in name else spread).astype("f4")
        weights[name + ".bias"] = rng.uniform(-0.05, 0.05, units).astype("f4")
    return weights


def as_batch(x, y, mask, z, classes):
    """Images in bytes to [-1, 1]; labels 1..10 to rows, of zeros where a label is out of range."""
    import numpy as np
    rows = (y[:, None] == np.arange(classes)).astype("f4")
    return {"x": (x / 127.5 - 1).astype("f4"), "labels": rows, "mask": mask.astype("f4"), "z": z}


def random_batch(args, rng):
    n = args.batch_size
    return as_batch(rng.integers(0, 256, (n, 32, 32, 3)), rng.integers(1, 11, n),
                    rng.random(n) < 0.1, rng.standard_normal((n, 100)).astype("f4"), 10)


# --- the check ----------------------------------------------------------------------------------

def load_safetensors(path):
    import numpy as np
    data = pathlib.Path(path).read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    header.pop("__metadata__", None)
    kinds = {"F32": "<f4", "F64": "<f8", "I32": "<i4", "U8": "u1"}
    return {name: np.frombuffer(data[start:][slice(*t["data_offsets"])], kinds[t["dtype"]])
            .reshape(t["shape"]) for name, t in header.items()}


def check(make_peer, args):
    """Losses of two steps and gradients of the first, relative to the largest expected value; then
    how far each weight tensor moved: length of the difference over length of the expected move,
    since Adam magnifies what rounding does to small gradients."""
    import numpy as np
    case = json.loads((args.check / "case.json").read_text())
    given, expected = (load_safetensors(args.check / f"{name}.safetensors")
                       for name in ("batch", "expected"))
    args.g, args.d = case["g_size_mult"], case["d_size_mult"]
    args.batch_size, classes = case["real"], 10 + case["extra_class"]
    weights = load_safetensors(args.check / "weights.safetensors")
    live = weight_shapes(args.g, args.d, classes)
    peer = make_peer(args, {k: v for k, v in weights.items() if k.rpartition(".")[0] in live})
    count, over = 0, 0
    worst = {}

    def compare(what, error, tolerance):
        nonlocal count, over
        count += 1
        kind = what.split(".")[0]
        worst[kind] = max(worst.get(kind, 0), float(error))
        if not error <= tolerance:
            over += 1
            print(f"{what}: off by {error:.1e}, {tolerance:g} allowed")

    def difference(got, want):
        return np.abs(got - want).max() / (np.abs(want).max() or 1)

    # D's step comes first in as_written: at a rate of 0 G's sees the same discriminator.
    one_by_one = getattr(args, "mode", "") == "as_written"
    steps = 1 if one_by_one else case["steps"]
    for k in range(steps):
        batch = peer.place(as_batch(*(given[n][k] for n in ("x", "y", "label_mask", "z")),
                                    classes))
        losses = peer.losses(peer.step(batch, 0.0 if one_by_one else float(given["lr"][k])))
        for name in LOSSES:
            error = difference(losses[name], expected["loss." + name][k])
            compare(f"losses of step {k + 1}.{name}", error, 3e-5 if k == 0 else 3e-4)
        if k == 0:
            for name, got in peer.gradients().items():
                if name not in case["zero_gradient"]:
                    compare("gradients." + name, difference(got, expected["grad." + name]), 3e-5)
    for name, got in peer.weights().items() if not one_by_one else ():
        if name not in case["zero_gradient"]:
            want = expected["updated." + name]
            error = np.linalg.norm(got - want) / np.linalg.norm(want - weights[name])
            compare("updates." + name, error, peer.update_tolerance)
    print(f"{count} compared, {over} over; the worst " +
          ", ".join(f"{kind} {error:.1e}" for kind, error in worst.items()))
    if over:
        sys.exit(4)


# --- timing -------------------------------------------------------------------------------------

class Timer:
    """Times steps as `ssgan bench` does: in blocks of about 20 ms whose losses are read at once."""

    def __init__(self, peer, batch):
        self.peer, self.batch = peer, batch
        warm = [self.block(1) for _ in range(WARM_UP)]
        self.together = max(1, min(16, int(20 / warm[-1])))

    def block(self, count):
        start = time.perf_counter()
        for _ in range(count):
            given = self.peer.step(self.batch, 3e-4)
        self.peer.losses(given)
        return (time.perf_counter() - start) * 1e3 / count

    def round(self, steps):
        start, used = time.perf_counter(), time.process_time()
        ms = [self.block(self.together) for _ in range(-(-steps // self.together))]
        processors = (time.process_time() - used) / (time.perf_counter() - start)
        p25, median, p75 = statistics.quantiles(ms * 2 if len(ms) == 1 else ms, n=4,
                                                method="inclusive")
        memory = self.peer.device_memory_mb()
        if memory is None:
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return {"step_ms_median": median, "step_ms_p25": p25, "step_ms_p75": p75,
                "images_per_second": 1000 * len(self.batch["z"]) / median,
                "peak_memory_mb": memory, "processors": round(processors, 2)}


def main(make_peer, args, version):
    import numpy as np
    if args.check:
        return check(make_peer, args)
    rng = np.random.default_rng(1)
    peer = make_peer(args, random_weights(args, rng))
    timer = Timer(peer, peer.place(random_batch(args, rng)))
    print(json.dumps({"ready": True, "version": version}), flush=True)
    rounds = sys.stdin if args.worker else range(args.rounds)
    for line in rounds:
        if not args.worker or line.strip() == "go":
            print(json.dumps(timer.round(args.steps)), flush=True)
