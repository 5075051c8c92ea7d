import { join } from 'node:path';
import type { CameraStatus, Verdict } from '@beltsight/sdk';
import type { Logger } from 'pino';
import type { DeviceConfig } from '../../config/schema.js';
import type { ServiceObserver } from '../../service/observer.js';
import { InspectionCounter } from './counter.js';

/** The inspection counters of all cameras of a device. */
export class InspectionCounters implements Pick<ServiceObserver, 'close'> {
  private constructor(private readonly counters: ReadonlyMap<string, InspectionCounter>) {}

  static async open({ cameras, state }: DeviceConfig, logger: Logger): Promise<InspectionCounters> {
    const opened = cameras.map(async ({ name }) => {
      const parts = { file: join(state, 'count', `${name}.json`), logger: logger.child({ camera: name }) };
      return [name, await InspectionCounter.open(parts)] as const;
    });
    return new InspectionCounters(new Map(await Promise.all(opened)));
  }

  /** The number of a camera's next result; undefined while there is none that is safe. */
  next(camera: string, verdict: Verdict): number | undefined {
    return this.counters.get(camera)?.next(verdict);
  }

  /** A camera's status with its totals. */
  withTotals(status: CameraStatus): CameraStatus {
    const totals = this.counters.get(status.name)?.totals;
    return totals ? { ...status, totals } : status;
  }

  async close(): Promise<void> {
    for (const counter of this.counters.values()) await counter.close();
  }
}
