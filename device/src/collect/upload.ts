import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  ABOUT_HEADER,
  asciiJson,
  BeltsightError,
  contentDigest,
  type InboxPlace,
  inboxPath,
  isClassName,
} from '@beltsight/sdk';
import { z } from 'zod';
import { pause } from '../pause.js';

export interface Inbox {
  /** Its address, such as https://trainer:8090. */
  readonly url: string;
  readonly token: string;
}

export interface UploadOptions extends Inbox {
  /** Data set folder of `collect`. */
  readonly folder: string;
  /** Hears of every picture. */
  readonly sent: (progress: UploadProgress) => void;
}

export interface UploadProgress {
  readonly total: number;
  /** Sent now. */
  readonly sent: number;
  /** There already. */
  readonly known: number;
}

/** Whether a text can be the address of an inbox. */
export function isInboxAddress(text: string): boolean {
  return /^https?:\/\/[^\s/]+\/?$/.test(text) && URL.canParse(text);
}

const lineSchema = z.looseObject({ file: z.string() });

/** Attempts at one picture, and the wait before the next one. */
const ATTEMPTS = 5;
const WAIT_MS = 1000;
/** For one picture. */
const TIMEOUT_MS = 120_000;

/**
 * Sends all pictures of a data set that the inbox does not have. May be stopped and started again at any time.
 * @throws BeltsightError INBOX_REFUSED saying what the inbox said, INBOX_UNREACHABLE, IO_FAILED
 */
export async function upload(options: UploadOptions, signal: AbortSignal): Promise<UploadProgress> {
  const { folder, sent: hear } = options;
  const places = await placesIn(folder);
  const about = await aboutAll(folder, new Set(places.map(({ className }) => className)));
  let [sent, known] = [0, 0];
  const progress = () => ({ total: places.length, sent, known });
  for (const place of places) {
    if (signal.aborted) break;
    const body = await readFile(join(folder, place.className, 'train', 'good', place.file));
    if (await sendPicture(options, place, body, about.get(keyOf(place)) ?? {}, signal)) sent++;
    else known++;
    hear(progress());
  }
  return progress();
}

async function placesIn(folder: string): Promise<InboxPlace[]> {
  try {
    const places: InboxPlace[] = [];
    const entries = await readdir(folder, { withFileTypes: true });
    for (const { name: className } of entries.filter((entry) => entry.isDirectory() && isClassName(entry.name))) {
      const files = await readdir(join(folder, className, 'train', 'good')).catch(() => []);
      for (const file of files.sort()) if (file.endsWith('.png')) places.push({ className, file });
    }
    if (places.length > 0) return places;
  } catch (cause) {
    throw new BeltsightError('IO_FAILED', `${folder} cannot be read: ${(cause as Error).message}.`, { cause });
  }
  throw new BeltsightError('IO_FAILED', `${folder} holds no <class>/train/good/*.png: collect some first.`);
}

const keyOf = ({ className, file }: InboxPlace) => `${className}/${file}`;

/** What `collect` wrote about pictures, by class and file; lines that cannot be read are left out. */
async function aboutAll(folder: string, classNames: Iterable<string>): Promise<Map<string, object>> {
  const found = new Map<string, object>();
  for (const className of classNames) {
    const text = await readFile(join(folder, className, 'collected.jsonl'), 'utf8').catch(() => '');
    for (const line of text.split('\n')) {
      try {
        const about = lineSchema.parse(JSON.parse(line));
        found.set(keyOf({ className, file: about.file }), about);
      } catch {}
    }
  }
  return found;
}

/**
 * Sends a picture that the inbox does not have.
 * @param about what is known of it
 * @returns whether it had to be sent
 * @throws BeltsightError INBOX_REFUSED saying what the inbox said, INBOX_UNREACHABLE
 */
export async function sendPicture(
  { url, token }: Inbox,
  place: InboxPlace,
  body: Uint8Array<ArrayBuffer>,
  about: object,
  signal: AbortSignal,
): Promise<boolean> {
  const digest = contentDigest(createHash('sha256').update(body).digest());
  const address = new URL(inboxPath(place), url);
  const headers = { authorization: `Bearer ${token}` };
  const there = await request(address, { method: 'HEAD', headers }, signal);
  if (there.status === 401) throw refused(place, 'the token is missing or wrong');
  if (there.status === 200 && there.headers.get('content-digest') === digest) return false;
  const answer = await request(
    address,
    {
      method: 'PUT',
      headers: { ...headers, 'content-digest': digest, 'content-type': 'image/png', [ABOUT_HEADER]: asciiJson(about) },
      body,
    },
    signal,
  );
  if (answer.status === 201 || answer.status === 200) return answer.status === 201;
  throw refused(place, (await answer.text()).trim() || `status ${answer.status}`);
}

/** Tries again where the inbox is away or has trouble; what it refuses for good comes back as it is. */
async function request(address: URL, init: RequestInit, signal: AbortSignal): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    try {
      const limits = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
      const response = await fetch(address, { ...init, signal: limits, redirect: 'error' });
      if (response.status !== 500 && response.status !== 503) return response;
      if (attempt === ATTEMPTS) return response;
    } catch (cause) {
      if (signal.aborted || attempt === ATTEMPTS) {
        const why = ((cause as Error).cause as Error | undefined)?.message ?? (cause as Error).message;
        throw new BeltsightError(
          'INBOX_UNREACHABLE',
          `The inbox at ${address.origin} cannot be reached: ${why}. Is beltsight inbox running there?`,
          { cause },
        );
      }
    }
    await pause(WAIT_MS * 2 ** (attempt - 1) * (0.75 + Math.random() / 2), signal);
  }
}

function refused({ className, file }: InboxPlace, why: string): BeltsightError {
  return new BeltsightError('INBOX_REFUSED', `The inbox does not take ${className}/${file}: ${why}`);
}
