#!/usr/bin/env python3
"""One training step of the tutorial's SSGAN in PyTorch, NCHW as PyTorch has it.

    torch_step.py [--mode M] [--device cpu|cuda] [--threads N] [--check] ...

as_written     as one would write it: D's step, then G's, which runs both networks again
shared         one forward pass, a backward pass for each network
channels_last  the same with images and weights in the layout of the fast libraries, fused Adam
compile        shared, by torch.compile, fused Adam
cuda_graphs    shared, both updates included, captured as one CUDA graph (--device cuda)
compile_graphs compile, captured likewise (--device cuda)

Adam is torch.optim.Adam: its epsilon is added to the root of the corrected second moment, while
TensorFlow's (and Gradus's) is added before the correction; 1e-8 either way.
"""
import worker
from worker import LEAK, NORM_EPSILON

MODES = ("as_written", "shared", "channels_last", "compile", "cuda_graphs", "compile_graphs")
args = worker.parse(__doc__.splitlines()[0], MODES)
try:
    import torch
    import torch.nn.functional as F
except ImportError as error:
    worker.skip(error)
if args.device == "cuda" and not torch.cuda.is_available():
    worker.skip(f"PyTorch {torch.__version__} finds no CUDA device")
if args.mode.endswith("graphs") and args.device != "cuda":
    worker.skip(f"{args.mode} needs --device cuda")

channels_last = args.channels_last or args.mode == "channels_last"
LAYOUT = torch.channels_last if channels_last else torch.contiguous_format


def norm(p, name, x):
    return F.batch_norm(x, None, None, p[name + ".weight"], p[name + ".bias"], training=True,
                        eps=NORM_EPSILON)


def leaky(x):
    return F.leaky_relu(x, LEAK)


def generator(p, z):
    def deconv(name, x):  # SAME: crops 1 pixel before and 2 after
        y = F.conv_transpose2d(x, p[name + ".weight"], p[name + ".bias"], stride=2, padding=1)
        return y[:, :, :-1, :-1]

    x = F.linear(z, p["generator.dense.weight"], p["generator.dense.bias"])
    x = x.view(len(z), -1, 4, 4).contiguous(memory_format=LAYOUT)
    x = leaky(norm(p, "generator.bn1", x))
    x = leaky(norm(p, "generator.bn2", deconv("generator.deconv2", x)))
    x = leaky(norm(p, "generator.bn3", deconv("generator.deconv3", x)))
    return torch.tanh(deconv("generator.deconv4", x))


def discriminator(p, x):
    """Features [N, 2 d] and logits [N, classes]."""
    def conv(k, x, **how):
        name = f"discriminator.conv{k}"
        return F.conv2d(x, p[name + ".weight"], p[name + ".bias"], **how)

    def halve(k, x):  # SAME, stride 2: pads 1 pixel after
        return conv(k, F.pad(x, (0, 1, 0, 1)), stride=2)

    x = leaky(halve(1, x))
    x = leaky(halve(2, x))
    x = leaky(norm(p, "discriminator.bn3", halve(3, x)))
    x = leaky(norm(p, "discriminator.bn4", conv(4, x, padding=1)))
    x = leaky(norm(p, "discriminator.bn5", conv(5, x, padding=1)))
    features = leaky(conv(7, x)).mean((2, 3))
    name = "discriminator.dense"
    return features, F.linear(features, p[name + ".weight"], p[name + ".bias"])


def gan_logits(logits):
    real = torch.logsumexp(logits[:, :10], 1)
    return real - logits[:, 10] if logits.shape[1] > 10 else real


def class_loss(logits, labels, mask):
    """TensorFlow's cross-entropy: of a row of zeros it is 0, its gradient softmax - 0."""
    total = torch.logsumexp(logits, 1)
    entropy = total - (labels * logits).sum(1) - (1 - labels.sum(1)) * total.detach()
    return (mask * entropy).sum() / mask.sum().clamp(min=1)


def d_losses(real_logits, fake_logits, batch):
    d_real = F.softplus(-gan_logits(real_logits)).mean()
    d_fake = F.softplus(gan_logits(fake_logits)).mean()
    d_class = class_loss(real_logits, batch["labels"], batch["mask"])
    return d_real, d_fake, d_class, d_class + d_real + d_fake


def g_loss(real_features, fake_features):
    return (real_features.mean(0) - fake_features.mean(0)).abs().mean()


def model_loss(p, batch):
    """The losses in the order of worker.LOSSES."""
    real_features, real_logits = discriminator(p, batch["x"])
    fake_features, fake_logits = discriminator(p, generator(p, batch["z"]))
    return *d_losses(real_logits, fake_logits, batch), g_loss(real_features, fake_features)


def gradients_in_one_graph(d, g, batch):
    """Losses and both gradients as a function that torch.compile takes whole and prunes."""
    def two_losses(d, g):
        losses = model_loss({**d, **g}, batch)
        return losses[-2:], losses

    _, pull, losses = torch.func.vjp(two_losses, d, g, has_aux=True)
    one, zero = torch.ones_like(losses[0]), torch.zeros_like(losses[0])
    return losses, pull((one, zero))[0], pull((zero, one))[1]


