import { BeltsightError } from '@beltsight/sdk';
import { OF_THE_DISK, OF_THE_MODEL } from './blame.js';
import type { Place, RecordFile, Slot, UpdateRecord } from './store/record.js';
import type { Slots } from './store/slots.js';

/** A model that the service has begun with so often without proving itself is why it does not stay up. */
const MOST_STARTS = 3;

/** A slot that is not used. */
interface PassedOver {
  readonly slot: Slot;
  readonly reason: string;
  /** What lies there is whole, and no good all the same. */
  readonly isTried: boolean;
}

/**
 * The model that a service starts with: the one in use, or where that cannot be opened, or keeps the service from staying up, the one before it, or the one
 * that the device was installed with. What was passed over is written down once another one is open: where none is, the machine is to blame. One that was
 * on probation is not tried again; one that had proved itself is.
 * @param open opens a bundle and proves it on its golden samples
 * @throws BeltsightError of `open` if not even the installed one can be opened; the record is as it was
 */
export async function openInUse<T>(
  record: RecordFile,
  slots: Slots,
  open: (bundle: string) => Promise<T>,
  warn: (line: string) => void,
  now = new Date(),
): Promise<T> {
  const before = record.record;
  const { probation } = before;
  const passedOver: PassedOver[] = [];
  const use = async (place: Place) => {
    const model = await open(slots.path(place));
    if (passedOver.length > 0) await record.writeAnyway(changeOf(before, passedOver, place, now), warn);
    return model;
  };
  try {
    for (const slot of slotsOf(before)) {
      const unfit = unfitness(before, slot);
      const passOver = (reason: string, isTried: boolean) => {
        warn(`${before.slots[slot]?.release ?? `Slot ${slot}`} is not used: ${reason}`);
        passedOver.push({ slot, reason, isTried });
      };
      if (unfit !== undefined) {
        passOver(unfit, true);
        continue;
      }
      if (probation && slot === before.active)
        await record.writeAnyway({ probation: { ...probation, starts: probation.starts + 1 } }, warn);
      try {
        await slots.requireManifest(slot, before.slots[slot]?.manifest ?? '');
        return await use(slot);
      } catch (error) {
        // What is wrong with the machine is no fault of the model.
        if (!(error instanceof BeltsightError)) throw error;
        const isOfTheDisk = OF_THE_DISK.has(error.code);
        if (!isOfTheDisk && !OF_THE_MODEL.has(error.code)) throw error;
        // A disk that forgets is no fault of the release: it is fetched again.
        passOver(error.message, !isOfTheDisk);
      }
    }
    return await use('factory');
  } catch (error) {
    // Nor does it count that the service does not stay up.
    if (probation) await record.writeAnyway({ probation }, warn);
    throw error;
  }
}

/** What to try before the bundle of the installation. */
function slotsOf({ active, fallback }: UpdateRecord): readonly Slot[] {
  if (active === 'factory') return [];
  return fallback === 'factory' || fallback === active ? [active] : [active, fallback];
}

/** Why a slot is not even opened. */
function unfitness({ slots, active, probation }: UpdateRecord, slot: Slot): string | undefined {
  if (!slots[slot]) return 'its slot is empty';
  if (slot !== active || !probation || probation.starts < MOST_STARTS) return undefined;
  return `the service began ${probation.starts} times with it, and never stayed up`;
}

/** What holds once another place is in use. */
function changeOf(before: UpdateRecord, passedOver: readonly PassedOver[], active: Place, now: Date) {
  const slots = { ...before.slots };
  const failed = [...before.failed];
  for (const { slot, reason, isTried } of passedOver) {
    const occupant = slots[slot];
    slots[slot] = null;
    if (!occupant || !isTried || !before.probation || slot !== before.active) continue;
    const { release, digest } = occupant;
    failed.push({ release, digest, at: now.toISOString(), reason });
  }
  return { active, fallback: 'factory' as const, slots, probation: null, failed };
}
