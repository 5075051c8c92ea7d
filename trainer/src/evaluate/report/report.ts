import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openBundle } from '@beltsight/sdk/bundle';
import { ImageLoader } from '../../data/loader.js';
import { ModelRunner } from '../../export/scoring.js';
import { coverageSection } from '../coverage/report/coverage-section.js';
import { recognitionSection } from '../coverage/report/recognition-section.js';
import { unknownSection } from '../coverage/report/unknown-section.js';
import type { ClassDetail, Evaluated } from '../evaluate.js';
import { charts } from './charts.js';
import { confusionSection } from './confusion/section.js';
import { Gallery } from './gallery.js';
import { page } from './page.js';
import { escapeHtml } from './svg.js';

/** So many of the worst misses and of the worst false alarms are shown for each class. */
const SHOWN = 8;
/** So many defects that were found are shown for each class: where the heatmap points can be judged by them. */
const FOUND_SHOWN = 4;

/**
 * The evaluation as one HTML page without external resources: figures, curves, histograms, worst errors with heatmaps.
 * Scores the images that it shows once more, so bundle and images must still be in place.
 */
export async function htmlReport(evaluated: Evaluated, bundleFolder: string): Promise<string> {
  const { evaluation, details } = evaluated;
  const bundle = await openBundle((path) => readFile(join(bundleFolder, path)));
  const runner = await ModelRunner.open(await bundle.model());
  const loader = new ImageLoader(runner.size, 0);
  const gallery = new Gallery(loader, runner);
  const { coverage, recognition, unknown } = evaluation;
  const sections = [coverageSection(coverage), recognitionSection(recognition), unknownSection(unknown)];
  try {
    sections.push(await confusionSection(evaluated, loader));
    for (const detail of details) sections.push(await classSection(detail, gallery));
  } finally {
    await runner.close();
    await loader.close();
  }
  return page(evaluation, sections);
}

async function classSection(detail: ClassDetail, gallery: Gallery): Promise<string> {
  const { name, result, images } = detail;
  const [good, defect] = [images.filter((i) => i.defect === undefined), images.filter((i) => i.defect !== undefined)];
  const missed = defect.filter(({ decision }) => decision.verdict === 'pass').sort((a, b) => a.score - b.score);
  const found = defect.filter(({ decision }) => decision.verdict !== 'pass').sort((a, b) => b.score - a.score);
  const alarms = good.filter(({ decision }) => decision.verdict !== 'pass').sort((a, b) => b.score - a.score);
  const { threshold } = result;
  const pictures = [
    await gallery.row('Missed defects, lowest score first', missed, threshold, SHOWN),
    await gallery.row('False alarms, highest score first', alarms, threshold, SHOWN),
    await gallery.row('Found defects, highest score first', found, threshold, FOUND_SHOWN),
  ].join('');
  const verdict = missed.length + alarms.length === 0 ? '<p>Every test image was judged right.</p>' : '';
  const counts = `${good.length} good, ${defect.length} with a defect (${result.masks} of them with a mask)`;
  return `<section><h2>${escapeHtml(name)}</h2><p>${counts}${
    threshold === null
      ? '; the model was not trained on this class'
      : `; rejected from score ${threshold.toFixed(4)} on`
  }.</p><div class="row">${charts(detail).join('')}</div>${verdict}${pictures}</section>`;
}
