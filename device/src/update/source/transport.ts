/** Where the files of a repository come from. What it gives is not trusted: whoever asks checks length and digest. */
export interface Transport {
  /** What people call it in logs: an address without secrets. */
  readonly name: string;
  /**
   * Bytes of a file from an offset on. Ends where the file ends, fails where the transport does.
   * @param path below the root of the repository, such as `metadata/timestamp.json`
   * @throws BeltsightError UPDATE_UNREACHABLE; {@link NotThere} if the repository says that it has no such file;
   *   {@link NoRanges} if it gives files from their beginning alone, and the offset is another
   */
  read(path: string, offset: number, signal: AbortSignal): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

/** The repository gives no part of a file, only the whole. */
export class NoRanges extends Error {
  override readonly name = 'NoRanges';

  constructor(path: string) {
    super(`The repository gives ${path} from its beginning alone.`);
  }
}

/** The repository has no such file. */
export class NotThere extends Error {
  override readonly name = 'NotThere';

  constructor(path: string) {
    super(`The repository has no ${path}.`);
  }
}
