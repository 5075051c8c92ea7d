import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MailboxReader, MailboxWriter } from './mailbox.js';

/** A mailbox whose slots hold the number of a frame, as both ends see them. */
function mailbox() {
  const words = new Int32Array(new SharedArrayBuffer(8));
  const writer = new MailboxWriter(words);
  const reader = new MailboxReader(words);
  const slots = [-1, -1, -1];
  let written = 0;
  return {
    write: () => {
      slots[writer.slot] = written++;
      return writer.publish();
    },
    /** The slot that is being written, for an observer between two steps. */
    writing: () => writer.slot,
    read: () => {
      const slot = reader.take();
      return slot === undefined ? undefined : { slot, frame: slots[slot] as number };
    },
    arm: () => reader.arm(),
    frameIn: (slot: number) => slots[slot],
    newest: () => written - 1,
  };
}

describe('mailbox', () => {
  it('gives the newest frame, each at most once, and loses none without saying so', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 200 }), (steps) => {
        const box = mailbox();
        let [written, replaced, delivered, last] = [0, 0, 0, -1];
        for (const write of steps) {
          if (write) {
            written++;
            if (box.write().replaced) replaced++;
            continue;
          }
          const got = box.read();
          expect(got === undefined).toBe(last === box.newest());
          if (!got) continue;
          delivered++;
          expect(got.frame).toBe(box.newest());
          last = got.frame;
        }
        const waiting = box.read() ? 1 : 0;
        expect(written).toBe(delivered + replaced + waiting);
      }),
    );
  });

  it('never lets the writer into the slot that is being read', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.array(fc.nat({ max: 5 }), { maxLength: 40 }), (first, bursts) => {
        const box = mailbox();
        for (let i = 0; i < first; i++) box.write();
        for (const burst of bursts) {
          const held = box.read();
          for (let i = 0; i < burst; i++) {
            box.write();
            if (!held) continue;
            expect(box.writing()).not.toBe(held.slot);
            expect(box.frameIn(held.slot)).toBe(held.frame);
          }
        }
      }),
    );
  });

  it('sends one message for each credit, however many frames come', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('write', 'arm'), { maxLength: 200 }), (steps) => {
        const box = mailbox();
        let armed = false;
        for (const step of steps) {
          if (step === 'arm') {
            box.arm();
            armed = true;
          } else {
            expect(box.write().notify).toBe(armed);
            armed = false;
          }
        }
      }),
    );
  });
});
