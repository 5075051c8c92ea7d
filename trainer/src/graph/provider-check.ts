import type { OnnxGraph } from '@beltsight/sdk/onnx';
import type { Provider } from './provider.js';
import { GraphSession } from './session.js';

/**
 * Says whether a provider can be used on this machine, without a model.
 * @throws BeltsightError PROVIDER_UNAVAILABLE with what is missing
 */
export async function requireProvider(provider: Provider): Promise<void> {
  if (provider === 'cpu') return;
  await (await GraphSession.open(NOTHING, { provider })).close();
}

/** The smallest graph there is. */
const NOTHING: OnnxGraph = {
  name: 'nothing',
  opsets: { '': 17 },
  inputs: [{ name: 'x', type: 'float32', dims: [1] }],
  outputs: [{ name: 'y', type: 'float32', dims: [1] }],
  initializers: new Map(),
  nodes: [{ opType: 'Identity', domain: '', inputs: ['x'], outputs: ['y'], attributes: {} }],
  metadata: {},
};
