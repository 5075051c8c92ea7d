import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { Backlog, type BacklogLimits, type BacklogOptions } from './backlog.js';
import { OVERHEAD_BYTES } from './ledger.js';
import type { Importance } from './record.js';
import { Segment } from './segment.js';

const logger = pino({ level: 'silent' });
const ROOMY: BacklogLimits = { maxBytes: 2 ** 24, maxAgeMs: 1e12, memoryBytes: 2 ** 22 };

let root: string;
let number = 0;
const open = new Set<Backlog>();
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'beltsight-spool-'));
});
afterEach(async () => {
  for (const backlog of open) await close(backlog);
});
afterAll(() => rm(root, { recursive: true }));

const freshFolder = () => join(root, String(number++));
async function backlogIn(folder: string, options: Partial<BacklogOptions> = {}): Promise<Backlog> {
  const backlog = await Backlog.open({ folder, limits: ROOMY, sync: 1000, logger, ...options });
  open.add(backlog);
  return backlog;
}
async function close(backlog: Backlog): Promise<void> {
  open.delete(backlog);
  await backlog.close();
}

const keysOf = (backlog: Backlog) => {
  const keys: number[] = [];
  for (let key = backlog.next(0); key !== undefined; key = backlog.next(key + 1)) keys.push(key);
  return keys;
};
/** Bodies of all that waits, read from wherever they are. */
const contents = (backlog: Backlog) =>
  keysOf(backlog).flatMap((key) => {
    const record = backlog.read(key);
    return record ? [Buffer.from(record.body).toString()] : [];
  });
const fill = async (folder: string, count: number, bytes = 200) => {
  // Twice: what was in the log at the first closing is a table of the store after the second opening.
  for (let i = 0; i < count; ) {
    const backlog = await backlogIn(folder);
    for (const end = i + count / 2; i < end; i++) backlog.push(Buffer.from(`${i}`.padEnd(bytes)), 'result');
    await close(backlog);
  }
};

