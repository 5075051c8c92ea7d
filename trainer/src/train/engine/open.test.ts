import { describe, expect, it } from 'vitest';
import { tf } from '../../graph/tfjs.js';
import { nativeHost, supplyRemoved } from './native.js';
import { openEngine } from './open.js';
import { DEFAULT_OPTIMIZER, type TrainingProgram } from './program.js';

const GPU = '@tensorflow/tfjs-node-gpu';
const CPU = '@tensorflow/tfjs-node';

/** Stands for Node's import where these packages are installed: `undefined` loads, text is why it does not. */
function installed(packages: Readonly<Record<string, string | undefined>>) {
  return async (name: string) => {
    if (!(name in packages)) {
      const error = new Error(`Cannot find package '${name}' imported from native.js`);
      throw Object.assign(error, { code: 'ERR_MODULE_NOT_FOUND' });
    }
    if (packages[name] !== undefined) throw new Error(packages[name]);
    if (!tf.findBackend('tensorflow')) {
      tf.registerBackend('tensorflow', () => tf.findBackend('cpu'));
      tf.copyRegisteredKernels('cpu', 'tensorflow');
    }
    return { version: { 'tfjs-node': '4.22.0' } };
  };
}

describe('the native engine', () => {
  it('says what to install where there is no TensorFlow', async () => {
    await expect(nativeHost(installed({}))).rejects.toMatchObject({
      code: 'RUNTIME_UNAVAILABLE',
      message: expect.stringMatching(/npm install @tensorflow\/tfjs-node".*tfjs-node-gpu.*or leave out --engine/),
    });
  });

  it('says why what is installed does not load, and what to do', async () => {
    const broken = installed({ [CPU]: 'libtensorflow.so.2: cannot open shared object file\nRequire stack: ...' });
    await expect(nativeHost(broken)).rejects.toMatchObject({
      code: 'RUNTIME_UNAVAILABLE',
      message: expect.stringMatching(/tfjs-node does not load: libtensorflow\.so\.2.*object file\. .*npm rebuild/),
    });
  });

  it('has what Node.js 23 removed and TensorFlow still calls', () => {
    const utilities: { isNullOrUndefined?: (value: unknown) => boolean; isArray?: (value: unknown) => boolean } = {};
    supplyRemoved(utilities);
    expect([null, undefined, 0, ''].map((value) => utilities.isNullOrUndefined?.(value))).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect(utilities.isArray?.([])).toBe(true);
  });

  it('takes the package for GPUs first', async () => {
    const host = await nativeHost(installed({ [GPU]: undefined, [CPU]: undefined }));
    expect(host).toEqual({
      backend: 'tensorflow',
      description: `TensorFlow (${GPU})`,
      versions: { [GPU]: '4.22.0' },
    });
  });

  it('takes the other one where that one does not load, and says so', async () => {
    const { description } = await nativeHost(installed({ [GPU]: 'no libcudart.so.11.0', [CPU]: undefined }));
    expect(description).toBe(`TensorFlow (${CPU}; ${GPU} does not load: no libcudart.so.11.0)`);
  });

  it('refuses a provider, which is for the compiled one', async () => {
    const opened = openEngine({ engine: 'native', provider: 'cuda' }, {} as TrainingProgram, DEFAULT_OPTIMIZER);
    await expect(opened).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('Leave one of --engine and --provider out'),
    });
  });
});
