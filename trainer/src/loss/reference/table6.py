"""Reference numbers for the forms of the global loss that table 6 of the CCL paper compares: `python3 table6.py > table6.json`.

Written over single anchors, pairs and triplets, so that it shares no formula with the code under test. Needs PyTorch (made with
1.13). Inputs are exact in float32; values are computed in float64.
"""
import json
import torch
import torch.nn.functional as F

torch.manual_seed(6)
LABELS = [0, 0, 1, 1, 1, 2]
B, D = len(LABELS), 8


def sample():
    return (torch.randn(B, D, dtype=torch.float64) * 1024).round() / 1024


G, G_AUG = sample(), sample()
ONE_CLASS = [3] * B


def infonce(g, a, labels, tau):
    views = [F.normalize(v, dim=0) for v in [*g, *a]]
    terms = []
    for i, anchor in enumerate(views):
        others = [j for j in range(2 * B) if j != i]
        logits = torch.stack([anchor.dot(views[j]) / tau for j in others])
        terms.append(F.cross_entropy(logits[None], torch.tensor([others.index((i + B) % (2 * B))])))
    return torch.stack(terms).mean()


def n_pairs(g, a, labels, tau):
    terms = []
    for i in range(B):
        rows = [i] + [j for j in range(B) if labels[j] != labels[i]]
        logits = torch.stack([F.cosine_similarity(g[i], a[j], dim=0) / tau for j in rows])
        terms.append(F.cross_entropy(logits[None], torch.tensor([0])))
    return torch.stack(terms).mean()


def triplet(g, a, labels, margin, mining):
    views = [F.normalize(v, dim=0) for v in [*g, *a]]
    both = labels + labels
    n = len(views)
    d = lambda i, j: (views[i] - views[j]).pow(2).sum()
    terms = []
    for i in range(n):
        positives = [d(i, j) for j in range(n) if j != i and both[j] == both[i]]
        negatives = [d(i, j) for j in range(n) if both[j] != both[i]]
        if not negatives:
            continue
        if mining == 'hard':
            positives, negatives = [torch.stack(positives).max()], [torch.stack(negatives).min()]
        terms += [F.relu(p - q + margin) for p in positives for q in negatives]
    return torch.stack(terms).mean() if terms else 0 * (g.sum() + a.sum())


def case(fn, labels, **options):
    g, a = G.clone().requires_grad_(), G_AUG.clone().requires_grad_()
    loss = fn(g, a, labels, **options)
    loss.backward()
    listed = lambda t: [float(f'{x:.10g}') for x in t.flatten().tolist()]
    return {
        'variant': fn.__name__,
        **options,
        'labels': labels,
        'loss': float(f'{loss.item():.10g}'),
        'grad_g': {'shape': [B, D], 'data': listed(g.grad)},
        'grad_g_aug': {'shape': [B, D], 'data': listed(a.grad)},
    }


cases = [case(fn, LABELS, tau=tau) for fn in (infonce, n_pairs) for tau in (0.1, 0.5)]
cases += [case(triplet, LABELS, margin=m, mining=how) for how in ('all', 'hard') for m in (0.2, 1)]
cases += [case(triplet, ONE_CLASS, margin=4, mining=how) for how in ('all', 'hard')]
cases += [case(n_pairs, ONE_CLASS, tau=0.1)]
tensor = lambda t: {'shape': [B, D], 'data': t.flatten().tolist()}
print(json.dumps({'g': tensor(G), 'g_aug': tensor(G_AUG), 'cases': cases}))
