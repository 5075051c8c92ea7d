import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';

const encode = (text: string) => Buffer.from(text);
const deep = (open: string, close: string, depth: number) => encode(open.repeat(depth) + close.repeat(depth));

/** Payloads that have broken parsers before. */
const CLASSICS: readonly Buffer[] = [
  ...[
    '',
    ' ',
    '{',
    '}',
    '[',
    ']',
    '"',
    'null',
    'true',
    '0',
    '-',
    '1e999',
    '-1e999',
    '{}',
    '[]',
    '[[]]',
    '{"":{}}',
    'NaN',
  ],
  ...[
    '{"__proto__":{"polluted":true}}',
    '{"constructor":{"prototype":{"polluted":true}}}',
    '\u0000',
    '\ufeff{}',
    '{"a":1,}',
  ],
  `{"id":${'9'.repeat(400)}}`,
]
  .map(encode)
  .concat([
    deep('[', ']', 50_000),
    deep('{"a":', '}', 50_000),
    encode('['.repeat(100_000)),
    encode(`"${'a'.repeat(100_000)}"`),
    Buffer.alloc(100_000, 0xff),
    Buffer.from([0xc3, 0x28, 0xa0, 0xa1, 0xe2, 0x28, 0xa1, 0xf0, 0x28, 0x8c, 0xbc]),
  ]);
const VALUES: readonly unknown[] = [
  ...[null, true, '', [], {}, -1, 1.5, 1e308, -0, 2 ** 53, '\ud800', '../../etc/passwd', 'a'.repeat(5000)],
  ...[{ __proto__: null }, [[[[]]]], { length: 1e9 }, '2026-13-45T99:99:99Z', 'toString', '__proto__'],
];

/**
 * Hostile payloads, the same for the same seed: bytes, broken JSON, and valid messages that were truncated, had bytes flipped, values
 * replaced, or keys taken from a prototype.
 * @param valid messages that are valid, as the parser under test wants them
 */
export function* hostilePayloads(valid: readonly Uint8Array[], count: number, seed = 1): Generator<Buffer> {
  yield* CLASSICS;
  const kinds = [
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    fc.json({ maxDepth: 4 }).map(encode),
  ];
  const drawn = fc.sample(fc.oneof(...kinds), { numRuns: 2000, seed });
  const random = generator(seed);
  const below = (n: number) => Math.floor(random() * n);
  for (let i = CLASSICS.length; i < count; i++) {
    const message = valid[below(valid.length)];
    if (i % 5 === 0 || !message) yield drawn[below(drawn.length)] as Buffer;
    else if (i % 5 === 1) yield Buffer.from(message.subarray(0, below(message.length)));
    else if (i % 5 === 2) yield flipped(message, below);
    else yield altered(message, below);
  }
}

function flipped(message: Uint8Array, below: (n: number) => number): Buffer {
  const bytes = Buffer.from(message);
  for (let n = 1 + below(4); n > 0; n--) bytes[below(bytes.length)] = below(256);
  return bytes;
}

/** One value, anywhere in the message, becomes another, or a key becomes one that objects have already. */
function altered(message: Uint8Array, below: (n: number) => number): Buffer {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(message).toString());
  } catch {
    return flipped(message, below);
  }
  if (parsed === null || typeof parsed !== 'object') return flipped(message, below);
  let node = parsed as Record<string, unknown>;
  for (;;) {
    const keys = Object.keys(node);
    const key = keys[below(keys.length)] as string;
    const child = node[key];
    if (child !== null && typeof child === 'object' && Object.keys(child).length > 0 && below(2)) {
      node = child as Record<string, unknown>;
      continue;
    }
    if (below(4) === 0) delete node[key];
    else node[key] = VALUES[below(VALUES.length)];
    return Buffer.from(JSON.stringify(parsed));
  }
}

/** Bytes of heap in use after a collection. */
export function heapInUse(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}

/** Mulberry32. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
