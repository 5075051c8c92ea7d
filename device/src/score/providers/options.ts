import type { ProviderRequest } from './append.js';
import type { AcceleratorName, RuntimeConfig } from './schema.js';

/** Options as ONNX Runtime takes them: its own names, texts for values. */
export function nativeOptions(
  provider: AcceleratorName,
  options: Readonly<Record<string, boolean | number | string | undefined>>,
): Record<string, string> {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries.map(([key, value]) => [NAME[provider](key), textOf(value)]));
}

/**
 * The providers that run a model on an accelerator: TensorRT with CUDA behind it, for the operators that TensorRT leaves, on the same GPU
 * unless the configuration names another one for it.
 * @param available whether the library has a provider
 */
export function requestsOf(
  name: AcceleratorName,
  runtime: RuntimeConfig,
  available: (name: AcceleratorName) => boolean,
): ProviderRequest[] {
  const request = (provider: AcceleratorName, options: object = runtime[provider]) => ({
    name: provider,
    options: nativeOptions(provider, { ...options }),
  });
  if (name !== 'tensorrt' || !available('cuda')) return [request(name)];
  const { deviceId } = runtime.tensorrt;
  return [request('tensorrt'), request('cuda', { deviceId, ...runtime.cuda })];
}

const snake = (key: string) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const NAME: Readonly<Record<AcceleratorName, (key: string) => string>> = {
  // The one TensorRT option that is named without the prefix.
  tensorrt: (key) => (key === 'deviceId' ? 'device_id' : `trt_${snake(key)}`),
  cuda: snake,
  webgpu: (key) => key,
};

function textOf(value: boolean | number | string | undefined): string {
  return typeof value === 'boolean' ? String(Number(value)) : String(value);
}
