import { BeltsightError } from './errors.js';

/**
 * What trainer and device say of an image that sharp did not decode.
 * @param what the image, as the sentence begins: its file
 * @param cause sharp's error
 * @param maxPixels the limit that sharp was given
 * @param remedy what the image may be, and what to do
 * @returns BeltsightError IMAGE_TOO_LARGE or IMAGE_UNREADABLE
 */
export function undecodable(what: string, cause: unknown, maxPixels: number, remedy: string): BeltsightError {
  const { message } = cause as Error;
  if (/pixel limit/i.test(message)) {
    return new BeltsightError(
      'IMAGE_TOO_LARGE',
      `${what} has more than ${maxPixels / 1e6} million pixels: crop it to the product, or scale it down.`,
      { cause },
    );
  }
  // libvips gathers the errors of all its threads in one text: the lines before the last tell of other images.
  const reason = message.trim().split('\n').at(-1);
  return new BeltsightError('IMAGE_UNREADABLE', `${what} cannot be decoded (${reason}): ${remedy}.`, { cause });
}
