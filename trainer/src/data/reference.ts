/** Part of an image in percent of its width and height. */
export interface Part {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const FRAGMENT = /^(.+)#xywh=percent:([\d.]+),([\d.]+),([\d.]+),([\d.]+)$/;

/** Reference to a part of an image file: the file with a media fragment (W3C Media Fragments URI 1.0, 4.2.2). */
export function partOf(file: string, { x, y, width, height }: Part): string {
  return `${file}#xywh=percent:${x},${y},${width},${height}`;
}

/** The file that an image reference names, and the part of it where it names one. */
export function parseReference(reference: string): { readonly file: string; readonly part?: Part } {
  const [, file, ...numbers] = FRAGMENT.exec(reference) ?? [];
  if (file === undefined) return { file: reference };
  const [x = 0, y = 0, width = 100, height = 100] = numbers.map(Number);
  return { file, part: { x, y, width, height } };
}
