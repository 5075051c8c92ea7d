import type { Pictures } from '../pictures.js';
import type { Answer, CameraState, Point } from '../state/model.js';
import { find, icon, make } from './dom.js';
import { PictureView } from './picture-view.js';
import { productText, ratioText, whenText } from './words.js';

const SIDE = 128;
const OPACITY = 0.7;

/** The strip of the last products that did not pass. Newest first in order, at the right on the screen, as in the trends. */
export class RejectStrip {
  readonly #buttons = new Map<string, HTMLButtonElement>();
  #chosen: string | undefined;

  constructor(
    private readonly pictures: Pictures,
    private readonly choose: (id: string) => void,
  ) {}

  render(camera: CameraState, judgements: ReadonlyMap<string, Answer>, replay: string | undefined, now: number): void {
    const strip = find('rejects');
    const wanted = new Set(camera.rejects.map(({ id }) => id));
    for (const [id, button] of this.#buttons) {
      if (wanted.has(id)) continue;
      button.remove();
      this.#buttons.delete(id);
    }
    for (const point of camera.rejects) {
      if (this.#buttons.has(point.id)) continue;
      const button = this.#button(camera.key, point, now);
      this.#buttons.set(point.id, button);
      strip.prepend(button);
    }
    for (const [id, button] of this.#buttons) {
      if (judgements.get(id)?.state === 'taken') markFalse(button);
    }
    strip.dataset.empty = String(camera.rejects.length === 0);
    this.#mark(strip, replay, camera.rejects.at(-1)?.id);
  }

  /** One button is in the tab order; the arrow keys walk over the others, with the replay. */
  #mark(strip: HTMLElement, replay: string | undefined, newest: string | undefined): void {
    for (const [id, button] of this.#buttons) {
      button.setAttribute('aria-pressed', String(id === replay));
      button.tabIndex = id === (replay ?? newest) ? 0 : -1;
    }
    if (replay === this.#chosen) return;
    this.#chosen = replay;
    const button = replay === undefined ? undefined : this.#buttons.get(replay);
    button?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    if (strip.contains(document.activeElement)) button?.focus();
  }

  #button(camera: string, point: Point, now: number): HTMLButtonElement {
    const canvas = make('canvas', { width: `${SIDE}`, height: `${SIDE}`, 'aria-hidden': 'true' });
    const sign = icon();
    sign.put(point.verdict);
    const when = whenText(point.at, now);
    const caption = make('span', {}, make('b', {}, when), ratioText(point));
    const button = make(
      'button',
      { type: 'button', 'data-id': point.id, 'data-verdict': point.verdict },
      canvas,
      sign.element,
      caption,
    );
    button.ariaLabel = `${point.verdict}, ${productText(point.product)}, ${when}, ${ratioText(point)} threshold`;
    button.title = [productText(point.product), point.source].filter(Boolean).join('\n');
    button.addEventListener('click', () => this.choose(point.id));
    const inspection = this.pictures.find(camera, point.id);
    if (inspection) new PictureView(canvas, SIDE).show(inspection, OPACITY);
    else canvas.hidden = true;
    return button;
  }
}

/** Once: a mark is not taken back. */
function markFalse(button: HTMLButtonElement): void {
  if (button.dataset.judged === 'true') return;
  button.dataset.judged = 'true';
  button.ariaLabel += ', marked as a false alarm';
}
