import { createHash } from 'node:crypto';

/** A text with its SHA-256 before it, by which {@link checked} knows that a disk has kept all of it. */
export function digested(text: string): string {
  return `${sha256(text)}\n${text}`;
}

/** @returns the text that {@link digested} was given; undefined if not every bit of it is there */
export function checked(content: string): string | undefined {
  const end = content.indexOf('\n');
  const text = content.slice(end + 1);
  return end > 0 && sha256(text) === content.slice(0, end) ? text : undefined;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
