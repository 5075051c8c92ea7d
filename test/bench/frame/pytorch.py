"""An inference graph run by PyTorch in eager mode: milliseconds a frame.

usage: python3 pytorch.py FOLDER ROUNDS THREADS

FOLDER holds graph.json (nodes, and constants with their place in constants.bin) and image.bin, as test/bench/frame.ts writes them. Each
node becomes the call that one would write by hand; convolutions that a batch normalisation was folded into are run both as they are
and with it. Prints the fastest run of each in the memory format that suits PyTorch better, and the score, as JSON.
"""
import json
import sys
import time

import numpy
import torch
import torch.nn.functional as F

folder, rounds, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(threads)
torch.set_flush_denormal(True)
graph = json.load(open(f"{folder}/graph.json"))
raw = open(f"{folder}/constants.bin", "rb").read()
TYPES = {"float32": numpy.float32, "int64": numpy.int64}


def constant(spec):
    count = int(numpy.prod(spec["dims"]))
    data = numpy.frombuffer(raw, TYPES[spec["type"]], count, spec["offset"]).reshape(spec["dims"])
    return data.tolist() if spec["type"] == "int64" else torch.from_numpy(data.copy())


def convolution(node, image, weight, bias=None, *, normalised=False):
    a = node["attributes"]
    stride, groups = a.get("strides", [1, 1]), a.get("group", 1)
    top, left, bottom, right = a.get("pads", [0, 0, 0, 0])
    inner = None if normalised else bias
    if node["op"] == "ConvTranspose":
        y = F.conv_transpose2d(image, weight, inner, stride, (top, left), groups=groups)
    else:
        if (top, left) != (bottom, right):
            image, top, left = F.pad(image, (left, right, top, bottom)), 0, 0
        y = F.conv2d(image, weight, inner, stride, (top, left), a.get("dilations", [1, 1]), groups)
    if not normalised:
        return y
    channels = y.shape[1]
    mean, one = torch.zeros(channels), torch.ones(channels)
    return F.batch_norm(y, mean, one, one, bias, False, 0.0, 0.0)


def axes(node, inputs):
    return inputs[1] if len(inputs) > 1 else node["attributes"]["axes"]


def reduced(function):
    return lambda n, *i: function(i[0], axes(n, i), keepdim=n["attributes"].get("keepdims", 1) == 1)


def gemm(node, a, b, c=None):
    a = a.T if node["attributes"].get("transA") else a
    b = b.T if node["attributes"].get("transB") else b
    return a @ b if c is None else torch.addmm(c, a, b)


OPS = {
    "Add": lambda n, a, b: a + b,
    "Sub": lambda n, a, b: a - b,
    "Mul": lambda n, a, b: a * b,
    "Div": lambda n, a, b: a / b,
    "Max": lambda n, a, b: torch.maximum(a, b),
    "Relu": lambda n, a: F.relu(a),
    "LeakyRelu": lambda n, a: F.leaky_relu(a, n["attributes"]["alpha"]),
    "Clip": lambda n, a, low, high: F.hardtanh(a, float(low), float(high)),
    "Sqrt": lambda n, a: torch.sqrt(a),
    "Reciprocal": lambda n, a: torch.reciprocal(a),
    "Identity": lambda n, a: a,
    "Concat": lambda n, *i: torch.cat(i, n["attributes"]["axis"]),
    "Transpose": lambda n, a: a.permute(n["attributes"]["perm"]),
    "Reshape": lambda n, a, shape: a.reshape(shape),
    "InstanceNormalization": lambda n, a, w, b: F.instance_norm(a, weight=w, bias=b, eps=n["attributes"]["epsilon"]),
    "ReduceSum": reduced(torch.sum),
    "ReduceMean": reduced(torch.mean),
    "ReduceMax": reduced(torch.amax),
    "MatMul": lambda n, a, b: a @ b,
    "Gemm": gemm,
}


def prepared(with_norms, memory_format):
    """The graph as a list of calls on numbered values, so that looking names up costs nothing."""
    numbers, values = {}, []

    def number(name):
        if name not in numbers:
            numbers[name] = len(values)
            values.append(None)
        return numbers[name]

    for name, spec in graph["constants"].items():
        value = constant(spec)
        if torch.is_tensor(value) and value.dim() == 4:
            value = value.contiguous(memory_format=memory_format)
        values[number(name)] = value
    calls = []
    for node in graph["nodes"]:
        inputs = [number(name) for name in node["inputs"]]
        if node["op"] in ("Conv", "ConvTranspose"):
            normalised = with_norms and node["normalised"]
            call = lambda *i, n=node, f=normalised: convolution(n, *i, normalised=f)
        else:
            call = lambda *i, n=node, f=OPS[node["op"]]: f(n, *i)
        calls.append((call, inputs, number(node["outputs"][0])))
    return calls, values, numbers


@torch.no_grad()
def fastest(with_norms):
    best, score = float("inf"), None
    for memory_format in (torch.contiguous_format, torch.channels_last):
        calls, values, numbers = prepared(with_norms, memory_format)
        image = torch.from_numpy(numpy.fromfile(f"{folder}/image.bin", numpy.float32)).reshape(graph["image"])
        values[numbers["image"]] = image.contiguous(memory_format=memory_format)
        for _ in range(rounds + 2):
            start = time.perf_counter()
            for call, inputs, output in calls:
                values[output] = call(*[values[i] for i in inputs])
            best = min(best, (time.perf_counter() - start) * 1000)
        score = float(values[numbers["score"]].flatten()[0])
    return best, score


normalised, score = fastest(True)
folded, _ = fastest(False)
print(json.dumps({"version": torch.__version__, "ms": normalised, "foldedMs": folded, "score": score}))
