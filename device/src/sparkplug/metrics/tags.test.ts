import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cameraMetrics } from './camera.js';
import { nodeMetrics } from './node.js';
import { Tags } from './tags.js';

const tagsOf = (deadband = { score: 0, latencyMs: 0 }) => {
  let alias = 0;
  return new Tags(cameraMetrics({ heatmaps: true, commands: true }), { nextAlias: () => ++alias, deadband });
};

describe('tags', () => {
  it('report what changed, once, and what is new after a birth', () => {
    const tags = tagsOf();
    tags.birth();
    expect(tags.changes()).toEqual([]);
    tags.set({ 'Result/Verdict': 'pass', 'Result/Score': 0.5 }, 7);
    expect(tags.changes().map(({ timestamp, value }) => [timestamp, value?.value])).toEqual([
      [7, 'pass'],
      [7, 0.5],
    ]);
    tags.set({ 'Result/Verdict': 'pass', 'Result/Score': 0.6 }, 8);
    expect(tags.changes().map(({ value }) => value?.value)).toEqual([0.6]);
    tags.set({ 'Result/Verdict': 'reject' }, 9);
    tags.birth();
    expect(tags.changes()).toEqual([]);
  });

  it('do not report a score within its dead band, however slowly it drifts out', () => {
    const tags = tagsOf({ score: 0.25, latencyMs: 0 });
    tags.set({ 'Result/Score': 1 });
    tags.birth();
    const reported = [1.125, 1.25, 1.375, 1.5].map((score) => {
      tags.set({ 'Result/Score': score });
      return tags.changes().length;
    });
    expect(reported).toEqual([0, 0, 1, 0]);
    tags.set({ 'Result/Score': null });
    expect(tags.changes()).toMatchObject([{ isNull: true }]);
  });

  it('tell of a picture what a host needs to store it', () => {
    const tags = tagsOf();
    tags.birth();
    tags.set({ 'Result/Heatmap': Buffer.from('png') });
    const [heatmap] = tags.changes();
    // MD5 by md5sum.
    expect(heatmap?.metadata).toEqual({
      contentType: 'image/png',
      size: 3,
      fileName: 'heatmap.png',
      fileType: 'png',
      md5: 'bff139fa05ac583f685a523ab3d110a0',
    });
  });

  it('have aliases of their own over node and cameras, and names that differ by more than case', () => {
    const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,8}$/);
    const list = fc.uniqueArray(name, { maxLength: 6, selector: (text) => text.toLowerCase() });
    fc.assert(
      fc.property(list, list, fc.boolean(), (cameras, classes, commands) => {
        let alias = 0;
        const options = { nextAlias: () => ++alias, deadband: { score: 0, latencyMs: 0 } };
        const all = [
          new Tags(nodeMetrics({ cameras, classes, commands }), options),
          ...cameras.map(() => new Tags(cameraMetrics({ heatmaps: true, commands }), options)),
        ].map((tags) => tags.birth());
        const aliases = all.flat().flatMap((metric) => metric.alias ?? []);
        expect(new Set(aliases).size).toBe(aliases.length);
        expect(
          all
            .flat()
            .filter((metric) => metric.alias === undefined)
            .map((metric) => metric.name),
        ).toEqual(['Node Control/Rebirth']);
        for (const metrics of all) {
          const names = metrics.map((metric) => metric.name?.toLowerCase());
          expect(new Set(names).size).toBe(names.length);
        }
      }),
    );
  });
});
