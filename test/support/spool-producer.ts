/**
 * A device without cameras, for tests and benchmarks: hands numbered results to a publisher as fast as its spool takes them, and
 * prints `sent N` and `stored N` as far as it is, `memory BYTES` and `dropped JSON`. With no address it has no broker.
 *
 * spool-producer.ts FOLDER FROM TO BURST [URL]
 */
import { writeSync } from 'node:fs';
import { connectMqtt } from '@beltsight/sdk';
import { pino } from 'pino';
import { Outbox } from '../../device/src/publish/outbox.js';
import { Publisher } from '../../device/src/publish/publisher.js';
import { spoolSchema } from '../../device/src/spool/schema.js';

const [folder = '', from = '1', to = '1', burst = '1', url] = process.argv.slice(2);
const TOPIC = 'beltsight/1/s/l/d/camera/belt/result';
/** As large as a result is. */
const RESULT_BYTES = 600;

const logger = pino({ level: 'error' }, pino.destination(2));
/** At once, so that a kill takes nothing back; whoever listens may be slow. */
function say(line: string): void {
  for (let left = Buffer.from(`${line}\n`); left.length > 0; ) {
    try {
      left = left.subarray(writeSync(1, left));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  }
}
const outbox = await Outbox.open({ ...spoolSchema.parse({}), folder, logger });
const publisher = new Publisher({
  connect: (connected) => {
    // Whoever connects tries until there is a broker: here, for ever.
    if (url === undefined) return new Promise(() => undefined);
    return connectMqtt(url, { clientId: 'producer', reconnectPeriod: 100 }, { connected, persist: true });
  },
  outbox,
  logger,
});
void publisher.start();
setInterval(() => {
  say(`memory ${process.memoryUsage.rss()}`);
  say(`dropped ${JSON.stringify(publisher.figures.dropped)}`);
}, 500);

const last = Number(to);
for (let number = Number(from); number <= last; ) {
  const end = Math.min(last, number + Number(burst) - 1);
  for (; number <= end; number++) {
    publisher.send([
      {
        topic: TOPIC,
        payload: Buffer.from(String(number).padEnd(RESULT_BYTES, '.')),
        importance: 'result',
        options: { qos: 1, properties: { contentType: 'application/json' } },
      },
    ]);
  }
  say(`sent ${end}`);
  await outbox.settled();
  say(`stored ${end}`);
  await publisher.ready(AbortSignal.timeout(60_000));
}
if (url !== undefined) await publisher.flush(600_000);
await publisher.close(undefined, 1000);
say(`dropped ${JSON.stringify(publisher.figures.dropped)}`);
say('done');
process.exit(0);
