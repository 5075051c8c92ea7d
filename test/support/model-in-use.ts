import type { Model, ModelInUse } from '../../device/src/service/model.js';

/** A model that stays in use, of which there is no more than a manifest. */
export function modelInUse(manifest: object): Pick<Model, 'manifest' | 'provider' | 'runtimeVersion' | 'onUse'> {
  const model = { manifest, provider: 'cpu', runtimeVersion: '1.30.0' } as ModelInUse;
  return { ...model, onUse: (listener) => listener(model) };
}
