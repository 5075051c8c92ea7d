import koffi from 'koffi';
import { describe, expect, it } from 'vitest';
import type { ProviderRequest } from '../providers/append.js';
import { pinned } from './api.js';
import { type OrtEnvironment, OrtSession } from './session.js';

/** ONNX Runtime that has memory of some kinds, by name and id alone; `asked` is what it was asked for, `held` what was not released. */
function runtime(...kinds: string[]) {
  const asked: string[] = [];
  const held: string[] = [];
  const data = pinned(Uint8Array, 16);
  const objects = new Map<bigint, string>();
  const api = {
    library: 'fake',
    call: () => undefined,
    make(name: string, ...args: unknown[]) {
      if (name === 'getTensorMutableData') return koffi.address(data);
      const kind = name === 'createMemoryInfo' ? `${args[0]} ${args[2]}` : name;
      if (name === 'createMemoryInfo') asked.push(kind);
      const memory = objects.get(args[1] as bigint) as string;
      if (name === 'createAllocator' && !kinds.includes(memory)) throw new Error(`no allocator of ${memory}`);
      const pointer = BigInt(objects.size + 1);
      objects.set(pointer, kind);
      if (name === 'createMemoryInfo') held.push(kind);
      return pointer;
    },
    makeAsync: async () => 99n,
    release(name: string, object: bigint) {
      if (name === 'releaseMemoryInfo') held.splice(held.indexOf(objects.get(object) as string), 1);
    },
  };
  const open = (name: ProviderRequest['name'], deviceId?: string) => {
    const options: Record<string, string> = deviceId === undefined ? {} : { device_id: deviceId };
    const environment = { api, pointer: 98n, memory: 97n } as unknown as OrtEnvironment;
    return OrtSession.open(environment, 'model', { providers: [{ name, options }] });
  };
  return { open, asked, held };
}

describe('OrtSession', () => {
  it.each(['cuda', 'tensorrt'] as const)(
    'keeps its tensors in the memory of the GPU that %s computes on',
    async (name) => {
      const { open, asked, held } = runtime('Cuda 1', 'CudaPinned 1');
      const session = await open(name, '1');
      session.deviceTensor('uint8', [16]);
      session.hostTensor('uint8', [16]);
      expect([asked, held]).toEqual([['Cuda 1', 'CudaPinned 1'], []]);
      await session.close();
    },
  );

  it('finds page-locked memory where it is that of no GPU', async () => {
    const { open, asked, held } = runtime('Cuda 1', 'CudaPinned 0');
    const session = await open('cuda', '1');
    expect(session.hostTensor('uint8', [16]).data).toHaveLength(16);
    expect([asked, held]).toEqual([['CudaPinned 1', 'CudaPinned 0'], []]);
    await session.close();
  });

  it('uses the first GPU where none is named, and says what is missing', async () => {
    const { open, asked, held } = runtime('Cuda 0');
    const session = await open('cuda');
    session.deviceTensor('uint8', [16]);
    expect(() => session.hostTensor('uint8', [16])).toThrow('no allocator of CudaPinned 0');
    expect([asked, held]).toEqual([['Cuda 0', 'CudaPinned 0'], []]);
    await session.close();
  });
});