describe('Backlog', () => {
  const push = fc.record({ bytes: fc.nat(300), importance: fc.constantFrom<Importance>('picture', 'result') });
  const step = fc.oneof(
    { weight: 8, arbitrary: push },
    { weight: 3, arbitrary: fc.record({ take: fc.nat(4) }) },
    { weight: 1, arbitrary: fc.constant('reopen' as const) },
    { weight: 1, arbitrary: fc.constant('load' as const) },
  );

  it('holds in order what a bounded list would hold, over restarts, and gives up pictures first', async () => {
    const maxBytes = 4000;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const folder = freshFolder();
        const limits = { ...ROOMY, maxBytes, memoryBytes: maxBytes };
        let backlog = await backlogIn(folder, { limits });
        let model: { body: string; importance: Importance }[] = [];
        const size = () => model.reduce((sum, { body }) => sum + body.length + OVERHEAD_BYTES, 0);
        for (const [i, each] of steps.entries()) {
          if (each === 'reopen') {
            await close(backlog);
            backlog = await backlogIn(folder, { limits });
          } else if (each === 'load') {
            await backlog.load(backlog.next(0) ?? 0);
          } else if ('take' in each) {
            const key = keysOf(backlog)[each.take];
            if (key !== undefined) backlog.remove(key);
            model = model.filter((_, index) => index !== each.take);
          } else {
            const body = `${i}`.padEnd(each.bytes, '.');
            backlog.push(Buffer.from(body), each.importance);
            model.push({ body, importance: each.importance });
            while (size() > maxBytes) {
              const picture = model.findIndex(({ importance }) => importance === 'picture');
              model.splice(Math.max(0, picture), 1);
            }
          }
          expect(backlog.figures).toMatchObject({ messages: model.length, bytes: size(), fault: undefined });
        }
        expect(contents(backlog)).toEqual(model.map(({ body }) => body));
        await close(backlog);
        await rm(folder, { recursive: true });
      }),
      { numRuns: 60 },
    );
  });

  it('keeps little in memory, and reads the rest from disk ahead of need', async () => {
    const backlog = await backlogIn(freshFolder(), { limits: { ...ROOMY, memoryBytes: 100_000 } });
    for (let i = 0; i < 1000; i++) {
      backlog.push(Buffer.from(`${i}`.padEnd(1000)), 'result');
      if (i % 50 === 0) await backlog.settled();
    }
    await backlog.settled();
    const keys = keysOf(backlog);
    const inMemory = () => keys.filter((key) => backlog.get(key)).length;
    expect(keys).toHaveLength(1000);
    expect(inMemory()).toBeLessThan(60);
    const first = keys.find((key) => !backlog.get(key)) as number;
    await backlog.load(first);
    expect(Buffer.from(backlog.get(first)?.body ?? []).toString()).toBe(`${first - (keys[0] as number)}`.padEnd(1000));
    expect(inMemory()).toBeGreaterThan(200);
    expect(backlog.figures.dropped).toEqual({ picture: 0, result: 0, expired: 0, damaged: 0 });
  });

  it('writes pictures only when memory fills', async () => {
    const folder = freshFolder();
    const backlog = await backlogIn(folder, { limits: { ...ROOMY, memoryBytes: 400_000 } });
    for (let i = 0; i < 200; i++) {
      backlog.push(Buffer.alloc(1000, i), 'picture');
      await backlog.settled();
    }
    const written = keysOf(backlog).filter((key) => !backlog.get(key)).length;
    expect(written).toBe(0);
    for (let i = 0; i < 300; i++) {
      backlog.push(Buffer.alloc(1000, i), 'picture');
      await backlog.settled();
    }
    expect(keysOf(backlog).filter((key) => !backlog.get(key)).length).toBeGreaterThan(200);
    expect(backlog.figures.dropped.picture).toBe(0);
  });

  it('gives up what is too old, by a clock that does not step, and counts it', async () => {
    let now = Date.UTC(2026, 0);
    const limits = { ...ROOMY, maxAgeMs: 10_000 };
    const folder = freshFolder();
    let backlog = await backlogIn(folder, { limits, now: () => now });
    backlog.push(Buffer.from('old'), 'result');
    now += 9000;
    backlog.push(Buffer.from('young'), 'result');
    expect(backlog.figures.oldestAt).toBe(now - 9000);
    await close(backlog);
    now += 2000;
    backlog = await backlogIn(folder, { limits, now: () => now });
    expect(contents(backlog)).toEqual(['young']);
    expect(backlog.figures.dropped.expired).toBe(1);
    await close(backlog);
    // A clock that was not set yet: nothing is from the future, nor decades old.
    now = Date.UTC(1970, 0);
    backlog = await backlogIn(folder, { limits, now: () => now });
    expect(contents(backlog)).toEqual(['young']);
  });

  it('refuses a folder that is in use, and says so', async () => {
    const folder = freshFolder();
    await backlogIn(folder);
    await expect(Backlog.open({ folder, limits: ROOMY, sync: 1000, logger })).rejects.toMatchObject({
      code: 'SPOOL_IN_USE',
      message: expect.stringMatching(/in use by another process.*state/),
    });
  });

  it('works in memory while the disk refuses, within its bounds, and goes on with the disk when it is back', async () => {
    const folder = freshFolder();
    await fill(folder, 4);
    const aside = `${folder}.aside`;
    await rename(folder, aside);
    await writeFile(folder, 'a file where the folder should be');
    const backlog = await backlogIn(folder, { limits: { ...ROOMY, memoryBytes: 10_000 }, retryMs: 20 });
    expect(backlog.figures.fault).toMatch(/EEXIST|ENOTDIR|exist/);
    for (let i = 0; i < 30; i++) backlog.push(Buffer.from(`new ${i}`.padEnd(1000)), 'result');
    expect(contents(backlog)).toHaveLength(10);
    expect(backlog.figures.dropped.result).toBe(20);
    await rm(folder);
    await rename(aside, folder);
    await expect.poll(() => backlog.figures.fault, { timeout: 30_000 }).toBeUndefined();
    const expected = ['0', '1', '2', '3', ...Array.from({ length: 10 }, (_, i) => `new ${i + 20}`)];
    expect(contents(backlog).map((text) => text.trim())).toEqual(expected);
    await close(backlog);
    expect(contents(await backlogIn(folder)).map((text) => text.trim())).toEqual(expected);
  });
});

