import { basename } from 'node:path';
import type { ImageLoader } from '../../data/loader.js';
import type { ModelRunner } from '../../export/scoring.js';
import type { ImageResult } from '../results.js';
import { overlay, plain } from './overlay.js';
import { escapeHtml } from './svg.js';

/** Draws test images beside their heatmaps. */
export class Gallery {
  constructor(
    private readonly loader: ImageLoader,
    private readonly runner: ModelRunner,
  ) {}

  /** The first `shown` of the results under a title; nothing where there are none. */
  async row(title: string, results: readonly ImageResult[], threshold: number | null, shown: number): Promise<string> {
    if (results.length === 0) return '';
    const figures: string[] = [];
    // One after the other: the runner has one input buffer.
    for (const result of results.slice(0, shown)) figures.push(await this.#picture(result, threshold));
    const count = results.length > shown ? `${shown} of ${results.length}` : `${results.length}`;
    return `<h3>${title} (${count})</h3><div class="row">${figures.join('')}</div>`;
  }

  async #picture({ file, defect, mask, score, decision }: ImageResult, threshold: number | null): Promise<string> {
    const { loader, runner } = this;
    const pixels = await loader.load(file);
    const { map } = await runner.score(pixels);
    const finding = {
      pixels,
      map,
      size: runner.size,
      mask: mask === undefined ? undefined : await loader.loadMask(mask),
    };
    const limit = threshold ?? score;
    const heat = await overlay(finding, limit * 0.5, limit * 1.2);
    const seenAs = decision.className ?? 'unknown product';
    const what = escapeHtml(`${defect ?? 'good'}/${basename(file)}`);
    const said = escapeHtml(`${score.toFixed(4)}, ${decision.verdict}, seen as ${seenAs}`);
    return `<figure class="pair"><img src="${await plain(finding)}" alt="${what}"><img src="${heat}" alt="heatmap of ${what}"><figcaption><b>${what}</b><br>${said}</figcaption></figure>`;
  }
}
