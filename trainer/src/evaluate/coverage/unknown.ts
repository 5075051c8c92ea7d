import { type BundleClass, nearestClass } from '@beltsight/sdk/bundle';
import { without } from '../../export/reach.js';
import { countByName } from './recognition.js';
import type { SeenClass, SeenImage } from './seen.js';
import { type Share, shareOf } from './share.js';
import { type TradeOff, tradeOff } from './trade-off.js';

/** Good products that the model should call unknown. */
interface UnknownProduct {
  /** Called unknown, as they should be. */
  readonly rejected: Share;
  /** Taken for a class and passed by its threshold: what nobody notices. The others that are not unknown are rejected as defective. */
  readonly passed: Share;
  /** Images by the class they were taken for, the most frequent first. */
  readonly takenFor: Readonly<Record<string, number>>;
}

/** One way to have unknown products. */
export interface UnknownTrial {
  readonly products: Readonly<Record<string, UnknownProduct>>;
  readonly rejected: Share;
  readonly passed: Share;
  readonly tradeOff: TradeOff;
}

/** How well products are told apart that the bundle knows from those that it does not. Good products alone. */
export interface UnknownReport {
  /** Good test images of known classes that were called unknown. */
  readonly wronglyUnknown: Share;
  /**
   * Each class's test images with its class taken out of the bundle: the model was trained on them, so this flatters. Null where the
   * bundle has one class.
   */
  readonly leaveOneOut: UnknownTrial | null;
  /** Products that the model was never trained on; null where none were given. */
  readonly foreign: UnknownTrial | null;
}

/**
 * Measures the rejection of unknown products: by leaving a known class out, and with products of which the bundle knows nothing.
 * @param seen classes that the bundle does not know are foreign
 */
export function unknownOf(seen: readonly SeenClass[], classes: readonly BundleClass[]): UnknownReport {
  const good = seen.map(({ name, images }) => ({
    name,
    images: images.filter(({ defect }) => defect === undefined),
  }));
  const isKnown = ({ name }: SeenClass) => classes.some((known) => known.name === name);
  const known = good.filter(isKnown);
  const foreign = good.filter((each) => !isKnown(each));
  const familiar = known.flatMap(({ images }) => images.map((image) => reached(image, classes)));
  const trial = (products: readonly SeenClass[], left: (name: string) => readonly BundleClass[]) => {
    if (products.every(({ images }) => images.length === 0)) return null;
    return trialOf(
      products.map(({ name, images }) => {
        const others = left(name);
        return { name, found: images.map((image) => reached(image, others)) };
      }),
      familiar,
    );
  };
  return {
    wronglyUnknown: unknownShare(familiar),
    leaveOneOut: classes.length < 2 ? null : trial(known, (name) => without(name, classes)),
    foreign: trial(foreign, () => classes),
  };
}

/** The class that an image is nearest to, and how far that is in units of the distance from which on it is unknown. */
interface Reached {
  readonly className: string;
  readonly reach: number;
  /** Whether its score passes the threshold of that class. */
  readonly sound: boolean;
}

function reached(image: SeenImage, classes: readonly BundleClass[]): Reached {
  const { known, distance } = nearestClass(image, classes);
  return { className: known.name, reach: distance / known.maxDistance, sound: image.score < known.threshold };
}

const unknownShare = (found: readonly Reached[]) =>
  shareOf(found.filter(({ reach }) => reach > 1).length, found.length);

const passedShare = (found: readonly Reached[]) =>
  shareOf(found.filter(({ reach, sound }) => reach <= 1 && sound).length, found.length);

function trialOf(
  products: readonly { name: string; found: readonly Reached[] }[],
  familiar: readonly Reached[],
): UnknownTrial {
  const all = products.flatMap(({ found }) => found);
  const entries = products.map(({ name, found }) => {
    const takenFor = countByName(found.map(({ reach, className }) => (reach > 1 ? null : className)));
    return [name, { rejected: unknownShare(found), passed: passedShare(found), takenFor }] as const;
  });
  const reaches = (found: readonly Reached[]) => found.map(({ reach }) => reach);
  return {
    products: Object.fromEntries(entries),
    rejected: unknownShare(all),
    passed: passedShare(all),
    tradeOff: tradeOff(reaches(familiar), reaches(all)),
  };
}