describe('a spool over starts of a device whose clock is wrong', () => {
  const DAY_MS = 86_400_000;
  const limits = { ...ROOMY, maxAgeMs: 7 * DAY_MS };
  const JUNE = Date.UTC(2026, 5);
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  const warnings: string[] = [];
  const warned = pino({ level: 'warn' }, { write: (line) => warnings.push(JSON.parse(line).msg) });
  /** Starts with the clock at `at`. */
  const start = async (folder: string, at: number) => {
    warnings.length = 0;
    vi.setSystemTime(at);
    return backlogIn(folder, { limits, logger: warned });
  };

  it('keeps what waits where the clock was days late until the network set it', async () => {
    const folder = freshFolder();
    let backlog = await start(folder, JUNE);
    for (const text of ['a', 'b']) backlog.push(Buffer.from(text), 'result');
    await backlog.settled();
    vi.setSystemTime(JUNE + 10 * DAY_MS);
    backlog.push(Buffer.from('c'), 'result');
    await close(backlog);
    backlog = await start(folder, JUNE + 10 * DAY_MS + 3_600_000);
    expect(contents(backlog)).toEqual(['a', 'b', 'c']);
    expect(backlog.figures.dropped.expired).toBe(0);
    expect(warnings).toEqual([expect.stringMatching(/leap by 10 days.*late/)]);
    const ages = keysOf(backlog).map((key) => backlog.ageOf(key) / 3_600_000);
    expect(ages.every((age) => age > 0.9 && age < 1.1)).toBe(true);
  });

  it.each([
    ['years ahead', Date.UTC(2036, 0)],
    ['in 1970', 0],
    ['right, after weeks without power', JUNE + 30 * DAY_MS],
  ])('keeps what waits where the clock is %s', async (_, then) => {
    const folder = freshFolder();
    let backlog = await start(folder, JUNE);
    backlog.push(Buffer.from('a'), 'result');
    vi.setSystemTime(JUNE + 3_600_000);
    await close(backlog);
    backlog = await start(folder, then);
    expect(contents(backlog)).toEqual(['a']);
    expect(warnings).toHaveLength(then > JUNE ? 1 : 0);
    backlog.push(Buffer.from('b'), 'result');
    await close(backlog);
    // And where it is right again.
    backlog = await start(folder, JUNE + DAY_MS);
    expect(contents(backlog)).toEqual(['a', 'b']);
  });

  it('says when the oldest was pushed by the clock that was set since, and changes no age', async () => {
    const backlog = await start(freshFolder(), 20_000);
    backlog.push(Buffer.from('a'), 'result');
    vi.setSystemTime(JUNE);
    await vi.waitFor(() => expect(backlog.figures.oldestAt).toBeGreaterThan(JUNE - 10_000), { timeout: 10_000 });
    expect(backlog.ageOf(keysOf(backlog)[0] as number)).toBeLessThan(10_000);
    vi.setSystemTime(JUNE - 30 * DAY_MS);
    backlog.push(Buffer.from('b'), 'result');
    for (const key of keysOf(backlog)) expect(backlog.ageOf(key)).toBeLessThan(20_000);
    expect(backlog.figures.oldestAt).toBeLessThan(JUNE - 29 * DAY_MS);
    expect(backlog.figures.dropped.expired).toBe(0);
  });
});