def to_torch(name, w):
    """From the golden layout: images' channels before their rows; dense units in NCHW's order."""
    w = torch.tensor(w)
    if name.startswith("generator.dense"):
        w = w.view(4, 4, -1, *w.shape[1:]).transpose(0, 2).transpose(1, 2).reshape(w.shape)
    return w.permute(0, 3, 1, 2).contiguous(memory_format=LAYOUT) if w.dim() == 4 else w


def to_golden(name, w):
    if name.startswith("generator.dense"):
        w = w.view(-1, 4, 4, *w.shape[1:]).transpose(1, 2).transpose(0, 2).reshape(w.shape)
    return (w.permute(0, 2, 3, 1) if w.dim() == 4 else w).detach().cpu().numpy()


class Peer:
    update_tolerance = 2e-2  # by its epsilon, see above

    def __init__(self, args, weights):
        self.mode, self.device = args.mode, torch.device(args.device)
        torch.set_num_threads(args.threads)
        torch.backends.cuda.matmul.allow_tf32 = args.precision == "tf32"
        torch.backends.cudnn.allow_tf32 = args.precision == "tf32"
        tuned = self.mode not in ("as_written", "shared")
        torch.backends.cudnn.benchmark = tuned
        self.captured = self.mode.endswith("graphs")
        rate = torch.tensor(0.0, device=self.device) if self.captured else 0.0
        self.p = {k: to_torch(k, w).to(self.device).requires_grad_() for k, w in weights.items()}
        self.d, self.g = ({k: w for k, w in self.p.items() if k.startswith(network)}
                          for network in ("discriminator", "generator"))
        adam = lambda p: torch.optim.Adam(p.values(), rate, (worker.BETA1, worker.BETA2),
                                          worker.ADAM_EPSILON, fused=tuned or None,
                                          capturable=self.captured)
        self.adams = adam(self.d), adam(self.g)
        self.compiled = torch.compile(gradients_in_one_graph) if "compile" in self.mode else None
        self.graph = self.known = None

    def place(self, batch):
        placed = {k: torch.tensor(v).to(self.device) for k, v in batch.items()}
        placed["x"] = placed["x"].permute(0, 3, 1, 2).contiguous(memory_format=LAYOUT)
        return placed

    def step(self, batch, rate):
        for adam in self.adams:
            group = adam.param_groups[0]
            if torch.is_tensor(group["lr"]):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate
        if self.mode == "as_written":
            return self.step_as_written(batch)
        return self.step_captured(batch) if self.captured else self.step_shared(batch)

    def step_as_written(self, batch):
        d_adam, g_adam = self.adams
        d_adam.zero_grad()
        fake = generator(self.p, batch["z"]).detach()
        _, real_logits = discriminator(self.p, batch["x"])
        _, fake_logits = discriminator(self.p, fake)
        losses = d_losses(real_logits, fake_logits, batch)
        losses[-1].backward()
        d_adam.step()
        g_adam.zero_grad()
        real_features, _ = discriminator(self.p, batch["x"])
        fake_features, _ = discriminator(self.p, generator(self.p, batch["z"]))
        g = g_loss(real_features.detach(), fake_features)
        g.backward()
        g_adam.step()
        return *losses, g

    def step_shared(self, batch):
        if self.compiled:
            with torch.no_grad():
                losses, d_grads, g_grads = self.compiled(self.d, self.g, batch)
            gradients = [*d_grads.values()], [*g_grads.values()]
        else:
            losses = model_loss(self.p, batch)
            gradients = (torch.autograd.grad(losses[3], [*self.d.values()], retain_graph=True),
                         torch.autograd.grad(losses[4], [*self.g.values()]))
        for weights, grads in zip((self.d, self.g), gradients):
            for w, grad in zip(weights.values(), grads):
                w.grad = grad
        for adam in self.adams:
            adam.step()
        return losses

    def step_captured(self, batch):
        if self.graph is None:
            self.capture(batch)
        if batch is not self.known:
            for k, t in batch.items():
                self.known[k].copy_(t)
        self.graph.replay()
        return self.given

    def capture(self, batch):
        """Steps to warm up on a stream of their own, undone; then the recording."""
        self.known = batch
        before = {k: w.detach().clone() for k, w in self.p.items()}
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                self.step_shared(batch)
        torch.cuda.current_stream().wait_stream(stream)
        with torch.no_grad():
            for k, w in self.p.items():
                w.copy_(before[k])
            for adam in self.adams:
                for state in adam.state.values():
                    for t in state.values():
                        t.zero_()
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.given = self.step_shared(batch)

    def losses(self, given):
        return dict(zip(worker.LOSSES, torch.stack([x.detach() for x in given]).tolist()))

    def gradients(self):
        known = self.g if self.mode == "as_written" else self.p  # G's step adds to D's gradients
        return {k: to_golden(k, w.grad) for k, w in known.items()}

    def weights(self):
        return {k: to_golden(k, w) for k, w in self.p.items()}

    def device_memory_mb(self):
        return torch.cuda.max_memory_reserved() / 2**20 if self.device.type == "cuda" else None


if __name__ == "__main__":
    worker.main(Peer, args, f"PyTorch {torch.__version__}")
