#!/usr/bin/env python3
"""Makes a golden case: steps of the tutorial's SSGAN in PyTorch, f64, on random images.

    python3 make_case.py OUT_DIR [--g-size-mult 2] [--d-size-mult 3] [--batch 12] [--steps 2]
                         [--extra-class 1] [--seed 1] [--keep 2]

Written from docs/ssgan.md, independently of the C++ code; needs numpy and torch (no GPU). Writes
weights.safetensors (f32), batch.safetensors, expected.safetensors (f64; activations of the first
--keep images) and case.json, as `ssgan step` and `ssgan compare` read them. Deterministic for one
version of PyTorch: the case beside this script was made by version 2.x with the defaults.
"""
import argparse
import json
import math
import pathlib
import struct

import numpy as np
import torch
import torch.nn.functional as F

DTYPES = {"float32": "F32", "float64": "F64", "int32": "I32", "uint8": "U8"}


def save(path, tensors):
    header, offset = {}, 0
    for name in sorted(tensors):
        array = tensors[name]
        header[name] = {"dtype": DTYPES[str(array.dtype)], "shape": list(array.shape),
                        "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in sorted(tensors):
            file.write(np.ascontiguousarray(tensors[name]).tobytes())


def shapes(g, d, classes):
    """Name -> shape and fans of every weight; the rest of a layer follows from it."""
    conv = lambda i, o: ((o, 3, 3, i), 9 * i, 9 * o)
    deconv = lambda i, o: ((i, 5, 5, o), 25 * i, 25 * o)
    return {
        "generator.dense": ((64 * g, 100), 100, 64 * g), "generator.bn1": 4 * g,
        "generator.deconv2": deconv(4 * g, 2 * g), "generator.bn2": 2 * g,
        "generator.deconv3": deconv(2 * g, g), "generator.bn3": g,
        "generator.deconv4": deconv(g, 3),
        "discriminator.conv1": conv(3, d), "discriminator.conv2": conv(d, d),
        "discriminator.bn2": d, "discriminator.conv3": conv(d, d), "discriminator.bn3": d,
        "discriminator.conv4": conv(d, 2 * d), "discriminator.bn4": 2 * d,
        "discriminator.conv5": conv(2 * d, 2 * d), "discriminator.bn5": 2 * d,
        "discriminator.conv6": conv(2 * d, 2 * d), "discriminator.bn6": 2 * d,
        "discriminator.conv7": conv(2 * d, 2 * d),
        "discriminator.dense": ((classes, 2 * d), 2 * d, classes),
    }


def make_weights(rng, g, d, classes):
    weights = {}
    for name, what in shapes(g, d, classes).items():
        if isinstance(what, int):  # not the usual 1 and 0, so that mistakes show
            weights[name + ".weight"] = rng.uniform(0.5, 1.5, what)
            weights[name + ".bias"] = rng.uniform(-0.3, 0.3, what)
            continue
        shape, fan_in, fan_out = what
        limit = math.sqrt(6 / (fan_in + fan_out))
        weights[name + ".weight"] = rng.uniform(-limit, limit, shape)
        units = shape[-1] if "deconv" in name else shape[0]
        weights[name + ".bias"] = rng.uniform(-0.1, 0.1, units)
    return {k: v.astype(np.float32) for k, v in weights.items()}


class Net:
    """The two networks on a dictionary of parameters; activations are kept in `seen`, NHWC."""

    def __init__(self, p, g, extra):
        self.p, self.g, self.extra, self.seen = p, g, extra, {}

    def see(self, name, x):  # x is NCHW or [N, C]
        self.seen[name] = x.permute(0, 2, 3, 1) if x.dim() == 4 else x
        return x

    def norm(self, name, x):
        mean = x.mean((0, 2, 3), keepdim=True)
        variance = ((x - mean) ** 2).mean((0, 2, 3), keepdim=True)
        scale = self.p[name + ".weight"].view(1, -1, 1, 1)
        return (x - mean) / torch.sqrt(variance + 1e-3) * scale + self.p[name + ".bias"].view(1, -1, 1, 1)

    def conv(self, name, x, stride, same=True):
        if same:
            total = max((math.ceil(x.shape[2] / stride) - 1) * stride + 3 - x.shape[2], 0)
            before, after = total // 2, total - total // 2
            x = F.pad(x, (before, after, before, after))
        return F.conv2d(x, self.p[name + ".weight"].permute(0, 3, 1, 2), self.p[name + ".bias"], stride)

    def deconv(self, name, x):
        full = F.conv_transpose2d(x, self.p[name + ".weight"].permute(0, 3, 1, 2), None, 2)
        out = full[:, :, 1:1 + 2 * x.shape[2], 1:1 + 2 * x.shape[3]]  # SAME: crop 1 and 2
        return out + self.p[name + ".bias"].view(1, -1, 1, 1)

    def generator(self, z):
        leaky = lambda x: torch.maximum(0.2 * x, x)
        x = self.see("generator.dense", z @ self.p["generator.dense.weight"].T + self.p["generator.dense.bias"])
        x = x.view(-1, 4, 4, 4 * self.g).permute(0, 3, 1, 2)
        x = self.see("generator.relu1", leaky(self.norm("generator.bn1", x)))
        x = self.see("generator.deconv2", self.deconv("generator.deconv2", x))
        x = self.see("generator.relu2", leaky(self.norm("generator.bn2", x)))
        x = self.see("generator.deconv3", self.deconv("generator.deconv3", x))
        x = self.see("generator.relu3", leaky(self.norm("generator.bn3", x)))
        return torch.tanh(self.see("generator.logits", self.deconv("generator.deconv4", x)))

    def discriminator(self, x, which):
        leaky = lambda v: torch.maximum(0.2 * v, v)
        see = lambda name, v: self.see(f"{which}.{name}", v)
        conv = lambda k, v, stride, same=True: see(f"conv{k}", self.conv(f"discriminator.conv{k}", v, stride, same))
        norm = lambda k, v: see(f"bn{k}", self.norm(f"discriminator.bn{k}", v))
        relu1 = see("relu1", leaky(conv(1, x, 2)))
        x2 = conv(2, relu1, 2)
        norm(2, x2)
        relu2 = see("relu2", leaky(x2))
        relu3 = see("relu3", leaky(norm(3, conv(3, relu2, 2))))
        relu4 = see("relu4", leaky(norm(4, conv(4, relu3, 1))))
        relu5 = see("relu5", leaky(norm(5, conv(5, relu4, 1))))
        see("relu6", leaky(norm(6, conv(6, relu5, 2))))
        relu7 = see("relu7", leaky(conv(7, relu5, 1, same=False)))
        features = see("features", relu7.mean((2, 3)))
        logits = see("class_logits", features @ self.p["discriminator.dense.weight"].T + self.p["discriminator.dense.bias"])
        fake = logits[:, 10] if self.extra else 0
        see("gan_logits", torch.logsumexp(logits[:, :10], 1) - fake)
        see("probabilities", torch.softmax(logits, 1))
        return features, logits, self.seen[which + ".gan_logits"]


def class_cross_entropy(logits, y):
    """TensorFlow's: the gradient is softmax - labels, also for a row of zeros."""
    labels = torch.zeros_like(logits)
    for i, k in enumerate(y):
        if k < logits.shape[1]:
            labels[i, k] = 1
    value = (labels * (torch.logsumexp(logits, 1, keepdim=True) - logits)).sum(1).detach()
    slope = ((torch.softmax(logits, 1) - labels).detach() * logits).sum(1)
    return value + slope - slope.detach()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=pathlib.Path)
    for flag, default in (("--g-size-mult", 2), ("--d-size-mult", 3), ("--batch", 12),
                          ("--steps", 2), ("--extra-class", 1), ("--seed", 1), ("--keep", 2)):
        parser.add_argument(flag, type=int, default=default)
    a = parser.parse_args()
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(a.seed)
    rng = np.random.default_rng(a.seed)
    classes = 10 + a.extra_class
    weights = make_weights(rng, a.g_size_mult, a.d_size_mult, classes)
    steps, n = a.steps, a.batch
    batch = {
        "x": rng.integers(0, 256, (steps, n, 32, 32, 3), dtype=np.uint8),
        "y": rng.integers(1, 11, (steps, n), dtype=np.int32),
        "label_mask": (rng.random((steps, n)) < 0.4).astype(np.int32),
        "z": rng.standard_normal((steps, n, 100)).astype(np.float32),
        "lr": np.array([3e-4 * 0.9 ** k for k in range(steps)]),
    }
    batch["y"][0, 0], batch["label_mask"][0, 0] = 10, 1  # a labelled zero

    p = {k: torch.tensor(v.astype(np.float64), requires_grad=True) for k, v in weights.items()}
    moments = {k: (torch.zeros_like(v), torch.zeros_like(v)) for k, v in p.items()}
    expected, losses = {}, {}
    zero_gradient = [f"generator.{x}.bias" for x in ("dense", "deconv2", "deconv3")]
    zero_gradient += [f"discriminator.conv{k}.bias" for k in (3, 4, 5)]
    for k in range(steps):
        net = Net(p, a.g_size_mult, a.extra_class)
        x = torch.tensor(batch["x"][k].astype(np.float64) / 127.5 - 1).permute(0, 3, 1, 2)
        fake = net.see("fake", net.generator(torch.tensor(batch["z"][k].astype(np.float64))))
        f_real, l_real, gan_real = net.discriminator(x, "real")
        f_fake, _, gan_fake = net.discriminator(fake, "fake")
        mask = torch.tensor(batch["label_mask"][k].astype(np.float64))
        entropy = net.see("class_cross_entropy", class_cross_entropy(l_real, batch["y"][k]))
        d_class = (mask * entropy).sum() / mask.sum().clamp(min=1)
        d_real, d_fake = F.softplus(-gan_real).mean(), F.softplus(gan_fake).mean()
        d, g = d_class + d_real + d_fake, (f_real.mean(0) - f_fake.mean(0)).abs().mean()
        right = torch.tensor((l_real.argmax(1).numpy() == batch["y"][k]).astype(np.float64))
        for name, value in (("loss.d_real", d_real), ("loss.d_fake", d_fake), ("loss.d_class", d_class),
                            ("loss.d", d), ("loss.g", g), ("correct", right.sum()),
                            ("masked_correct", (mask * right).sum())):
            losses.setdefault(name, []).append(float(value.detach()))
        grads = {}
        for prefix, loss in (("discriminator.", d), ("generator.", g)):
            names = [v for v in p if v.startswith(prefix)]
            for v, grad in zip(names, torch.autograd.grad(loss, [p[v] for v in names], retain_graph=True,
                                                          allow_unused=True)):
                grads[v] = grad if grad is not None else torch.zeros_like(p[v])
        if k == 0:
            expected.update({v: t.detach().numpy()[:a.keep] for v, t in net.seen.items()})
            expected.update({"grad." + v: t.numpy() for v, t in grads.items()})
            to_fake = torch.autograd.grad(g, fake)[0].permute(0, 2, 3, 1)
            expected["grad.fake"] = to_fake.numpy()[:a.keep]
        rate = batch["lr"][k] * math.sqrt(1 - 0.999 ** (k + 1)) / (1 - 0.5 ** (k + 1))
        with torch.no_grad():
            for v, (m, s) in moments.items():
                m.mul_(0.5).add_(0.5 * grads[v])
                s.mul_(0.999).add_((1 - 0.999) * grads[v] ** 2)
                p[v] -= rate * m / (torch.sqrt(s) + 1e-8)
    expected.update({k: np.array(v) for k, v in losses.items()})
    expected.update({"updated." + k: v.detach().numpy() for k, v in p.items()})

    a.out.mkdir(parents=True, exist_ok=True)
    save(a.out / "weights.safetensors", weights)
    save(a.out / "batch.safetensors", batch)
    save(a.out / "expected.safetensors", expected)
    dead = [f"discriminator.{x}.{y}" for x in ("bn2", "bn6", "conv6") for y in ("bias", "weight")]
    (a.out / "case.json").write_text(json.dumps({
        "what": "random images, PyTorch f64", "steps": steps, "real": n, "noise": n,
        "extra_class": a.extra_class, "g_size_mult": a.g_size_mult, "d_size_mult": a.d_size_mult,
        "zero_gradient": zero_gradient, "no_gradient": dead}, indent=1) + "\n")


if __name__ == "__main__":
    main()
