import type { ClassDetail } from '../evaluate.js';
import { descendingOrder } from '../metrics/order.js';
import { sweep } from '../metrics/ranking.js';
import type { ImageResult } from '../results.js';
import { percent } from './page.js';
import { histogram, lineChart } from './svg.js';

/** The charts of a class: histogram of scores, and the curves behind its figures where they exist. */
export function charts({ result, images, proCurve }: ClassDetail): string[] {
  const scores = (defective: boolean) =>
    images.filter(({ defect }) => (defect !== undefined) === defective).map(({ score }) => score);
  return [
    histogram('Scores', scores(false), scores(true), result.threshold),
    ...(result.imageAuroc === null ? [] : imageCurves(images, result.imageAuroc, result.imageAp ?? 0)),
    ...(result.aupro === null ? [] : [overlapCurve(proCurve, result.aupro)]),
  ];
}

function imageCurves(images: readonly ImageResult[], auroc: number, ap: number): string[] {
  const scores = Float32Array.from(images, ({ score }) => score);
  const positive = Uint8Array.from(images, ({ defect }) => (defect === undefined ? 0 : 1));
  const defects = positive.reduce((a, b) => a + b, 0);
  const roc: [number, number][] = [[0, 0]];
  const pr: [number, number][] = [];
  sweep(scores, positive, descendingOrder(scores), ({ truePositives, falsePositives }) => {
    roc.push([falsePositives / (images.length - defects), truePositives / defects]);
    pr.push([truePositives / defects, truePositives / (truePositives + falsePositives)]);
  });
  return [
    lineChart('ROC', { points: roc, label: `AUROC ${percent(auroc)}` }, 1, 'false positive rate', 'defects found'),
    lineChart('Precision and recall', { points: pr, label: `AP ${percent(ap)}` }, 1, 'recall', 'precision'),
  ];
}

function overlapCurve(curve: ClassDetail['proCurve'], aupro: number): string {
  const points = curve.map(({ falsePositiveRate, overlap }) => [falsePositiveRate, overlap] as const);
  return lineChart(
    'Per-region overlap',
    { points: [[0, 0], ...points], label: `AUPRO ${percent(aupro)}` },
    0.3,
    'false positive rate of pixels',
    'share of regions found',
  );
}
