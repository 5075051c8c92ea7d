import { BeltsightError } from '@beltsight/sdk';
import type { RecordFile } from './store/record.js';
import type { Slots } from './store/slots.js';

/** A model that the service has begun with so often without proving itself is why it does not stay up. */
const MOST_STARTS = 3;

/**
 * The model that a service starts with: the one in use, or where that cannot be opened, or keeps the service from staying up, the one before it, or the one
 * that the device was installed with. What was passed over is not tried again.
 * @param open opens a bundle and proves it on its golden samples
 * @throws BeltsightError of `open` if not even the installed one can be opened
 */
export async function openInUse<T>(
  record: RecordFile,
  slots: Slots,
  open: (bundle: string) => Promise<T>,
  warn: (line: string) => void,
  now = new Date(),
): Promise<T> {
  while (true) {
    const { active, fallback, probation } = record.record;
    if (active === 'factory') return open(slots.path('factory'));
    const occupant = record.record.slots[active];
    let reason: string | undefined;
    let tried = true;
    if (!occupant) reason = 'its slot is empty';
    else if (probation && probation.starts >= MOST_STARTS) {
      reason = `the service began ${probation.starts} times with it, and never stayed up`;
    } else {
      if (probation) await record.writeAnyway({ probation: { ...probation, starts: probation.starts + 1 } }, warn);
      try {
        await slots.requireManifest(active, occupant.manifest);
        return await open(slots.path(active));
      } catch (error) {
        // What is wrong with the machine is no fault of the model.
        if (!(error instanceof BeltsightError) || !OF_THE_MODEL.has(error.code)) throw error;
        reason = error.message;
        // A disk that forgets is no fault of the release: it is fetched again.
        tried = !OF_THE_DISK.has(error.code);
      }
    }
    warn(`${occupant?.release ?? `Slot ${active}`} is not used: ${reason}`);
    const failure = tried &&
      occupant && { release: occupant.release, digest: occupant.digest, at: now.toISOString(), reason };
    await record.writeAnyway(
      {
        active: fallback === active ? 'factory' : fallback,
        fallback: 'factory',
        slots: { ...record.record.slots, [active]: null },
        probation: null,
        failed: failure ? [...record.record.failed, failure] : record.record.failed,
      },
      warn,
    );
  }
}

const OF_THE_DISK: ReadonlySet<string> = new Set(['BUNDLE_NOT_FOUND', 'BUNDLE_CORRUPT']);
const OF_THE_MODEL: ReadonlySet<string> = new Set([
  ...OF_THE_DISK,
  'BUNDLE_INVALID',
  'MODEL_INVALID',
  'INFERENCE_FAILED',
]);
