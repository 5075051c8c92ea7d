/**
 * npm run bench -- metrics [--json FILE] [--maps 200] [--size 256]
 *
 * Seconds that the exact pixel metrics take over a set of anomaly maps with masks: ordering of all pixels, AUROC, average
 * precision and best F1, and AUPRO with a threshold at every distinct score.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { aupro } from '../../trainer/src/evaluate/metrics/aupro.js';
import { descendingOrder } from '../../trainer/src/evaluate/metrics/order.js';
import { rank } from '../../trainer/src/evaluate/metrics/ranking.js';

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    maps: { type: 'string', default: '200' },
    size: { type: 'string', default: '256' },
  },
});
const maps = Number(values.maps);
const size = Number(values.size);

const set = randomSet(maps, size);
const [order, orderSeconds] = timed(() => descendingOrder(set.maps));
const [ranking, rankSeconds] = timed(() => rank(set.maps, set.masks, order));
const [overlap, auproSeconds] = timed(() => aupro(set, order));
const seconds = { order: orderSeconds, ranking: rankSeconds, aupro: auproSeconds };
const total = orderSeconds + rankSeconds + auproSeconds;

console.log(`${maps} maps of ${size}x${size}, ${set.maps.length} pixels, ${new Set(set.maps).size} distinct scores:`);
console.table(Object.fromEntries(Object.entries(seconds).map(([step, value]) => [step, Number(value.toFixed(2))])));
console.log(`${total.toFixed(2)} s in all; AUROC ${ranking.auroc?.toFixed(4)}, AUPRO ${overlap?.toFixed(4)}`);
if (values.json) {
  const results = { maps, size, seconds, totalSeconds: total, pixelAuroc: ranking.auroc, aupro: overlap };
  writeFileSync(values.json, `${JSON.stringify(results, null, 2)}\n`);
}

function timed<T>(work: () => T): [result: T, seconds: number] {
  const start = performance.now();
  const result = work();
  return [result, (performance.now() - start) / 1000];
}

/** Noise as scores, raised inside one to three squares a map, which are its mask. */
function randomSet(count: number, side: number) {
  let state = 12345;
  const random = () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state / 0x7fffffff;
  };
  const area = side * side;
  const result = {
    maps: new Float32Array(count * area),
    masks: new Uint8Array(count * area),
    width: side,
    height: side,
  };
  for (let map = 0; map < count; map++) {
    for (let region = 0; region <= Math.floor(random() * 3); region++) {
      const edge = 4 + Math.floor(random() * (side / 6));
      const [top, left] = [Math.floor(random() * (side - edge)), Math.floor(random() * (side - edge))];
      for (let row = top; row < top + edge; row++) {
        result.masks.fill(1, map * area + row * side + left, map * area + row * side + left + edge);
      }
    }
  }
  for (let i = 0; i < result.maps.length; i++) result.maps[i] = random() + (result.masks[i] as number) * 0.4;
  return result;
}
