import {
  type DesiredMessage,
  desiredSchema,
  type ParsedTopic,
  statusSchema,
  topicsOf,
  type UpdateStateMessage,
  updateStateSchema,
} from '@beltsight/sdk';
import type { z } from 'zod';

/** What the broker has of one device. */
export interface Sight {
  /** undefined: nothing, or nothing that can be read. */
  readonly report?: UpdateStateMessage | undefined;
  readonly desired?: DesiredMessage | undefined;
  /** Its status says so: it has gone, or its last will has come. */
  readonly offline?: boolean;
}

/** Longer messages are none of a device that behaves, nor of a rollout of ten thousand. */
const LONGEST_BYTES = 4 * 2 ** 20;
const NOTHING: Sight = {};

/** What the devices of a rollout say, and what is desired of them: the latest of each. */
export class Fleet {
  readonly #sights: Map<string, Sight>;

  /** @param devices what others say is not kept */
  constructor(readonly devices: readonly string[]) {
    this.#sights = new Map(devices.map((device) => [device, NOTHING]));
  }

  of(device: string): Sight {
    return this.#sights.get(device) ?? NOTHING;
  }

  /** What was heard counts no more: it is asked for anew. */
  forget(): void {
    for (const device of this.devices) this.#sights.set(device, NOTHING);
  }

  hear(topic: ParsedTopic, payload: Uint8Array): void {
    const device = nameOf(topic);
    const before = this.#sights.get(device);
    if (!before) return;
    if (topic.kind === 'update/state') {
      this.#sights.set(device, { ...before, report: messageOf(updateStateSchema, payload) });
    } else if (topic.kind === 'update/desired') {
      this.#sights.set(device, { ...before, desired: messageOf(desiredSchema, payload) });
    } else if (topic.kind === 'status') {
      this.#sights.set(device, { ...before, offline: messageOf(statusSchema, payload)?.state === 'offline' });
    }
  }
}

/** `<site>/<line>/<device>`. */
export function nameOf({ site, line, device }: { site: string; line: string; device: string }): string {
  return `${site}/${line}/${device}`;
}

/** The topics of the device that {@link nameOf} gave the name. */
export function topicsOfName(name: string) {
  const [site = '', line = '', device = ''] = name.split('/');
  return topicsOf({ site, line, device });
}

/** A message as its schema has it; undefined for none, and for what another program wrote. */
export function messageOf<T extends z.ZodType>(schema: T, payload: Uint8Array): z.output<T> | undefined {
  if (payload.length === 0 || payload.length > LONGEST_BYTES) return undefined;
  try {
    return schema.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload)));
  } catch {
    return undefined;
  }
}
