import { describe, expect, it } from 'vitest';
import { waitFor } from '../../../test/support/patience.js';
import type { Frame } from '../camera/frame.js';
import { CameraControl } from './control.js';

/** A camera that gives a frame for each that is asked of it; what is taken of them is `seen`. */
function running(trigger: 'free' | 'software', maxAgeMs = 0) {
  const control = new CameraControl({ name: 'belt', trigger }, { timeoutMs: 1000, pending: 2, maxAgeMs });
  const ending = new AbortController();
  let [wanted, given] = [0, 0];
  async function* frames(): AsyncGenerator<Frame> {
    while (!ending.signal.aborted) {
      if (given === wanted) await new Promise((resolve) => setTimeout(resolve, 1));
      else {
        const picture = { format: 'RGB24', width: 1, height: 1, data: new Uint8Array(3) } as const;
        yield { ...picture, sequence: given++, capturedMs: performance.now() };
      }
    }
  }
  const seen: number[] = [];
  const done = (async () => {
    for await (const item of control.select({ paced: true }, frames(), () => undefined, ending.signal)) {
      if (!('frame' in item)) continue;
      seen.push(item.frame.sequence);
      item.shot?.settle({} as never);
    }
  })();
  const give = async (count: number) => {
    wanted += count;
    await waitFor(() => expect(given).toBe(wanted));
    await new Promise((resolve) => setTimeout(resolve, 5));
  };
  const end = () => {
    ending.abort();
    return done;
  };
  return { control, seen, give, end };
}

describe('CameraControl', () => {
  it('counts the frames that no trigger took, each once another has come', async () => {
    const { control, seen, give, end } = running('software');
    expect(control.status.untriggered).toBe(0);
    await give(4);
    expect(control.status.untriggered).toBe(3);
    const asked = control.trigger.request();
    await give(1);
    await asked;
    expect([seen, control.status.untriggered]).toEqual([[4], 4]);
    await give(3);
    expect(control.status.untriggered).toBe(6);
    await end();
  });

  it('counts no frame that a later trigger took, nor one of a pause', async () => {
    const { control, seen, give, end } = running('software', 60_000);
    await give(1);
    await control.trigger.request();
    await give(2);
    expect([seen, control.status.untriggered]).toEqual([[0], 1]);
    control.paused = true;
    await give(5);
    expect(control.status.untriggered).toBe(1);
    await end();
  });

  it('has nothing to count where every frame is to be inspected', async () => {
    const { control, seen, give, end } = running('free');
    await give(1);
    await waitFor(() => expect(seen).toEqual([0]));
    expect(control.status).not.toHaveProperty('untriggered');
    await end();
  });
});
