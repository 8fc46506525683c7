#!/usr/bin/env python3
"""One training step of the tutorial's SSGAN in JAX: one jitted function, NHWC, Adam included.

    jax_step.py [--device cpu|cuda] [--threads N] [--check] ...

Both gradients are taken in one function, of which XLA computes what they share once.
"""
import os

import worker
from worker import ADAM_EPSILON, BETA1, BETA2, LEAK, NORM_EPSILON

args = worker.parse(__doc__.splitlines()[0])
if args.device == "cpu":
    worker.use_processors(args.threads)
os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"  # of a card that it shares with others
try:
    import jax
    import jax.numpy as jnp
    from jax import lax, nn
except ImportError as error:
    worker.skip(error)
jax.config.update("jax_platforms", args.device)
jax.config.update("jax_default_matmul_precision",
                  "highest" if args.precision == "fp32" else "tensorfloat32")
try:
    jax.devices()
except (RuntimeError, AssertionError):  # the latter where the platform has no plug-in
    worker.skip(f"JAX {jax.__version__} finds no {args.device} device")


def dense(p, name, x):
    return x @ p[name + ".weight"] + p[name + ".bias"]


def conv(p, name, x, stride=1, padding="SAME"):
    return lax.conv_general_dilated(x, p[name + ".weight"], (stride, stride), padding,
                                    dimension_numbers=("NHWC", "HWIO", "NHWC")) + p[name + ".bias"]


def deconv(p, name, x):  # a kernel of [kh, kw, out, in], as the convolution that it transposes has
    return lax.conv_transpose(x, p[name + ".weight"], (2, 2), "SAME", transpose_kernel=True,
                              dimension_numbers=("NHWC", "HWIO", "NHWC")) + p[name + ".bias"]


def norm(p, name, x):
    mean = x.mean((0, 1, 2))
    variance = ((x - mean) ** 2).mean((0, 1, 2))
    scale = lax.rsqrt(variance + NORM_EPSILON) * p[name + ".weight"]
    return (x - mean) * scale + p[name + ".bias"]


def leaky(x):
    return nn.leaky_relu(x, LEAK)


def generator(p, z):
    x = dense(p, "generator.dense", z).reshape(len(z), 4, 4, -1)
    x = leaky(norm(p, "generator.bn1", x))
    x = leaky(norm(p, "generator.bn2", deconv(p, "generator.deconv2", x)))
    x = leaky(norm(p, "generator.bn3", deconv(p, "generator.deconv3", x)))
    return jnp.tanh(deconv(p, "generator.deconv4", x))


def discriminator(p, x):
    """Features [N, 2 d] and logits [N, classes]."""
    x = leaky(conv(p, "discriminator.conv1", x, 2))
    x = leaky(conv(p, "discriminator.conv2", x, 2))
    x = leaky(norm(p, "discriminator.bn3", conv(p, "discriminator.conv3", x, 2)))
    x = leaky(norm(p, "discriminator.bn4", conv(p, "discriminator.conv4", x)))
    x = leaky(norm(p, "discriminator.bn5", conv(p, "discriminator.conv5", x)))
    features = leaky(conv(p, "discriminator.conv7", x, padding="VALID")).mean((1, 2))
    return features, dense(p, "discriminator.dense", features)


def gan_logits(logits):
    real = nn.logsumexp(logits[:, :10], 1)
    return real - logits[:, 10] if logits.shape[1] > 10 else real


def class_loss(logits, labels, mask):
    """TensorFlow's cross-entropy: of a row of zeros it is 0, its gradient softmax - 0."""
    total = nn.logsumexp(logits, 1)
    entropy = total - (labels * logits).sum(1) - (1 - labels.sum(1)) * lax.stop_gradient(total)
    return (mask * entropy).sum() / jnp.maximum(mask.sum(), 1)


def model_loss(d, g, batch):
    """The losses in the order of worker.LOSSES."""
    real_features, real_logits = discriminator(d, batch["x"])
    fake_features, fake_logits = discriminator(d, generator(g, batch["z"]))
    d_real = nn.softplus(-gan_logits(real_logits)).mean()
    d_fake = nn.softplus(gan_logits(fake_logits)).mean()
    d_class = class_loss(real_logits, batch["labels"], batch["mask"])
    g_loss = jnp.abs(real_features.mean(0) - fake_features.mean(0)).mean()
    return d_real, d_fake, d_class, d_class + d_real + d_fake, g_loss


def adam(p, grads, m, v, t, rate):
    """TensorFlow's: epsilon is added to the root of the uncorrected second moment."""
    rate = rate * jnp.sqrt(1 - BETA2**t) / (1 - BETA1**t)
    m = {k: BETA1 * m[k] + (1 - BETA1) * grads[k] for k in p}
    v = {k: BETA2 * v[k] + (1 - BETA2) * grads[k] ** 2 for k in p}
    return {k: p[k] - rate * m[k] / (jnp.sqrt(v[k]) + ADAM_EPSILON) for k in p}, m, v


def train_step(state, batch, rate):
    d, g = ({k: w for k, w in state["p"].items() if k.startswith(network)}
            for network in ("discriminator", "generator"))

    def d_loss(d):
        losses = model_loss(d, g, batch)
        return losses[3], losses

    d_grads, losses = jax.grad(d_loss, has_aux=True)(d)
    g_grads = jax.grad(lambda g: model_loss(d, g, batch)[4])(g)
    grads = {**d_grads, **g_grads}
    t = state["t"] + 1
    p, m, v = adam(state["p"], grads, state["m"], state["v"], t, rate)
    return {"p": p, "m": m, "v": v, "t": t}, jnp.stack(losses), grads


class Peer:
    update_tolerance = 1e-3

    def __init__(self, args, weights):
        p = {k: jnp.array(worker.to_channels_inside(w)) for k, w in weights.items()}
        zeros = lambda: {k: jnp.zeros_like(w) for k, w in p.items()}
        self.state = {"p": p, "m": zeros(), "v": zeros(), "t": jnp.zeros((), jnp.float32)}
        self.device = jax.devices()[0]
        self.grads = {}
        timed = lambda *given: train_step(*given)[:2]
        self.run = jax.jit(train_step if args.check else timed, donate_argnums=0)

    def place(self, batch):
        return jax.device_put(batch)

    def step(self, batch, rate):
        self.state, losses, *grads = self.run(self.state, batch, rate)
        if grads:
            self.grads = grads[0]
        return losses

    def losses(self, given):
        return dict(zip(worker.LOSSES, given.tolist()))

    def gradients(self):
        return {k: worker.to_golden(w) for k, w in self.grads.items()}

    def weights(self):
        return {k: worker.to_golden(w) for k, w in self.state["p"].items()}

    def device_memory_mb(self):
        stats = self.device.memory_stats() if args.device == "cuda" else None
        return stats["peak_bytes_in_use"] / 2**20 if stats else None


if __name__ == "__main__":
    worker.main(Peer, args, f"JAX {jax.__version__}")
