"""PyTorch eager beside the compiled engine: milliseconds an image of one reverse distillation step, ResNet-18.

usage: python3 pytorch.py SIZE BATCH STEPS THREADS

The same networks as test/bench/train.ts (frozen teacher to stride 16, neck of the sum of both networks, mirrored decoder), the
same loss, clipping and Adam. Prints the fastest step of the memory format that suits PyTorch better, as JSON.
"""
import json
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

size, batch, steps, threads = map(int, sys.argv[1:5])
torch.set_num_threads(threads)
torch.set_flush_denormal(True)


def conv(i, o, kernel, stride=1):
    return nn.Conv2d(i, o, kernel, stride, kernel // 2, bias=False)


class Block(nn.Module):
    def __init__(self, i, o, stride=1, up=False):
        super().__init__()
        widen = (lambda: nn.ConvTranspose2d(i, o, 2, 2, bias=False)) if up else (lambda: conv(i, o, 3, stride))
        self.body = nn.Sequential(widen(), nn.BatchNorm2d(o), nn.ReLU(), conv(o, o, 3), nn.BatchNorm2d(o))
        skip = widen() if up else conv(i, o, 1, stride)
        self.skip = nn.Sequential(skip, nn.BatchNorm2d(o)) if up or stride != 1 or i != o else nn.Identity()

    def forward(self, x):
        return F.relu(self.body(x) + self.skip(x))


def layer(i, o, stride=1, up=False):
    return nn.Sequential(Block(i, o, stride, up), Block(o, o))


def down(i, o):
    return nn.Sequential(conv(i, o, 3, 2), nn.BatchNorm2d(o), nn.ReLU())


class Teacher(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(conv(3, 64, 7, 2), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
        self.layers = nn.ModuleList([layer(64, 64), layer(64, 128, 2), layer(128, 256, 2)])

    def forward(self, x):
        taps = [self.stem(x)]
        for stage in self.layers:
            taps.append(stage(taps[-1]))
        return taps[1:]


class Student(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(down(64, 128), down(128, 256))
        self.second = down(128, 256)
        self.neck = layer(768, 512, 2)
        self.layers = nn.ModuleList([layer(512, 256, up=True), layer(256, 128, up=True), layer(128, 64, up=True)])

    def forward(self, taps):
        x = self.neck(torch.cat([self.first(taps[0]), self.second(taps[1]), taps[2]], 1))
        out = []
        for stage in self.layers:
            x = stage(x)
            out.insert(0, x)
        return out


def fastest(memory_format):
    teacher = Teacher().eval().to(memory_format=memory_format)
    student = Student().train().to(memory_format=memory_format)
    optimizer = torch.optim.Adam(student.parameters(), 0.005)
    images = torch.rand(batch, 3, size, size).contiguous(memory_format=memory_format)
    best = float("inf")
    for number in range(steps + 1):
        start = time.perf_counter()
        with torch.no_grad():
            taps = teacher(images)
        pairs = zip(taps, student(taps))
        loss = sum((1 - F.cosine_similarity(a.flatten(1), b.flatten(1))).mean() for a, b in pairs)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(student.parameters(), 5)
        optimizer.step()
        if number > 0:
            best = min(best, time.perf_counter() - start)
    return best * 1000 / batch


ms = min(fastest(torch.contiguous_format), fastest(torch.channels_last))
print(json.dumps({"version": torch.__version__, "msPerImage": ms}))
