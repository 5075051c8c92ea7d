import { describe, expect, it } from 'vitest';
import { cudaUnavailable, isCudaFailure, type Machine, thisMachine } from './provider.js';
import { record } from './record.js';
import { GraphSession } from './session.js';
import { tf } from './tfjs.js';

const graph = record('double', { x: { shape: [2], dtype: 'float32' } }, ({ x }) => ({ y: tf.mul(x as tf.Tensor, 2) }));
const failure = new Error('OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library');

describe('the CUDA provider', () => {
  it.each<[string, Machine, RegExp]>([
    [
      'where there is none for the machine',
      { platform: 'linux', arch: 'arm64', hasLibrary: false },
      /this is linux on arm64/,
    ],
    [
      'where it is not installed',
      { platform: 'linux', arch: 'x64', hasLibrary: false },
      /ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules\/onnxruntime-node\/script\/install\.js/,
    ],
    [
      'where its libraries or a GPU are missing',
      { platform: 'linux', arch: 'x64', hasLibrary: true },
      /NVIDIA driver, CUDA 12 and cuDNN 9/,
    ],
  ])('says what to do %s', (_, machine, remedy) => {
    const { code, message } = cudaUnavailable(failure, machine);
    expect(code).toBe('PROVIDER_UNAVAILABLE');
    expect(message).toMatch(remedy);
    expect(message).toMatch(/Failed to load shared library\. .*leave out --provider/);
  });

  it('is not blamed for a graph that is refused', () => {
    expect(isCudaFailure(failure)).toBe(true);
    expect(isCudaFailure(new Error('Node (Conv_1) Op (Conv) has 3 inputs'))).toBe(false);
  });

  it.skipIf(thisMachine().hasLibrary)('is named where a session cannot have it', async () => {
    await expect(GraphSession.open(graph, { provider: 'cuda' })).rejects.toMatchObject({
      code: 'PROVIDER_UNAVAILABLE',
    });
  });
});
