import { BeltsightError } from '@beltsight/sdk';
import { CStrings, type OrtApi, type Pointer } from '../ort/api.js';
import type { AcceleratorName } from './schema.js';

/** A provider with its options, under ONNX Runtime's own names. */
export interface ProviderRequest {
  readonly name: AcceleratorName;
  readonly options: Readonly<Record<string, string>>;
}

/**
 * Adds providers to session options.
 * @throws BeltsightError PROVIDER_UNAVAILABLE with ONNX Runtime's reason where it refuses one: a library that is missing, an
 * option that it does not know
 */
export function appendProviders(api: OrtApi, session: Pointer, providers: readonly ProviderRequest[]): void {
  for (const { name, options } of providers) {
    try {
      APPEND[name](api, session, new CStrings(Object.keys(options)), new CStrings(Object.values(options)));
    } catch (cause) {
      throw new BeltsightError(
        'PROVIDER_UNAVAILABLE',
        `ONNX Runtime (${api.library}) cannot use ${name}: ${(cause as Error).message}`,
        { cause },
      );
    }
  }
}

type Append = (api: OrtApi, session: Pointer, keys: CStrings, values: CStrings) => void;

const APPEND: Readonly<Record<AcceleratorName, Append>> = {
  tensorrt(api, session, keys, values) {
    const provider = api.make('createTensorRtOptions');
    try {
      api.call('updateTensorRtOptions', provider, keys.pointers, values.pointers, keys.count);
      api.call('appendTensorRt', session, provider);
    } finally {
      api.release('releaseTensorRtOptions', provider);
    }
  },
  cuda(api, session, keys, values) {
    const provider = api.make('createCudaOptions');
    try {
      api.call('updateCudaOptions', provider, keys.pointers, values.pointers, keys.count);
      api.call('appendCuda', session, provider);
    } finally {
      api.release('releaseCudaOptions', provider);
    }
  },
  webgpu(api, session, keys, values) {
    api.call('appendProvider', session, 'WebGPU', keys.pointers, values.pointers, keys.count);
  },
};
