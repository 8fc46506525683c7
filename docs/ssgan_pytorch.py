"""The networks in PyTorch, with the weights of `ssgan export --format pytorch --out w.safetensors`:

    d, g, classes = load("w.safetensors")
    class_logits, p_real = d(images)   # f32 [N, 3, S, S]: bytes / 127.5 - 1; S is --image-size
    images = g(torch.randn(64, 100))   # in (-1, 1)
"""
import json
import torch
from safetensors import safe_open
from torch import nn

leaky = nn.LeakyReLU(0.2)

class Discriminator(nn.Module):
    def __init__(self, config):
        super().__init__()
        d, self.classes = config["d_size_mult"], config["classes"]
        channels, self.norms = [3, d, d, d, 2 * d, 2 * d], [2, 3, 4, 5]
        if config["relu2"] == "conv2": self.norms.remove(2)
        self.first = 0 if config["image_size"] == 64 else 1
        if self.first == 0: channels = [3, d] + channels[1:]
        for k in range(self.first, 6):
            stride, at = 2 if k <= 3 else 1, k - self.first
            self.add_module(f"conv{k}", nn.Conv2d(*channels[at:at + 2], 3, stride, 2 - stride))
        for k in self.norms:
            self.add_module(f"bn{k}", nn.BatchNorm2d(channels[k - self.first + 1], 1e-3))
        self.conv7 = nn.Conv2d(2 * d, 2 * d, 3)
        self.dense = nn.Linear(2 * d, config["classes"] + config["extra_class"])

    def forward(self, x):
        for k in range(self.first, 6):
            if k <= 3: x = nn.functional.pad(x, (0, 1, 0, 1))  # SAME: 1 behind
            x = self.get_submodule(f"conv{k}")(x)
            x = leaky(self.get_submodule(f"bn{k}")(x) if k in self.norms else x)
        logits = self.dense(leaky(self.conv7(x)).mean((2, 3)))
        real, generated = logits[:, :self.classes], logits[:, self.classes:]
        return logits, torch.sigmoid(torch.logsumexp(real, 1) - generated.sum(1))

class Generator(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.first = 0 if config["image_size"] == 64 else 1
        channels = {k: config["g_size_mult"] * 2 ** (3 - k) for k in range(self.first, 4)} | {4: 3}
        self.dense = nn.Linear(100, 16 * channels[self.first])
        for k in range(self.first, 4): self.add_module(f"bn{k}", nn.BatchNorm2d(channels[k], 1e-3))
        for k in range(self.first + 1, 5):
            layer = nn.ConvTranspose2d(channels[k - 1], channels[k], 5, 2, padding=1)
            self.add_module(f"deconv{k}", layer)

    def forward(self, z):
        x = self.dense(z).view(len(z), -1, 4, 4)
        x = leaky(self.get_submodule(f"bn{self.first}")(x))
        for k in range(self.first + 1, 5):  # SAME: 1 pixel cropped in front, 2 behind
            x = self.get_submodule(f"deconv{k}")(x)[:, :, :-1, :-1]
            x = leaky(self.get_submodule(f"bn{k}")(x)) if k < 4 else torch.tanh(x)
        return x

def load(path):
    with safe_open(path, "pt") as file:
        about, weights = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}
    nets = Discriminator(json.loads(about["config"])), Generator(json.loads(about["config"]))
    for net, name in zip(nets, ("discriminator.", "generator.")):
        own = {k.removeprefix(name): w for k, w in weights.items() if k.startswith(name)}
        missing = net.eval().load_state_dict(own, strict=False).missing_keys
        assert all("num_batches" in k for k in missing), missing
    return *nets, json.loads(about["classes"])
