"""Reverse distillation by PyTorch on a plan that reference.ts wrote; prints held-out losses and image AUROC as JSON.

usage: python3 reference.py FOLDER   (with plan.json, start.safetensors, teacher.safetensors)

Nothing here comes from the trainer but the numbers of the plan: network, losses, optimiser, image resizing, anomaly map and AUROC are
PyTorch's, Pillow's, or written out below after the paper.
"""
import json
import sys

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

folder = sys.argv[1]
plan = json.load(open(f"{folder}/plan.json"))
torch.set_num_threads(plan["threads"])
torch.set_flush_denormal(True)
size = plan["size"]


def read_safetensors(path):
    raw = open(path, "rb").read()
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        data = np.frombuffer(raw[8 + length + begin : 8 + length + end], "<f4").reshape(entry["shape"])
        # Filters come as [kh,kw,I,O] (transposed convolutions as [kh,kw,O,I]): PyTorch has the last two first.
        tensors[name] = torch.tensor(data.transpose(3, 2, 0, 1).copy() if data.ndim == 4 else data.copy())
    return tensors


teacher = read_safetensors(f"{folder}/teacher.safetensors")
state = read_safetensors(f"{folder}/start.safetensors")
for name, tensor in state.items():
    tensor.requires_grad_(not name.endswith(("running_mean", "running_var")))
parameters = [tensor for tensor in state.values() if tensor.requires_grad]


def frozen(x, name, stride=1):
    weight = teacher[f"teacher.{name}.weight"]
    return F.conv2d(x, weight, teacher[f"teacher.{name}.bias"], stride, weight.shape[-1] // 2)


def teach(x):
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    deviation = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    x = F.max_pool2d(F.relu(frozen((x - mean) / deviation, "conv1", 2)), 3, 2, 1)
    taps = []
    for stage in (1, 2, 3):
        for block in (0, 1):
            name = f"layer{stage}.{block}"
            stride = 2 if stage > 1 and block == 0 else 1
            y = frozen(F.relu(frozen(x, f"{name}.conv1", stride)), f"{name}.conv2")
            x = F.relu(y + (frozen(x, f"{name}.downsample.0", stride) if stride == 2 else x))
        taps.append(x)
    return taps


def norm(x, name, training):
    part = lambda suffix: state[f"{name}.{suffix}"]
    return F.batch_norm(x, part("running_mean"), part("running_var"), part("weight"), part("bias"), training, 0.1, 1e-5)


def conv(x, name, stride=1):
    weight = state[f"{name}.weight"]
    return F.conv2d(x, weight, None, stride, weight.shape[-1] // 2)


def up(x, name):
    return F.conv_transpose2d(x, state[f"{name}.weight"], None, 2)


def block(x, name, training):
    widens = f"{name}.us.weight" in state
    shrinks = f"{name}.ds.weight" in state
    first = up(x, f"{name}.conv1") if widens else conv(x, f"{name}.conv1", 2 if shrinks else 1)
    y = norm(conv(F.relu(norm(first, f"{name}.bn1", training)), f"{name}.conv2"), f"{name}.bn2", training)
    if widens:
        x = norm(up(x, f"{name}.us"), f"{name}.usbn", training)
    elif shrinks:
        x = norm(conv(x, f"{name}.ds", 2), f"{name}.dsbn", training)
    return F.relu(x + y)


def student(taps, training):
    down = lambda x, i: F.relu(norm(conv(x, f"neck.conv{i}", 2), f"neck.bn{i}", training))
    x = torch.cat([down(down(taps[0], 1), 2), down(taps[1], 3), taps[2]], 1)
    x = block(block(x, "neck.stage.0", training), "neck.stage.1", training)
    features = []
    for scale in (2, 1, 0):
        x = block(block(x, f"decoder.{scale}.0", training), f"decoder.{scale}.1", training)
        features.insert(0, x)
    return features


def distillation(taps, features):
    """Per image: one cosine a scale over the whole map, or the mean of the cosines of all positions."""
    flat = plan["kd"] == "flat"
    total = 0
    for t, s in zip(taps, features):
        cosine = F.cosine_similarity(t.flatten(1), s.flatten(1)) if flat else F.cosine_similarity(t, s).mean((1, 2))
        total = total + 1 - cosine
    return total


cache = {}


def image(file):
    if file not in cache:
        picture = Image.open(file).convert("RGB").resize((size, size), Image.BILINEAR)
        cache[file] = torch.tensor(np.asarray(picture).copy()).permute(2, 0, 1)
    return cache[file]


def images(files):
    return torch.stack([image(file) for file in files]).float() / 255


def gaussian(maps, sigma=4, radius=16):
    x = torch.arange(-radius, radius + 1, dtype=torch.float64)
    kernel = torch.exp(-0.5 * (x / sigma) ** 2)
    kernel = (kernel / kernel.sum()).float()
    # scipy's "reflect" repeats the border pixel, which torch's does not.
    index = torch.cat([torch.arange(radius - 1, -1, -1), torch.arange(size), torch.arange(size - 1, size - 1 - radius, -1)])
    maps = F.conv2d(maps[:, None, index, :], kernel.view(1, 1, -1, 1))
    return F.conv2d(maps[:, :, :, index], kernel.view(1, 1, 1, -1))[:, 0]


def scores(files):
    result = []
    with torch.no_grad():
        for start in range(0, len(files), 16):
            taps = teach(images(files[start : start + 16]))
            total = 0
            for t, s in zip(taps, student(taps, False)):
                distance = (1 - F.cosine_similarity(t, s))[:, None]
                total = total + F.interpolate(distance, size=(size, size), mode="bilinear", align_corners=True)[:, 0]
            result += gaussian(total).amax((1, 2)).tolist()
    return result


def auroc(values, positive):
    good = [v for v, p in zip(values, positive) if not p]
    defective = [v for v, p in zip(values, positive) if p]
    wins = sum((d > g) + 0.5 * (d == g) for d in defective for g in good)
    return wins / (len(good) * len(defective))


def held_out():
    with torch.no_grad():
        losses = []
        for start in range(0, len(plan["heldOut"]), 16):
            taps = teach(images(plan["heldOut"][start : start + 16]))
            losses += distillation(taps, student(taps, False)).tolist()
    return sum(losses) / len(losses)


optimizer = torch.optim.Adam(parameters, lr=1, betas=tuple(plan["betas"]), eps=plan["epsilon"])
rates = iter(plan["rates"])
best, best_loss, best_epoch, losses = None, float("inf"), -1, []
for epoch, batches in enumerate(plan["epochs"]):
    for batch in batches:
        with torch.no_grad():
            taps = teach(images(batch))
        loss = distillation(taps, student(taps, True)).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, plan["clipNorm"])
        optimizer.param_groups[0]["lr"] = next(rates)
        optimizer.step()
    losses.append(held_out())
    print(f"PyTorch, epoch {epoch + 1}/{len(plan['epochs'])}: held-out {losses[-1]:.4f}", file=sys.stderr, flush=True)
    if losses[-1] < best_loss:
        best_loss, best_epoch = losses[-1], epoch
        best = {name: tensor.detach().clone() for name, tensor in state.items()}
with torch.no_grad():
    for name, tensor in state.items():
        tensor.copy_(best[name])
result = {each["name"]: auroc(scores(each["files"]), each["defective"]) for each in plan["test"]}
print(json.dumps({"bestEpoch": best_epoch, "heldOut": losses, "auroc": result}))
