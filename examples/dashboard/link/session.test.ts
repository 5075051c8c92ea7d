import { expect, it } from 'vitest';
import { startEmbeddedBroker } from '../../../test/support/embedded-broker.js';
import { waitFor } from '../../../test/support/patience.js';
import { type Credentials, type Listener, Session } from './session.js';

const CREDENTIALS = { username: 'wall', password: 'secret' };
const ignore = () => undefined;

/** A session with a broker that is up before it knows anybody. Waits are noted, and end with `pass`. */
async function refusedSession(credentials?: Credentials) {
  let known = false;
  const broker = await startEmbeddedBroker(0, () => known);
  const states: string[] = [];
  const waits: { readonly ms: number; readonly pass: () => void }[] = [];
  const connection: Listener['connection'] = (state) => states.push(state);
  const session = new Session(
    { broker: broker.url },
    { result: ignore, status: ignore, heatmap: ignore, frame: ignore, alarm: ignore, connection },
    credentials,
    (ms) => new Promise<void>((pass) => waits.push({ ms, pass })),
  );
  void session.run();
  await waitFor(() => expect(states).toEqual(['refused']));
  known = true;
  return { session, broker, states, waits };
}

it('tries refused credentials again after a while: the broker may not have known them yet', async () => {
  const { broker, states, waits } = await refusedSession(CREDENTIALS);
  await waitFor(() => expect(waits.map(({ ms }) => ms)).toEqual([15_000]));
  waits[0]?.pass();
  await waitFor(() => expect(waits).toHaveLength(2));
  waits[1]?.pass();
  await waitFor(() => expect(states.at(-1)).toBe('up'));
  await broker.close();
});

it('waits for a person where there are no credentials, and no longer than for that', async () => {
  const { session, broker, states, waits } = await refusedSession();
  expect(waits).toEqual([]);
  session.signIn(CREDENTIALS);
  await waitFor(() => expect(waits).toHaveLength(1));
  expect(waits[0]?.ms).toBeLessThan(1000);
  waits[0]?.pass();
  await waitFor(() => expect(states.at(-1)).toBe('up'));
  await broker.close();
});
