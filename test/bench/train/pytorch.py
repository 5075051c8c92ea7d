"""PyTorch eager beside the compiled engine: milliseconds of training steps.

usage: python3 pytorch.py CONFIG

CONFIG is JSON as test/bench/train.ts passes it: the widths and blocks of teacher, neck and decoder, the loss, size, batch, threads. The same
networks and losses: frozen teacher to stride 16, projectors (CCL), neck of both views (CCL), mirrored decoder, clipping, Adam. First
prints how many parameters are trained and which memory format is the faster, then the milliseconds of one step for every line it reads.
"""
import json
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

config = json.loads(sys.argv[1])
batch, size, ccl = config["batch"], config["size"], config["loss"] == "ccl"
torch.set_num_threads(config["threads"])
torch.set_flush_denormal(True)
TAU = 0.1


def conv(i, o, kernel, stride=1):
    return nn.Conv2d(i, o, kernel, stride, kernel // 2, bias=False)


def up(i, o):
    return nn.ConvTranspose2d(i, o, 2, 2, bias=False)


class Block(nn.Module):
    """A residual block: basic, or with `inner` channels between a bottleneck; `resize` is same, down or up."""

    def __init__(self, i, o, inner=None, resize="same"):
        super().__init__()
        resized = {"same": lambda a, b: conv(a, b, 3), "down": lambda a, b: conv(a, b, 3, 2), "up": up}[resize]
        if inner is None:
            steps = [resized(i, o), conv(o, o, 3)]
        else:
            steps = [conv(i, inner, 1), resized(inner, inner), conv(inner, o, 1)]
        body = []
        for step in steps:
            body += [nn.ReLU(inplace=True)] * bool(body) + [step, nn.BatchNorm2d(step.out_channels)]
        self.body = nn.Sequential(*body)
        self.skip = nn.Identity()
        if resize != "same" or i != o:
            skip = up(i, o) if resize == "up" else conv(i, o, 1, 2 if resize == "down" else 1)
            self.skip = nn.Sequential(skip, nn.BatchNorm2d(o))

    def forward(self, x):
        return F.relu(self.body(x) + self.skip(x), inplace=True)


def stage(i, o, blocks, inner=None, resize="same"):
    return nn.Sequential(*(Block(o if n else i, o, inner, "same" if n else resize) for n in range(blocks)))


def down(i, o):
    return nn.Sequential(conv(i, o, 3, 2), nn.BatchNorm2d(o), nn.ReLU(inplace=True))


class Teacher(nn.Module):
    def __init__(self, taps, blocks, inner):
        super().__init__()
        self.stem = nn.Sequential(conv(3, 64, 7, 2), nn.BatchNorm2d(64), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1))
        widths = [64, *taps]
        self.stages = nn.ModuleList(
            stage(widths[n], taps[n], blocks[n], inner and inner * 2**n, "down" if n else "same") for n in range(3)
        )

    def forward(self, x):
        x = self.stem(x)
        taps = []
        for part in self.stages:
            x = part(x)
            taps.append(x)
        return taps