describe('a damaged spool', () => {
  const random = (seed: number) => () => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return seed / 0x7fffffff;
  };

  it('opens whatever bits are flipped, gives what is sound in order, and takes new messages', async () => {
    const original = freshFolder();
    await fill(original, 3000);
    let survivors = 0;
    for (let seed = 1; seed <= 30; seed++) {
      const next = random(seed * 7919);
      const folder = freshFolder();
      await cp(original, folder, { recursive: true });
      const files = (await readdir(folder)).filter((name) => name !== 'lock').sort();
      const file = join(folder, files[Math.floor(next() * files.length)] as string);
      const bytes = await readFile(file);
      for (let flips = 1 + Math.floor(next() * 40); flips > 0; flips--) {
        const at = Math.floor(next() * bytes.length);
        bytes[at] = (bytes[at] as number) ^ (1 << Math.floor(next() * 8));
      }
      await writeFile(file, bytes);
      const backlog = await backlogIn(folder);
      backlog.push(Buffer.from('9999'), 'result');
      const texts = contents(backlog);
      const numbers = texts.map(Number);
      expect(numbers.at(-1)).toBe(9999);
      expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
      expect(texts.slice(0, -1)).toEqual(numbers.slice(0, -1).map((number) => `${number}`.padEnd(200)));
      expect(backlog.figures.fault).toBeUndefined();
      expect(backlog.figures.dropped.damaged).toBeGreaterThan(0);
      expect(numbers.length).toBeGreaterThan(3000 - 41);
      survivors += numbers.length - 1;
      await close(backlog);
      await rm(folder, { recursive: true });
    }
    expect(survivors).toBeLessThan(30 * 3000);
  });

  it('notices damage that comes while it runs, and gives what is sound', async () => {
    const folder = freshFolder();
    await fill(folder, 100);
    const backlog = await backlogIn(folder);
    for (const name of await readdir(folder)) {
      if (!name.endsWith('result')) continue;
      const bytes = await readFile(join(folder, name));
      bytes[bytes.length - 50] = 7;
      await writeFile(join(folder, name), bytes);
    }
    await backlog.load(backlog.next(0) as number);
    expect(backlog.figures).toMatchObject({ messages: 98, dropped: { damaged: 2 } });
    expect(contents(backlog).map(Number)).not.toContain(99);
  });

  it('of another version is moved aside', async () => {
    const folder = freshFolder();
    await mkdir(folder);
    await writeFile(join(folder, '000000007.result'), 'BLSP\x02 from the future');
    const backlog = await backlogIn(folder);
    expect([backlog.count, backlog.figures.fault]).toEqual([0, undefined]);
    expect((await readFile(join(folder, '000000007.result.damaged'))).toString()).toMatch(/future/);
  });

  it('with files that cannot be read gives what the others hold, takes new messages, and keeps few of those', async () => {
    const folder = freshFolder();
    await fill(folder, 4);
    // Reading a folder fails as reading a bad sector does; these come before, between and behind what is sound.
    const unreadable = ['000000000', '000000003', '000000004', '000000005', '000000006'].map(
      (name) => `${name}.result`,
    );
    for (const name of unreadable) await mkdir(join(folder, name, 'inside'), { recursive: true });
    const errors: string[] = [];
    const listening = pino({ level: 'error' }, { write: (line) => errors.push(JSON.parse(line).msg) });
    let backlog = await backlogIn(folder, { logger: listening });
    expect(backlog.figures).toMatchObject({ messages: 4, fault: undefined, dropped: { damaged: 5 } });
    for (const name of unreadable) expect(errors.filter((text) => text.includes(name))).toHaveLength(1);
    backlog.push(Buffer.from('4'), 'result');
    await close(backlog);
    backlog = await backlogIn(folder);
    expect(contents(backlog).map(Number)).toEqual([0, 1, 2, 3, 4]);
    expect(backlog.figures).toMatchObject({ fault: undefined, dropped: { damaged: 0 } });
    const aside = (await readdir(folder)).filter((name) => name.endsWith('.damaged'));
    expect(aside).toEqual(unreadable.slice(-3).map((name) => `${name}.damaged`));
  });

  it('leaves files that another user has written where they are, for when they may be read', async () => {
    const folder = freshFolder();
    await fill(folder, 4);
    const names = await readdir(folder);
    const refused = Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' });
    const opening = vi.spyOn(Segment, 'open').mockRejectedValueOnce(refused);
    let backlog = await backlogIn(folder);
    opening.mockRestore();
    expect(backlog.figures).toMatchObject({ messages: 2, fault: undefined, dropped: { damaged: 1 } });
    await close(backlog);
    expect(await readdir(folder)).toEqual(expect.arrayContaining(names.filter((name) => name.endsWith('.result'))));
    backlog = await backlogIn(folder);
    expect(backlog.figures).toMatchObject({ messages: 4, dropped: { damaged: 0 } });
  });

  it('never writes a file that can be neither read nor set aside', async () => {
    const folder = freshFolder();
    await fill(folder, 4);
    await mkdir(join(folder, '000000009.result'));
    await writeFile(join(folder, '000000009.result.damaged'), 'no folder is renamed to this');
    const backlog = await backlogIn(folder);
    backlog.push(Buffer.from('4'), 'result');
    await backlog.settled();
    expect(backlog.figures).toMatchObject({ messages: 5, fault: undefined, dropped: { damaged: 1 } });
    expect(await readdir(join(folder, '000000009.result'))).toEqual([]);
    expect(await readdir(folder)).toContain('000000010.result');
  });

  it('that a power cut has cut anywhere loses the end, and nothing before it', async () => {
    const original = freshFolder();
    await fill(original, 400);
    const last = (await readdir(original))
      .filter((name) => name.endsWith('result'))
      .sort()
      .at(-1) as string;
    const { size } = await stat(join(original, last));
    for (let part = 0; part <= 20; part++) {
      const folder = freshFolder();
      await cp(original, folder, { recursive: true });
      await truncate(join(folder, last), Math.floor((size * part) / 20));
      const backlog = await backlogIn(folder);
      backlog.push(Buffer.from('400'), 'result');
      await close(backlog);
      const numbers = contents(await backlogIn(folder)).map(Number);
      expect(numbers.slice(0, -1)).toEqual(numbers.slice(0, -1).map((_, i) => i));
      expect(numbers.at(-1)).toBe(400);
      expect(numbers.length - 1).toBeGreaterThanOrEqual(part === 20 ? 400 : 200);
    }
  });
});
