import type { CameraStatus, ResultMessage } from '@beltsight/sdk';
import type { CameraAlarm } from './alarm/camera-alarm.js';
import { Judge } from './judge/judge.js';
import type { OutputsConfig } from './schema.js';
import type { RejectSignals } from './signal/reject-signals.js';

export interface CameraOutputsParts {
  readonly config: OutputsConfig;
  readonly signals: RejectSignals | undefined;
  readonly alarm: CameraAlarm;
  /** False-reject rate that a class was calibrated for. */
  readonly calibrated: (name: string | null) => number;
}

/** What the results of one camera lead to. */
export class CameraOutputs {
  readonly #judge: Judge;

  constructor(private readonly parts: CameraOutputsParts) {
    this.#judge = new Judge(parts.config);
  }

  result(result: ResultMessage, capturedMs: number): void {
    const { signals, alarm, calibrated } = this.parts;
    const { rejection, finished } = this.#judge.judge(result, capturedMs);
    if (rejection) signals?.push(rejection);
    if (finished) alarm.add(finished, calibrated(finished.class));
  }

  withSignals(status: CameraStatus): CameraStatus {
    const { signals } = this.parts;
    return signals ? { ...status, signals: signals.figures } : status;
  }
}