class Student(nn.Module):
    def __init__(self, taps, blocks, neck_blocks, inner, neck_inner):
        super().__init__()
        w = taps[0]
        projected = (nn.Sequential(*(self.refine(c // a, c // b) for a, b in [(1, 2), (2, 4), (4, 2), (2, 1)])) for c in taps)
        self.projectors = nn.ModuleList(projected if ccl else ())
        self.first = nn.Sequential(down(w, 2 * w), down(2 * w, 4 * w))
        self.second = down(2 * w, 4 * w)
        self.neck = stage(12 * w, 8 * w, neck_blocks, neck_inner, "down")
        self.stages = nn.ModuleList(
            stage(2 * w * 2**n, w * 2**n, blocks[2 - n], inner and inner * 2**n, "up") for n in (2, 1, 0)
        )

    @staticmethod
    def refine(i, o):
        return nn.Sequential(nn.Conv2d(i, o, 3, padding=1), nn.InstanceNorm2d(o), nn.LeakyReLU(0.01, inplace=True))

    def project(self, taps):
        return [part(x) for part, x in zip(self.projectors, taps)] if ccl else taps

    def fuse(self, taps):
        return self.neck(torch.cat([self.first(taps[0]), self.second(taps[1]), taps[2]], 1))

    def decode(self, x):
        out = []
        for part in self.stages:
            x = part(x)
            out.insert(0, x)
        return out


def local_loss(originals, augmented, same):
    """Window k = 1: positives and, of other classes, the same position are compared."""
    a, b = (F.normalize(x.flatten(2), dim=1).permute(2, 0, 1) for x in (originals, augmented))
    logits = torch.bmm(a, torch.cat([a, b], 1).transpose(1, 2)) / TAU
    own = torch.eye(batch)
    partners = torch.cat([same - own, own], 1)
    counted = partners + torch.cat([1 - same, 1 - same], 1)
    denominator = torch.log((torch.exp(logits - 1 / TAU) * counted).sum(2)) + 1 / TAU
    return (denominator - (logits * partners).sum(2) / partners.sum(1)).mean()


def global_loss(g, augmented, same):
    views = F.normalize(torch.cat([g, augmented]), dim=1)
    logits = views @ views.T / TAU
    others = 1 - torch.eye(2 * batch)
    positives = same.repeat(2, 2) * others
    denominator = torch.log((torch.exp(logits - 1 / TAU) * others).sum(1, True)) + 1 / TAU
    return (((denominator - logits) * positives).sum(1) / positives.sum(1)).mean()


MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
DEVIATION = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)


class Training:
    def __init__(self, memory_format):
        self.memory_format = memory_format
        shape = [config[key] for key in ("taps", "blocks", "inner")]
        self.teacher = Teacher(*shape).eval().to(memory_format=memory_format)
        taps, blocks, inner = shape
        self.student = Student(taps, blocks, config["neckBlocks"], inner, config["neckInner"])
        self.student.train().to(memory_format=memory_format)
        projectors = {id(p) for p in self.student.projectors.parameters()}
        rest = [p for p in self.student.parameters() if id(p) not in projectors]
        groups = [{"params": rest, "lr": 0.005}]
        if projectors:
            groups.append({"params": list(self.student.projectors.parameters()), "lr": 0.001})
        self.optimizer = torch.optim.Adam(groups, betas=(0.5, 0.999))
        self.images = torch.randint(256, (batch, size, size, 3), dtype=torch.uint8)
        self.augmented = torch.randint(256, (batch, size, size, 3), dtype=torch.uint8)
        labels = torch.arange(batch) % min(4, batch)
        self.same = (labels[:, None] == labels[None]).float()

    def teach(self, pixels):
        x = (pixels.permute(0, 3, 1, 2).float() / 255 - MEAN) / DEVIATION
        with torch.no_grad():
            return self.teacher(x.contiguous(memory_format=self.memory_format))

    def loss(self):
        teacher, student = self.teach(self.images), self.student
        projected = student.project(teacher)
        if ccl:
            other = student.project(self.teach(self.augmented))
        z = student.fuse(projected)
        if ccl:
            local = sum(local_loss(a, b, self.same) for a, b in zip(projected, other)) / 3
            contrast = local + global_loss(z.mean((2, 3)), student.fuse(other).mean((2, 3)), self.same)
        pairs = zip(teacher, student.decode(z))
        kd = sum((1 - F.cosine_similarity(a.flatten(1), b.flatten(1))).mean() for a, b in pairs)
        return kd + contrast if ccl else kd

    def step(self):
        start = time.perf_counter()
        loss = self.loss()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.student.parameters(), 5)
        self.optimizer.step()
        return (time.perf_counter() - start) * 1000


def fastest(memory_format):
    training = Training(memory_format)
    return min(training.step() for _ in range(2))


FORMATS = {"contiguous": torch.contiguous_format, "channels last": torch.channels_last}
name = min(FORMATS, key=lambda key: fastest(FORMATS[key]))
training = Training(FORMATS[name])
training.step()
parameters = sum(p.numel() for p in training.student.parameters())
print(json.dumps({"version": torch.__version__, "format": name, "parameters": parameters}), flush=True)
for _ in sys.stdin:
    print(training.step(), flush=True)
