import type { CameraStatus, StatusMessage } from '@beltsight/sdk';
import type { DeviceConfig } from '../config/schema.js';
import type { ModelInUse } from './model.js';
import { SOFTWARE } from './software.js';

/** What the retained status says of a running service. */
export function statusOf(
  state: StatusMessage['state'],
  config: DeviceConfig,
  model: Pick<ModelInUse, 'manifest' | 'provider' | 'rejected'>,
  cameras: readonly CameraStatus[],
): StatusMessage {
  const degraded = state === 'online' && cameras.some((camera) => camera.state === 'failed');
  return {
    ...bareStatus(degraded ? 'degraded' : state, config),
    software: SOFTWARE,
    model: { id: model.manifest.modelId, classes: model.manifest.classes.map(({ name }) => name) },
    provider: model.provider,
    rejectedProviders: [...model.rejected],
    cameras: [...cameras],
  };
}

/** The last will, and the last word of a service that stopped. */
export function offlineStatus(config: DeviceConfig): StatusMessage {
  return bareStatus('offline', config);
}

function bareStatus(state: StatusMessage['state'], { site, line, device }: DeviceConfig): StatusMessage {
  return { schema: 'beltsight.status/1', state, at: new Date().toISOString(), device: { site, line, device } };
}
