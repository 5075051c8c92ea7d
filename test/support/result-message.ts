import { type ResultMessage, resultSchema, type Verdict } from '@beltsight/sdk';

let made = 0;

/** A valid result of camera "belt". */
export function resultOf({
  verdict = 'pass',
  sequence = 0,
  camera = 'belt',
  count,
  latencyMs = 10,
}: {
  verdict?: Verdict;
  sequence?: number;
  camera?: string;
  count?: number;
  latencyMs?: number;
}): ResultMessage {
  const known = verdict !== 'unknown';
  return resultSchema.parse({
    schema: 'beltsight.result/1',
    id: `019aa8f2-6c0e-7c55-a3a2-${(made++).toString(16).padStart(12, '0')}`,
    camera,
    frame: { sequence, capturedAt: '2026-01-01T00:00:00.000Z' },
    verdict,
    score: verdict === 'pass' ? 0.5 : 2,
    threshold: known ? 1 : null,
    pValue: known ? 0.5 : null,
    class: { name: known ? 'cap' : null, source: 'recognised', distance: 0.1 },
    modelId: 'model',
    latencyMs,
    ...(count === undefined ? {} : { count }),
  });
}
