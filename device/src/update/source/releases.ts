import { Readable } from 'node:stream';
import { BeltsightError } from '@beltsight/sdk';
import {
  type Channel,
  channelPath,
  channelSchema,
  type Release,
  releaseSchema,
  scopesOf,
  targetFile,
} from '@beltsight/sdk/release';
import { BaseFetcher, Updater } from 'tuf-js';
import { DownloadHTTPError } from 'tuf-js/dist/error.js';
import type { z } from 'zod';
import { limited, type ReadLimits } from './limits.js';
import { NotThere, type Transport } from './transport.js';
import type { TrustedMetadata } from './trusted.js';

/** Metadata of thousands of releases stay far below. */
const METADATA_BYTES = 5_000_000;
/** A release or channel document. */
const DOCUMENT_BYTES = 1_000_000;

/** A release with the digest of its signed document, by which a failed one is remembered. */
export interface FoundRelease {
  readonly path: string;
  readonly digest: string;
  readonly release: Release;
}

/** The signed part of a repository, seen through The Update Framework's client: nothing it gives lacks a signature. */
export class Releases {
  constructor(
    private readonly transport: Transport,
    private readonly trusted: TrustedMetadata,
    private readonly limits: Omit<ReadLimits, 'maxBytes'>,
  ) {}

  /**
   * The release that a device shall run: the one that is asked for, or that of the channel in the narrowest scope which has one.
   * @returns undefined where nobody says anything: keep what is running
   * @throws BeltsightError UPDATE_REFUSED if the repository lies, is too old, or has no such release; UPDATE_UNREACHABLE
   */
  async find(
    device: { readonly site: string; readonly line: string },
    wanted: { readonly release: string | null; readonly channel: string },
    signal: AbortSignal,
  ): Promise<FoundRelease | undefined> {
    return this.#session(signal, async (session) => {
      if (wanted.release !== null) return releaseAt(session, wanted.release);
      for (const scope of scopesOf(device)) {
        const found = await session(channelPath(scope, wanted.channel), channelSchema);
        const path = (found?.document as Channel | undefined)?.release;
        if (path) return releaseAt(session, path);
        if (found) return undefined;
      }
      return undefined;
    });
  }

  async #session<T>(signal: AbortSignal, use: (session: Session) => Promise<T>): Promise<T> {
    const read = (path: string, maxBytes: number) =>
      collect(limited(this.transport.read(path, 0, signal), { ...this.limits, maxBytes }, path, signal));
    const fetcher = new TransportFetcher((path) => read(path, METADATA_BYTES));
    try {
      return await this.trusted.with(async (folder) => {
        const updater = new Updater({ metadataDir: folder, metadataBaseUrl: `${BASE}metadata`, fetcher });
        await updater.refresh();
        return use(async (path, schema) => {
          const info = await updater.getTargetInfo(path);
          if (!info) return undefined;
          const { sha256 } = info.hashes;
          if (sha256 === undefined || info.length > DOCUMENT_BYTES) {
            throw refused(`${path} is signed without a SHA-256, or too long`);
          }
          const content = await read(targetFile(path, sha256), info.length);
          await info.verify(Readable.from([content]));
          return { digest: sha256, document: parse(schema, content, path) };
        });
      });
    } catch (cause) {
      if (cause instanceof BeltsightError || signal.aborted) throw cause;
      // The library wraps what a transport throws into text.
      throw fetcher.failure ?? refused((cause as Error).message, cause);
    }
  }
}

type Session = <T extends z.ZodType>(
  path: string,
  schema: T,
) => Promise<{ digest: string; document: z.output<T> } | undefined>;

async function releaseAt(session: Session, path: string): Promise<FoundRelease> {
  const found = await session(path, releaseSchema);
  if (!found) throw refused(`nobody has signed ${path}, or it was revoked`);
  return { path, digest: found.digest, release: found.document };
}

/** The library asks by address; the part below it goes to the transport. */
const BASE = 'http://repository/';

class TransportFetcher extends BaseFetcher {
  failure: BeltsightError | undefined;

  constructor(private readonly read: (path: string) => Promise<Buffer>) {
    super();
  }

  async fetch(url: string): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    try {
      const content = await this.read(decodeURIComponent(new URL(url).pathname).slice(1));
      return new Blob([new Uint8Array(content)]).stream();
    } catch (error) {
      // How the library knows that a root is the newest.
      if (error instanceof NotThere) throw new DownloadHTTPError(error.message, 404);
      if (error instanceof BeltsightError) this.failure = error;
      throw error;
    }
  }
}

async function collect(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function parse<T extends z.ZodType>(schema: T, content: Buffer, path: string): z.output<T> {
  try {
    return schema.parse(JSON.parse(content.toString()));
  } catch (cause) {
    throw refused(
      `${path} is of another version of Beltsight, or no such document: update the device's software`,
      cause,
    );
  }
}

function refused(why: string, cause?: unknown): BeltsightError {
  return new BeltsightError('UPDATE_REFUSED', `The repository is not trusted (${why}): what is running stays.`, {
    cause,
  });
}
