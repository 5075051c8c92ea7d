import type { ResultMessage } from '@beltsight/sdk';
import { drawPicture, type Picture } from '../../page/picture.js';

/** A result with its pictures, unpacked. */
export interface Inspected extends Picture {
  readonly result: ResultMessage;
}

const KEPT = 12;

/** Thumbnails of the last products that did not pass, newest first. */
export class Rejects {
  constructor(
    private readonly strip: HTMLElement,
    private readonly choose: (inspection: Inspected) => void,
  ) {}

  add(inspection: Inspected): void {
    const { result } = inspection;
    const button = document.createElement('button');
    button.type = 'button';
    button.dataset.verdict = result.verdict;
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = 176;
    drawPicture(canvas, inspection, 0.7);
    const caption = document.createElement('span');
    caption.textContent = `${result.class.name ?? 'unknown'} ${ratioText(inspection)}`;
    button.append(canvas, caption);
    button.title = result.frame.source ?? result.id;
    button.addEventListener('click', () => this.choose(inspection));
    this.strip.prepend(button);
    while (this.strip.childElementCount > KEPT) this.strip.lastElementChild?.remove();
  }
}

function ratioText({ result: { score, threshold } }: Inspected): string {
  return threshold === null ? '' : `${(score / threshold).toFixed(2)}×`;
}
