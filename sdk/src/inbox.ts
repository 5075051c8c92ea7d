/**
 * How pictures of good products get from a device to a trainer over HTTP: `PUT /beltsight/1/good/<class>/<file>` with the PNG as body,
 * its SHA-256 as Content-Digest (RFC 9530), a bearer token (RFC 6750), and what is known of it as JSON in the header
 * {@link ABOUT_HEADER}. Sending the same again changes nothing. `HEAD` on the same path tells the digest of what is there.
 */
const PREFIX = '/beltsight/1/good/';

/** JSON about the picture, with everything but ASCII escaped. */
export const ABOUT_HEADER = 'beltsight-about';

/** A picture's place in the inbox. */
export interface InboxPlace {
  readonly className: string;
  readonly file: string;
}

/** A class names a folder: 1 to 64 characters, no separator, not starting with a dot. */
export function isClassName(name: string): boolean {
  return /^[^/\\.\0][^/\\\0]{0,63}$/.test(name);
}

const isPicture = (name: string) => /^[A-Za-z0-9][A-Za-z0-9_.-]{0,120}\.png$/.test(name);

export function inboxPath({ className, file }: InboxPlace): string {
  return `${PREFIX}${encodeURIComponent(className)}/${encodeURIComponent(file)}`;
}

/** The place that a path names; undefined for anything else, above all for one that would lead out of the inbox. */
export function inboxPlace(path: string): InboxPlace | undefined {
  if (!path.startsWith(PREFIX)) return undefined;
  let parts: string[];
  try {
    parts = path.slice(PREFIX.length).split('/').map(decodeURIComponent);
  } catch {
    return undefined;
  }
  const [className = '', file = ''] = parts;
  return parts.length === 2 && isClassName(className) && isPicture(file) ? { className, file } : undefined;
}

/** Content-Digest of bytes whose SHA-256 is known. */
export function contentDigest(sha256: Uint8Array): string {
  return `sha-256=:${btoa(String.fromCharCode(...sha256))}:`;
}

/** JSON that may stand in a header. */
export function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(/[^ -~]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
