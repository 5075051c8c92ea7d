import type { DeviceTopics, ResultMessage } from '@beltsight/sdk';
import { v7 as uuidv7 } from 'uuid';
import { capturedAt, type Frame } from '../camera/frame.js';
import type { CameraConfig } from '../config/schema.js';
import { JSON_TEXT, type OutgoingMessage } from '../publish/outbox.js';
import type { Inspection } from '../score/scorer.js';

/** Score of a result whose model gave none that is a number: JSON has no other words for it, and it must not read as a good one. */
export const NO_SCORE = Number.MAX_VALUE;

/**
 * The result of one inspected frame.
 * @param count number of the inspection, where there is one
 */
export function resultOf(frame: Frame, inspection: Inspection, camera: string, count?: number): ResultMessage {
  const { modelId, verdict, score, threshold, pValue, className, classSource, distance } = inspection;
  return {
    schema: 'beltsight.result/1',
    id: uuidv7(),
    camera,
    frame: {
      sequence: frame.sequence,
      capturedAt: new Date(capturedAt(frame)).toISOString(),
      ...(frame.source === undefined ? {} : { source: frame.source }),
    },
    verdict,
    score: Number.isFinite(score) ? score : NO_SCORE,
    threshold,
    pValue,
    class: { name: className, source: classSource, distance },
    modelId,
    latencyMs: performance.now() - frame.capturedMs,
    ...(count === undefined ? {} : { count }),
  };
}

/** What is published of a result. */
export function resultMessage(
  result: ResultMessage,
  { name, resultExpirySeconds }: Pick<CameraConfig, 'name' | 'resultExpirySeconds'>,
  topics: DeviceTopics,
): OutgoingMessage {
  const expiry = resultExpirySeconds === null ? {} : { messageExpiryInterval: resultExpirySeconds };
  return {
    topic: topics.result(name),
    payload: Buffer.from(JSON.stringify(result)),
    importance: 'result',
    options: { qos: 1, properties: { ...JSON_TEXT, ...expiry } },
  };
}
