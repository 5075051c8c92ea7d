import { describe, expect, it } from 'vitest';
import { gpuVersions, type LoadLibrary } from './gpu.js';

/** Writes an answer and says that all went well. */
const answer = (value: number) => (out: Int32Array) => {
  out.set([value]);
  return 0;
};

/** Libraries that answer as a Jetson's do. */
const jetson = ((name: string) => {
  const answers: Record<string, unknown> = {
    getInferLibVersion: () => 100300,
    cudaRuntimeGetVersion: answer(12060),
    cuDriverGetVersion: answer(12060),
    cuInit: () => 0,
    cuDeviceGetName: (out: Uint8Array) => out.set(Buffer.from('Orin')),
    cuDeviceGetAttribute: (out: Int32Array, which: number) => answer(which === 75 ? 8 : 7)(out),
  };
  if (!['libnvinfer.so.10', 'libcudart.so.12', 'libcuda.so.1'].includes(name)) throw new Error(`no ${name}`);
  return { func: (declaration: string) => answers[/(\w+)\(/.exec(declaration)?.[1] as string] };
}) as unknown as LoadLibrary;

describe('versions of NVIDIA libraries', () => {
  it('come from the libraries themselves', () => {
    expect(gpuVersions(jetson)).toEqual({
      tensorrt: '100300',
      cuda: '12060',
      driver: '12060',
      gpu: 'Orin',
      computeCapability: '8.7',
    });
  });

  it('are left out where there are none, or none that answers', () => {
    const absent = (() => {
      throw new Error('no such file');
    }) as never;
    expect(gpuVersions(absent)).toEqual({});
    const silent = (() => ({
      func: () => {
        throw new Error('no such function');
      },
    })) as never;
    expect(gpuVersions(silent)).toEqual({});
  });
});
