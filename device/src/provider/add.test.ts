import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { providerCommand } from '../cli/provider.js';
import { installedRuntimes } from '../score/ort/installed.js';
import { libraries, loadRuntime } from '../score/ort/library.js';
import { addRuntime } from './add.js';

const MACHINE = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
const WHEEL = `onnxruntime_gpu-1.30.0-cp310-cp310-linux_${MACHINE}.whl`;

let folder: string;
let library: Uint8Array;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'beltsight-wheel-'));
  library = await readFile(libraries().at(-1) as string);
});
afterAll(() => rm(folder, { recursive: true }));

async function wheel(files: Record<string, Uint8Array>, name = WHEEL): Promise<string> {
  const path = join(folder, name);
  const entries = Object.entries(files).map(([file, bytes]) => [`onnxruntime/capi/${file}`, bytes]);
  await writeFile(path, zipSync(Object.fromEntries(entries), { level: 0 }));
  return path;
}

describe('addRuntime', () => {
  it('puts the libraries of a wheel where devices find them, after a model has run on them', async () => {
    const into = join(folder, 'good');
    const added = await addRuntime(
      await wheel({ 'libonnxruntime.so.1.30.0': library, 'onnxruntime_pybind11_state.so': new Uint8Array(9) }),
      into,
    );
    expect(added.version).toMatch(/^1\.\d+\.\d+$/);
    expect(added.providers).toContain('CPUExecutionProvider');
    expect(installedRuntimes([into])).toEqual([added.library]);
    expect(await readdir(join(into, '1.30.0'))).toEqual(['libonnxruntime.so']);
  });

  it('lets the service read what root puts there, however strict the umask of root is', async () => {
    const into = join(folder, 'state/onnxruntime');
    const path = await wheel({ 'libonnxruntime.so.1.30.0': library });
    const before = process.umask(0o077);
    try {
      await providerCommand().parseAsync(['add', path, '--into', into], { from: 'user' });
    } finally {
      process.umask(before);
    }
    for (const each of ['', '1.30.0', '1.30.0/libonnxruntime.so'])
      expect((await stat(join(into, each))).mode & 0o777, each).toBe(0o755);
  });

  it('leaves no library out that is there and cannot be read: whoever opens it says so', async () => {
    const data = join(folder, 'data');
    const file = join(data, 'beltsight/onnxruntime/9.9.9/libonnxruntime.so');
    await mkdir(dirname(file), { recursive: true });
    // Root may read everything but a link to itself.
    await symlink(file, file);
    vi.stubEnv('XDG_DATA_HOME', data);
    expect(libraries()).toContain(file);
    vi.unstubAllEnvs();
    expect(() => loadRuntime(file)).toThrow(/cannot be used .*ELOOP/);
  });

  const other = process.arch === 'arm64' ? 'x86_64' : 'aarch64';
  it.each([
    ['of another name', 'numpy-1.30.0-cp310-cp310-any.whl', () => ({}), /not named as a wheel of ONNX Runtime/],
    ['for another processor', WHEEL.replace(MACHINE, other), () => ({}), /is for linux_.*and this device is/],
    [
      'without the library',
      WHEEL,
      () => ({ 'onnxruntime_pybind11_state.so': new Uint8Array(9) }),
      /no libonnxruntime\.so.*docs\/jetson\.md/,
    ],
  ])('refuses a wheel %s and changes nothing', async (_, name, files, message) => {
    const into = join(folder, 'bad');
    await expect(addRuntime(await wheel(files() as never, name), into)).rejects.toThrow(message);
    expect(existsSync(into) ? await readdir(into) : []).toEqual([]);
  });

  it('refuses a truncated wheel, and one that is not there', async () => {
    const path = await wheel({ 'libonnxruntime.so.1': new Uint8Array(999) });
    await writeFile(path, (await readFile(path)).subarray(0, 300));
    await expect(addRuntime(path, folder)).rejects.toThrow(/damaged or no wheel/);
    await expect(addRuntime(join(folder, 'none', WHEEL), folder)).rejects.toThrow(/cannot be read/);
  });

  const foreign = () => {
    const copy = Uint8Array.from(library);
    copy[18] = process.arch === 'arm64' ? 62 : 183;
    return copy;
  };
  it.each([
    ['cut short', () => library.subarray(0, 5000), /cut short: 5000 bytes/],
    ['cut within its header', () => library.subarray(0, 30), /no whole shared library/],
    ['something else', () => new Uint8Array(999), /no shared library/],
    ['for another processor', foreign, /is made for (arm64|x64), not for/],
  ])('refuses a library that is %s', async (_, bytes, message) => {
    const into = join(folder, 'broken');
    await expect(addRuntime(await wheel({ 'libonnxruntime.so.1': bytes() }), into)).rejects.toMatchObject({
      code: 'RUNTIME_UNAVAILABLE',
      message: expect.stringMatching(message),
    });
    expect(await readdir(into)).toEqual([]);
  });
});
