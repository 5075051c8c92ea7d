import { describe, expect, it } from 'vitest';
import { generated, publishedTensors, safetensors, type Tensor } from '../../../../test/support/generated.js';
import { writeSafetensors } from '../safetensors.js';
import { backboneOf } from './load.js';
import { readBackbone } from './weights.js';

const tensors = publishedTensors(backboneOf('resnet18'));

/** A published ResNet-18, changed tensor by tensor; a change to nothing leaves the tensor out. */
function file(change: (tensor: Tensor) => Tensor | undefined, ...more: Tensor[]): Uint8Array {
  return safetensors([...tensors.flatMap((tensor) => change(tensor) ?? []), ...more]);
}

const same = (tensor: Tensor) => tensor;
const only = (name: string, of: (tensor: Tensor) => Tensor | undefined) => (tensor: Tensor) =>
  tensor.name === name ? of(tensor) : tensor;
const tensor = (name: string, shape: readonly number[]): Tensor => ({
  name,
  dtype: 'F32',
  shape,
  data: generated(name, shape),
});

/** A file whose header is `length` bytes long: spaces fill it up, as the format allows. */
function withHeader(bytes: Uint8Array, length: number): Uint8Array {
  const before = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const longer = new Uint8Array(bytes.length - before + length).fill(0x20);
  new DataView(longer.buffer).setBigUint64(0, BigInt(length), true);
  longer.set(bytes.subarray(8, 8 + before), 8);
  longer.set(bytes.subarray(8 + before), 8 + length);
  return longer;
}

describe('a file of a backbone', () => {
  it('may have a stage 4, a head and counters of batches, which are not used', () => {
    const { backbone, weights } = readBackbone(file(same), 'model.safetensors');
    expect(backbone.name).toBe('resnet18');
    expect([...weights.keys()].filter((name) => /layer4|fc|num_batches/.test(name))).toEqual([]);
    const half: Tensor = { name: 'fc.other', dtype: 'F16', shape: [2], data: new Uint16Array(2) };
    expect(readBackbone(file(same, half), 'model.safetensors').backbone.name).toBe('resnet18');
  });

  it.each([
    [
      'with more blocks than the backbone',
      file(same, tensor('layer3.2.conv1.weight', [256, 256, 3, 3])),
      /"layer3\.2\.conv1\.weight", which it/,
    ],
    [
      'with layers between',
      file(same, tensor('layer1.0.se.fc1.weight', [4, 64, 1, 1])),
      /"layer1\.0\.se\.fc1\.weight", which it/,
    ],
    [
      'without a filter',
      file(only('layer2.1.conv2.weight', () => undefined)),
      /resnet18: "layer2\.1\.conv2\.weight" is missing/,
    ],
    [
      'without a running mean',
      file(only('bn1.running_mean', () => undefined)),
      /resnet18: "bn1\.running_mean" is missing/,
    ],
    [
      'with grouped convolutions',
      file(only('layer1.0.conv1.weight', ({ name }) => tensor(name, [64, 2, 3, 3]))),
      /resnet18: "layer1\.0\.conv1\.weight" is \[64,2,3,3\], not \[64,64,3,3\]/,
    ],
    [
      'with a negative variance',
      file(only('bn1.running_var', (old) => ({ ...old, data: new Float32Array(64).fill(-1) }))),
      /"bn1\.running_var" has a negative variance/,
    ],
    [
      'with a NaN in a filter',
      file(only('conv1.weight', (old) => ({ ...old, data: new Float32Array(64 * 3 * 49).fill(Number.NaN) }))),
      /"conv1\.weight" holds NaN or infinity/,
    ],
    [
      'in half precision',
      file(only('conv1.weight', (old) => ({ ...old, dtype: 'F16', data: new Uint16Array(64 * 3 * 49) }))),
      /"conv1\.weight" is F16; only F32 is read: convert the file to float32/,
    ],
    ['that is cut off', file(same).subarray(0, 100_000), /bytes behind the end: truncated/],
    [
      'whose licence is a number',
      writeSafetensors(new Map(), { license: 5 as unknown as string }),
      /its __metadata__ is no map of texts/,
    ],
  ])('%s is refused', (_, bytes, message) => {
    expect(() => readBackbone(bytes, 'model.safetensors')).toThrow(message);
    expect(() => readBackbone(bytes, 'model.safetensors')).toThrow(/^model\.safetensors/);
  });

  it.each([
    ['a zip archive', [0x50, 0x4b, 0x03, 0x04, 0x00, 0x00, 0x08, 0x08, 0x00, 0x00]],
    ['a pickle of protocol 2', [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20]],
    ['a pickle of protocol 4', [0x80, 0x04, 0x95, 0x0c, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00]],
  ])('of PyTorch, %s, is refused with the command that converts it', (_, start) => {
    const message = /model\.pth is a PyTorch file.*python3 -c .*save_file/;
    expect(() => readBackbone(Uint8Array.from(start), 'model.pth')).toThrow(message);
  });

  it.each([0x4b50, 0x1_0280, 0x1_0480])('is not taken for PyTorch’s because its header has %d bytes', (length) => {
    expect(readBackbone(withHeader(file(same), length), 'model.safetensors').backbone.name).toBe('resnet18');
  });
});
