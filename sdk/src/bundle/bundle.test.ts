import { describe, expect, it } from 'vitest';
import { tinyGraph, tinyParts } from '../../../test/support/tiny-bundle.js';
import { BeltsightError } from '../errors.js';
import { sha256 } from './digest.js';
import { type BundleParts, openBundle, sealBundle } from './index.js';

const memory = (files: ReadonlyMap<string, Uint8Array>) => async (path: string) => {
  const bytes = files.get(path);
  if (!bytes) throw new Error(`no ${path}`);
  return bytes;
};

async function failure(files: ReadonlyMap<string, Uint8Array>): Promise<BeltsightError> {
  const error = await openBundle(memory(files)).then(
    () => undefined,
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(BeltsightError);
  return error as BeltsightError;
}

describe('bundles', () => {
  it('open as they were sealed', async () => {
    const parts = await tinyParts();
    const bundle = await openBundle(memory(await sealBundle(parts)));
    expect(bundle.manifest.classes).toEqual(parts.classes);
    expect((await bundle.model()).initializers.get('gain')?.data).toEqual(new Float32Array([1]));
    expect(await bundle.file('golden/000.png')).toEqual(parts.extra.get('golden/000.png'));
  });

  it('are checked by digests of the caller, where it has them', async () => {
    const files = await sealBundle(await tinyParts());
    const digest = async (path: string) => {
      const bytes = files.get(path) as Uint8Array;
      return { sha256: await sha256(bytes), sizeBytes: bytes.length };
    };
    const read: string[] = [];
    const reading = async (path: string) => {
      read.push(path);
      return memory(files)(path);
    };
    await openBundle(reading, digest);
    expect(read).not.toContain('student.weights');
    const wrong = async (path: string) => ({ ...(await digest(path)), sha256: '0'.repeat(64) });
    await expect(openBundle(reading, wrong)).rejects.toMatchObject({ code: 'BUNDLE_CORRUPT' });
  });

  it('say which precision they are made for; those from before it was written down are fp32', async () => {
    const files = await sealBundle({ ...(await tinyParts()), precision: 'int8' });
    expect((await openBundle(memory(files))).manifest.precision).toBe('int8');
    const { precision, ...old } = JSON.parse(new TextDecoder().decode(files.get('bundle.json')));
    expect(precision).toBe('int8');
    const reopened = (manifest: object) =>
      openBundle(memory(new Map([...files, ['bundle.json', new TextEncoder().encode(JSON.stringify(manifest))]])));
    expect((await reopened(old)).manifest.precision).toBe('fp32');
    await expect(reopened({ ...old, precision: 'int4' })).rejects.toMatchObject({ code: 'BUNDLE_INVALID' });
  });

  it('seal to the same bytes again', async () => {
    const [a, b] = [await sealBundle(await tinyParts()), await sealBundle(await tinyParts())];
    expect([...a]).toEqual([...b]);
  });

  it('with a flipped byte anywhere are refused, naming the file', async () => {
    const files = await sealBundle(await tinyParts());
    for (const [path, bytes] of files) {
      const flipped = bytes.slice();
      const at = Math.floor(flipped.length / 2);
      flipped[at] = (flipped[at] as number) ^ 1;
      const error = await failure(new Map([...files, [path, flipped]]));
      expect(['BUNDLE_CORRUPT', 'BUNDLE_INVALID', 'MODEL_INVALID']).toContain(error.code);
      expect(error.message).toContain(path === 'bundle.json' ? 'bundle' : path);
    }
  });

  it('with a truncated or missing file are refused', async () => {
    const files = await sealBundle(await tinyParts());
    const short = await failure(
      new Map([...files, ['model.onnx', (files.get('model.onnx') as Uint8Array).slice(0, -9)]]),
    );
    expect(short).toMatchObject({ code: 'BUNDLE_CORRUPT', message: expect.stringContaining('model.onnx') });
    files.delete('student.weights');
    expect(await failure(files)).toMatchObject({
      code: 'BUNDLE_CORRUPT',
      message: expect.stringContaining('student.weights'),
    });
    files.delete('bundle.json');
    expect(await failure(files)).toMatchObject({ code: 'BUNDLE_NOT_FOUND' });
  });

  it('that are not there are missed with the words of the reader, who knows where it looked', async () => {
    const read = () =>
      Promise.reject(new Error("ENOENT: no such file or directory, open '/bundles/first/bundle.json'"));
    await expect(openBundle(read)).rejects.toThrow(
      /bundle\.json cannot be read \(ENOENT.*'\/bundles\/first\/bundle\.json'\)/,
    );
  });

  it.each<[string, (parts: BundleParts) => BundleParts, string]>([
    ['outputs of another size', (p) => ({ ...p, model: tinyGraph(64) }), 'MODEL_INVALID'],
    [
      'an output too few',
      (p) => ({ ...p, model: { ...p.model, outputs: p.model.outputs.slice(0, 2) } }),
      'MODEL_INVALID',
    ],
    [
      'a centroid of another length',
      (p) => ({ ...p, embeddingSize: 3, classes: p.classes.map((c) => ({ ...c, centroid: [1] })) }),
      'BUNDLE_INVALID',
    ],
    [
      'two classes of one name',
      (p) => ({ ...p, classes: p.classes.map((c) => ({ ...c, name: 'same' })) }),
      'BUNDLE_INVALID',
    ],
    ['a golden sample that is not there', (p) => ({ ...p, extra: new Map() }), 'BUNDLE_INVALID'],
  ])('with %s are refused', async (_, change, code) => {
    expect(await failure(await sealBundle(change(await tinyParts())))).toMatchObject({ code });
  });

  it('cannot name a file outside of their folder', async () => {
    const parts = await tinyParts();
    const extra = new Map([...parts.extra, ['../escape.txt', new Uint8Array([1])]]);
    await expect(sealBundle({ ...parts, extra })).rejects.toThrow();
  });
});
