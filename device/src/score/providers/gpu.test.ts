import { describe, expect, it } from 'vitest';
import { gpuVersions, type LoadLibrary } from './gpu.js';

/** Writes an answer and says that all went well. */
const answer = (value: number) => (out: Int32Array) => {
  out.set([value]);
  return 0;
};

/** Libraries that answer as a Jetson's do, which has a second GPU here. */
const jetson = ((name: string) => {
  const answers: Record<string, unknown> = {
    getInferLibVersion: () => 100300,
    cudaRuntimeGetVersion: answer(12060),
    cuDriverGetVersion: answer(12060),
    cuInit: () => 0,
    cuDeviceGetName: (out: Uint8Array, _: number, device: number) =>
      out.set(Buffer.from(['Orin', 'RTX'][device] ?? '')),
    cuDeviceGetAttribute: (out: Int32Array, which: number, device: number) =>
      answer(which === 75 ? 8 : ([7, 9][device] ?? 0))(out),
  };
  if (!['libnvinfer.so.10', 'libcudart.so.12', 'libcuda.so.1'].includes(name)) throw new Error(`no ${name}`);
  return { func: (declaration: string) => answers[/(\w+)\(/.exec(declaration)?.[1] as string] };
}) as unknown as LoadLibrary;

describe('versions of NVIDIA libraries', () => {
  it('come from the libraries themselves', () => {
    expect(gpuVersions(0, jetson)).toEqual({
      tensorrt: '100300',
      cuda: '12060',
      driver: '12060',
      gpu: 'Orin',
      computeCapability: '8.7',
    });
  });

  it('are those of the GPU in use', () => {
    expect(gpuVersions(1, jetson)).toMatchObject({ gpu: 'RTX', computeCapability: '8.9' });
  });

  it('are left out where there are none, or none that answers', () => {
    const absent = (() => {
      throw new Error('no such file');
    }) as never;
    expect(gpuVersions(0, absent)).toEqual({});
    const silent = (() => ({
      func: () => {
        throw new Error('no such function');
      },
    })) as never;
    expect(gpuVersions(0, silent)).toEqual({});
  });
});
