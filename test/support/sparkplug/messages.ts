import type { CameraStatus, ResultMessage, StatusMessage } from '@beltsight/sdk';
import { v7 as uuidv7 } from 'uuid';

/** A result as the service tells it. */
export function result(camera: string, sequence: number, change: Partial<ResultMessage> = {}): ResultMessage {
  return {
    schema: 'beltsight.result/1',
    id: uuidv7(),
    camera,
    frame: { sequence, capturedAt: new Date().toISOString() },
    verdict: 'pass',
    score: 0.1 + sequence / 1000,
    threshold: 0.5,
    pValue: 0.4,
    class: { name: 'red', source: 'recognised', distance: 0.01 },
    modelId: 'm',
    latencyMs: 5 + (sequence % 3),
    ...change,
  };
}

export function cameraStatus(name: string, change: Partial<CameraStatus> = {}): CameraStatus {
  return { name, state: 'running', frames: 0, dropped: 0, failures: 0, inspected: 0, rateHz: 0, ...change };
}

/** A status as the service tells it, of a model with the classes red and blue. */
export function status(cameras: readonly CameraStatus[], state: StatusMessage['state'] = 'online'): StatusMessage {
  return {
    schema: 'beltsight.status/1',
    state,
    at: new Date().toISOString(),
    device: { site: 's', line: 'l', device: 'd' },
    software: { name: 'device', version: '1' },
    model: { id: 'm', classes: ['red', 'blue'] },
    provider: 'cpu',
    cameras: [...cameras],
  };
}
