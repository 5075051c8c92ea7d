import type { CommandName, ReplyMessage } from '@beltsight/sdk';
import { v7 as uuidv7 } from 'uuid';
import { ZodError } from 'zod';
import type { CommandRunner } from '../../command/runner.js';
import type { Tags } from '../metrics/tags.js';
import type { Value } from '../payload/datatype.js';
import type { Order } from './orders.js';
import type { Write } from './parse.js';

/** Commands that wait for the one in work, at most. */
const MAX_WAITING = 16;

/** Where a command came in: the tags of the node or of a camera, and what to do when they changed. */
export interface Scope {
  readonly tags: Tags;
  readonly orderOf: (write: Write) => Order | undefined;
  readonly changed: () => void;
}

/** Carries out what hosts write, one after the other, and shows in the tags how it went. */
export class Commander {
  #waiting = 0;
  #last: Promise<void> = Promise.resolve();

  constructor(private readonly runner: CommandRunner | undefined) {}

  /** Takes up a write; a command in excess is refused at once. */
  take(scope: Scope, write: Write): void {
    if (this.#waiting >= MAX_WAITING) {
      show(scope, write, undefined, { ok: false, message: 'Too many commands wait: try again when they are done.' });
      return;
    }
    this.#waiting++;
    this.#last = this.#last
      .then(() => this.#carryOut(scope, write))
      .finally(() => {
        this.#waiting--;
      });
  }

  async #carryOut(scope: Scope, write: Write): Promise<void> {
    let order: Order | undefined;
    try {
      order = scope.orderOf(write);
      if (!order) {
        // What is prepared for a later command holds; a released button is shown as it is.
        if (write.name === 'Control/Collect/Class') scope.tags.set({ [write.name]: write.value });
        scope.tags.force(write.name);
        scope.changed();
        return;
      }
      const reply = await this.#run(order.command, order.args);
      show(scope, write, order.command, {
        ok: reply.ok,
        message: reply.error ? `${reply.error.code}: ${reply.error.message}` : null,
        latencyMs: reply.latencyMs,
      });
    } catch (error) {
      show(scope, write, order?.command, { ok: false, message: messageOf(error) });
    }
  }

  async #run(command: CommandName, args: unknown): Promise<ReplyMessage> {
    if (!this.runner) throw new Error('This device takes no commands.');
    return this.runner.run(command, args as never, { source: 'sparkplug', id: uuidv7() });
  }
}

interface Outcome {
  readonly ok: boolean;
  readonly message: string | null;
  readonly latencyMs?: number;
}

/** Buttons come up again by themselves. */
const BUTTONS = new Set(['Control/Trigger']);

function show({ tags, changed }: Scope, { name, value }: Write, command: string | undefined, outcome: Outcome): void {
  const values: Record<string, Value> = {
    'Command/Name': command ?? name,
    'Command/OK': outcome.ok,
    'Command/Message': outcome.message,
    'Command/Latency': outcome.latencyMs ?? null,
    ...(outcome.ok && !BUTTONS.has(name) ? { [name]: value } : {}),
  };
  tags.set(values);
  // A host that wrote a value sees the one that holds, and every outcome, even an equal one.
  for (const shown of [name, 'Command/Name', 'Command/OK']) tags.force(shown);
  changed();
}

function messageOf(error: unknown): string {
  if (error instanceof ZodError)
    return error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
  return (error as Error).message;
}
