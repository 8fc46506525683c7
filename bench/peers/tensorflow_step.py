#!/usr/bin/env python3
"""One training step of the tutorial's SSGAN in TensorFlow 2.15 as a graph of TensorFlow 1, with
oneDNN: both updates in one session.run, NHWC. On the CPU.

    tensorflow_step.py [--threads N] [--check] ...

Adam is tf.train.AdamOptimizer, the tutorial's.
"""
import os

import worker
from worker import ADAM_EPSILON, BETA1, BETA2, LEAK, NORM_EPSILON

args = worker.parse(__doc__.splitlines()[0], devices=("cpu",), precisions=("fp32",))
os.environ.update(TF_ENABLE_ONEDNN_OPTS="1", TF_CPP_MIN_LOG_LEVEL="2", CUDA_VISIBLE_DEVICES="")
try:
    import tensorflow as tf
except ImportError as error:
    worker.skip(error)
tf1 = tf.compat.v1
tf1.disable_eager_execution()


def conv(p, name, x, stride=1, padding="SAME"):
    y = tf.nn.conv2d(x, p[name + ".weight"], stride, padding)
    return tf.nn.bias_add(y, p[name + ".bias"])


def deconv(p, name, x):
    kernel = p[name + ".weight"]  # [kh, kw, out, in]
    shape = [tf.shape(x)[0], 2 * x.shape[1], 2 * x.shape[2], kernel.shape[2]]
    y = tf.nn.conv2d_transpose(x, kernel, shape, 2, "SAME")
    return tf.nn.bias_add(y, p[name + ".bias"])


def dense(p, name, x):
    return tf.nn.bias_add(tf.matmul(x, p[name + ".weight"]), p[name + ".bias"])


def norm(p, name, x):
    return tf1.nn.fused_batch_norm(x, p[name + ".weight"], p[name + ".bias"], epsilon=NORM_EPSILON,
                                   is_training=True)[0]


@tf.custom_gradient  # by the sign of its result: 2.15 cannot fuse it where its input is kept
def leaky(x):
    y = tf.nn.leaky_relu(x, LEAK)
    return y, lambda dy: tf.raw_ops.LeakyReluGrad(gradients=dy, features=y, alpha=LEAK)


def generator(p, z):
    x = dense(p, "generator.dense", z)
    x = tf.reshape(x, [-1, 4, 4, x.shape[1] // 16])
    x = leaky(norm(p, "generator.bn1", x))
    x = leaky(norm(p, "generator.bn2", deconv(p, "generator.deconv2", x)))
    x = leaky(norm(p, "generator.bn3", deconv(p, "generator.deconv3", x)))
    return tf.tanh(deconv(p, "generator.deconv4", x))


def discriminator(p, x):
    """Features [N, 2 d] and logits [N, classes]."""
    x = leaky(conv(p, "discriminator.conv1", x, 2))
    x = leaky(conv(p, "discriminator.conv2", x, 2))
    x = leaky(norm(p, "discriminator.bn3", conv(p, "discriminator.conv3", x, 2)))
    x = leaky(norm(p, "discriminator.bn4", conv(p, "discriminator.conv4", x)))
    x = leaky(norm(p, "discriminator.bn5", conv(p, "discriminator.conv5", x)))
    x = leaky(conv(p, "discriminator.conv7", x, padding="VALID"))
    features = tf.reduce_mean(x, [1, 2])
    return features, dense(p, "discriminator.dense", features)


def gan_logits(logits):
    real = tf.reduce_logsumexp(logits[:, :10], 1)
    return real - logits[:, 10] if logits.shape[1] > 10 else real


def model_loss(p, batch):
    """The losses in the order of worker.LOSSES."""
    real_features, real_logits = discriminator(p, batch["x"])
    fake_features, fake_logits = discriminator(p, generator(p, batch["z"]))
    d_real = tf.reduce_mean(tf.nn.softplus(-gan_logits(real_logits)))
    d_fake = tf.reduce_mean(tf.nn.softplus(gan_logits(fake_logits)))
    entropy = tf.nn.softmax_cross_entropy_with_logits(batch["labels"], real_logits)
    mask = batch["mask"]
    d_class = tf.reduce_sum(mask * entropy) / tf.maximum(1.0, tf.reduce_sum(mask))
    between = tf.reduce_mean(real_features, 0) - tf.reduce_mean(fake_features, 0)
    return d_real, d_fake, d_class, d_class + d_real + d_fake, tf.reduce_mean(tf.abs(between))


class Peer:
    update_tolerance = 1e-3

    def __init__(self, args, weights):
        classes = len(weights["discriminator.dense.bias"])
        shapes = {"x": (32, 32, 3), "labels": (classes,), "mask": (), "z": (100,)}
        self.batch = {k: tf1.placeholder(tf.float32, (None, *s), k) for k, s in shapes.items()}
        self.rate = tf1.placeholder(tf.float32, (), "rate")
        self.p = {k: tf1.Variable(worker.to_channels_inside(w), name=k, use_resource=True)
                  for k, w in weights.items()}
        self.loss = model_loss(self.p, self.batch)
        self.grads, updates = {}, []
        for network, loss in (("discriminator", self.loss[3]), ("generator", self.loss[4])):
            mine = {k: v for k, v in self.p.items() if k.startswith(network)}
            adam = tf1.train.AdamOptimizer(self.rate, BETA1, BETA2, ADAM_EPSILON)
            pairs = adam.compute_gradients(loss, [*mine.values()])
            self.grads.update(zip(mine, (grad for grad, _ in pairs)))
            updates.append((adam, pairs))
        with tf.control_dependencies([*self.loss, *self.grads.values()]):  # old values alone count
            self.train = tf.group(*(adam.apply_gradients(pairs) for adam, pairs in updates))
        self.fetch = [self.loss, self.train] + ([self.grads] if args.check else [])
        self.session = tf1.Session(config=tf1.ConfigProto(
            intra_op_parallelism_threads=args.threads, inter_op_parallelism_threads=1))
        self.session.run(tf1.global_variables_initializer())

    def place(self, batch):
        return batch

    def step(self, batch, rate):
        feed = {self.batch[k]: v for k, v in batch.items()}
        losses, _, *self.last = self.session.run(self.fetch, {**feed, self.rate: rate})
        return losses

    def losses(self, given):
        return dict(zip(worker.LOSSES, given))

    def gradients(self):
        return {k: worker.to_golden(w) for k, w in self.last[0].items()}

    def weights(self):
        return {k: worker.to_golden(w) for k, w in self.session.run(self.p).items()}

    def device_memory_mb(self):
        return None


if __name__ == "__main__":
    worker.main(Peer, args, f"TensorFlow {tf.__version__}")
