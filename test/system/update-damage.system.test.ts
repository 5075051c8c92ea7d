import { execFileSync } from 'node:child_process';
import { cp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../support/patience.js';
import { UpdatedScene } from '../update/scene.js';

/*
 * Every file that a device keeps, with a bit flipped, emptied, or gone, before it begins: it must begin with a bundle of which every byte is
 * as it was published, and get by itself to the release that is desired.
 */

const flipped = (place: (length: number) => number) => async (file: string) => {
  const bytes = await readFile(file);
  const at = place(bytes.length);
  bytes[at] = (bytes[at] as number) ^ 0x10;
  // Not under a new name: what is linked to the same place has the same damage.
  await writeFile(file, bytes, { flag: 'r+' });
};
const DAMAGES: Readonly<Record<string, (file: string) => Promise<void>>> = {
  'first bit': flipped(() => 0),
  'middle bit': flipped((length) => length >> 1),
  'last bit': flipped((length) => length - 1),
  emptied: (file) => truncate(file, 0),
  gone: (file) => rm(file),
};

let scene: UpdatedScene;
beforeAll(async () => {
  scene = await UpdatedScene.open();
});
afterAll(() => scene.close());

/** A device that was interrupted while it fetched: parts are there, too. */
async function interrupted(): Promise<string> {
  const folder = join(scene.folder, 'interrupted');
  execFileSync('cp', ['-a', scene.installed, folder]);
  const device = await scene.start(folder, {
    wrap: (transport) => ({
      name: transport.name,
      close: () => transport.close(),
      async *read(path, offset, signal) {
        for await (const chunk of transport.read(path, offset, signal)) {
          yield path.startsWith('blobs/') ? chunk.subarray(0, chunk.length >> 1) : chunk;
        }
      },
    }),
  });
  await waitFor(() => expect(device.states.at(-1)?.reason).toBeDefined());
  await device.close();
  return folder;
}

describe('a device', () => {
  it('with any of its files damaged begins with a bundle as published, and updates itself', async () => {
    const before = await interrupted();
    const entries = await readdir(before, { recursive: true, withFileTypes: true });
    const files = entries
      .filter((each) => each.isFile())
      .map((each) => join(each.parentPath, each.name).slice(before.length + 1));
    expect(files.some((file) => file.endsWith('.part'))).toBe(true);
    const folder = join(scene.folder, 'damaged');
    let injected = 0;
    for (const file of [...files, 'root']) {
      for (const [damage, inflict] of Object.entries(DAMAGES)) {
        await rm(folder, { recursive: true, force: true });
        // With its links: slots and blobs share their places on the disk.
        execFileSync('cp', ['-a', before, folder]);
        const root = join(folder, 'root');
        await cp(scene.settings(folder).root, root);
        if ((await readFile(join(folder, file))).length === 0) continue;
        await inflict(join(folder, file));
        const what = `${file}: ${damage}`;
        const device = await scene.start(folder, { root });
        const asking = setInterval(() => device.inspect(25), 20);
        try {
          injected++;
          await waitFor(() => {
            const proved = { state: 'idle', running: { release: scene.wanted.path, modelId: scene.wanted.modelId } };
            expect(device.states, what).toContainEqual(expect.objectContaining(proved));
          });
          expect(device.states.at(-1)?.failed, what).toEqual([]);
          for (const manifest of device.host.manifests) expect(scene.manifests, what).toContain(manifest);
        } finally {
          clearInterval(asking);
          await device.close();
        }
      }
    }
    console.info(`${injected} damages, ${injected} survived`);
    expect(injected).toBeGreaterThan(60);
  });
});
