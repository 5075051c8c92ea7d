import type { CommandReply } from '@beltsight/sdk';
import type { Session } from './link/session.js';
import type { Answer, CameraState } from './state/model.js';
import type { Store } from './state/store.js';

/** What people have devices do; what came of it goes into the state. */
export class Orders {
  /** @param operator name of whoever is at the screen */
  constructor(
    private readonly session: Pick<Session, 'command'>,
    private readonly store: Store,
    private readonly operator: string | undefined,
  ) {}

  /** Without a camera: the first alarm that nobody has acknowledged. */
  async acknowledge(camera?: string): Promise<void> {
    const { alarms } = this.store.current;
    const first = [...alarms].find(([, { message }]) => message.state === 'raised')?.[0];
    const key = camera ?? first;
    const raised = key === undefined ? undefined : alarms.get(key);
    if (key === undefined || !raised || raised.acknowledgement?.state === 'sent') return;
    const { id: alarm, camera: name } = raised.message;
    await this.#ask(
      this.session.command(raised.address, 'acknowledge', { camera: name, alarm, ...this.#by }),
      () => 'The device has taken it.',
      (answer) => this.store.change({ type: 'acknowledgement', camera: key, acknowledgement: { alarm, ...answer } }),
    );
  }

  /** @param product the class it is of, where the model did not know it */
  async falseAlarm({ address, name }: CameraState, result: string, product: string | undefined): Promise<void> {
    const before = this.store.current.judgements.get(result)?.state;
    if (before === 'sent' || before === 'taken') return;
    const args = { camera: name, result, judgement: 'false-alarm' as const, ...this.#by };
    await this.#ask(
      this.session.command(address, 'feedback', product === undefined ? args : { ...args, class: product }),
      (kept) =>
        kept.new
          ? `Marked as a false alarm: filed as a good ${kept.class} for training.`
          : `Was marked as a false alarm before, as a good ${kept.class}.`,
      (answer) => this.store.change({ type: 'judgement', result, answer }),
    );
  }

  get #by(): { readonly by?: string } {
    return this.operator === undefined ? {} : { by: this.operator };
  }

  async #ask<V>(
    asked: Promise<{ ok: true; value: V } | Extract<CommandReply<'status'>, { ok: false }>>,
    done: (value: V) => string,
    tell: (answer: Answer) => void,
  ): Promise<void> {
    tell({ state: 'sent', text: 'sent, waiting for the device…' });
    try {
      const reply = await asked;
      if (reply.ok) tell({ state: 'taken', text: done(reply.value) });
      else tell({ state: 'refused', text: `Refused: ${reply.error.message}` });
    } catch (error) {
      tell({ state: 'refused', text: (error as Error).message });
    }
  }
}
