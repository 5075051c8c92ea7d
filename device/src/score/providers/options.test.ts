import { parseConfig } from '@beltsight/sdk';
import { describe, expect, it } from 'vitest';
import { nativeOptions, requestsOf } from './options.js';
import { cudaOptionsSchema, runtimeSchema, tensorRtOptionsSchema } from './schema.js';

describe('provider options', () => {
  it("carry ONNX Runtime's own names and texts", () => {
    expect(
      nativeOptions('tensorrt', { deviceId: 1, fp16Enable: true, engineCachePath: '/c', dlaCore: undefined }),
    ).toEqual({
      device_id: '1',
      trt_fp16_enable: '1',
      trt_engine_cache_path: '/c',
    });
    expect(nativeOptions('cuda', { cudnnConv1dPadToNc1d: false, gpuMemLimit: 5 })).toEqual({
      cudnn_conv1d_pad_to_nc1d: '0',
      gpu_mem_limit: '5',
    });
    expect(nativeOptions('webgpu', { preferredLayout: 'NHWC' })).toEqual({ preferredLayout: 'NHWC' });
  });

  it('all make names of the documented form', () => {
    const names = (keys: string[], provider: 'tensorrt' | 'cuda') =>
      Object.keys(nativeOptions(provider, Object.fromEntries(keys.map((key) => [key, 1]))));
    const trt = names(Object.keys(tensorRtOptionsSchema.shape), 'tensorrt');
    expect(trt).toEqual(expect.arrayContaining(['trt_ep_context_file_path', 'trt_layer_norm_fp32_fallback']));
    for (const name of [...trt, ...names(Object.keys(cudaOptionsSchema.shape), 'cuda')]) {
      expect(name).toMatch(/^[a-z][a-z0-9]*(_[a-z0-9]+)+$/);
    }
  });

  it.each([
    [{ tensorrt: { fp16enable: true } }, /tensorrt.*fp16enable.*fp16Enable/s],
    [{ cuda: { gpuMemLimits: 1 } }, /gpuMemLimits.*gpuMemLimit/s],
    [{ webgpu: { preferredLayout: 'NCWH' } }, /preferredLayout/],
    [{ providers: ['tensort'] }, /providers/],
    [{ tensorrt: { builderOptimizationLevel: 6 } }, /builderOptimizationLevel/],
  ])('with a mistake are refused: %j', (options, message) => {
    expect(() => parseConfig(runtimeSchema, options, 'device.yaml')).toThrow(message);
  });

  it('put CUDA behind TensorRT where there is CUDA', () => {
    const runtime = runtimeSchema.parse({ cuda: { deviceId: 2 } });
    expect(requestsOf('tensorrt', runtime, () => true).map(({ name }) => name)).toEqual(['tensorrt', 'cuda']);
    expect(requestsOf('tensorrt', runtime, (name) => name !== 'cuda').map(({ name }) => name)).toEqual(['tensorrt']);
    expect(requestsOf('cuda', runtime, () => true)).toEqual([{ name: 'cuda', options: { device_id: '2' } }]);
  });

  it('put CUDA on the GPU of TensorRT, unless another one is named for it', () => {
    const gpus = (options: object) =>
      requestsOf('tensorrt', runtimeSchema.parse(options), () => true).map((request) => request.options.device_id);
    expect(gpus({})).toEqual([undefined, undefined]);
    expect(gpus({ tensorrt: { deviceId: 1 } })).toEqual(['1', '1']);
    expect(gpus({ tensorrt: { deviceId: 1 }, cuda: { deviceId: 0 } })).toEqual(['1', '0']);
  });
});
