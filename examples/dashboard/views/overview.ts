import { drawScores } from '../../page/scores.js';
import type { Pictures } from '../pictures.js';
import { ageText, freshnessOf } from '../state/freshness.js';
import { type CameraState, deviceKey, type State } from '../state/model.js';
import { rateHz } from '../state/rates.js';
import type { Screen } from '../state/screen.js';
import { cameraTrouble } from '../state/trouble.js';
import { find, icon, make, say } from './dom.js';
import { PictureView } from './picture-view.js';
import { productText, ratioText } from './words.js';

const SIDE = 480;
const SCORES = 60;
/** Pictures of a card change at most so often: there may be many cards. */
const PICTURE_MS = 250;

/** All cameras, a card each. */
export class Overview {
  readonly #cards = new Map<string, Card>();

  constructor(
    private readonly pictures: Pictures,
    private readonly choose: (key: string) => void,
  ) {}

  render(state: State, screen: Screen, now: number): void {
    const section = find('overview');
    for (const camera of state.cameras.values()) {
      let card = this.#cards.get(camera.key);
      if (!card) {
        for (const key of this.#cards.keys()) if (!state.cameras.has(key)) this.#cards.delete(key);
        card = new Card(camera, this.pictures, () => this.choose(camera.key));
        this.#cards.set(camera.key, card);
        // In the order of the state, which the number keys follow.
        section.replaceChildren(...[...state.cameras.keys()].flatMap((key) => this.#cards.get(key)?.element ?? []));
        section.dataset.columns = String(columnsFor(state.cameras.size));
      }
      card.render(state, camera, screen, now);
    }
  }
}

/** As many columns as rows, or one more. */
const columnsFor = (count: number) => (count === 3 ? 3 : Math.min(6, Math.ceil(Math.sqrt(count))));

class Card {
  readonly element: HTMLButtonElement;
  readonly #picture: PictureView;
  readonly #sign = icon();
  readonly #word = make('b');
  readonly #facts = make('span', { class: 'facts' });
  readonly #rate = make('span', { class: 'rate' });
  readonly #scores = make('canvas', { class: 'scores' });
  readonly #flag = make('span', { class: 'flag' });
  #points: CameraState['points'] | undefined;
  #look = '';
  #pictureAt = 0;

  constructor(
    camera: CameraState,
    private readonly pictures: Pictures,
    choose: () => void,
  ) {
    const canvas = make('canvas', { class: 'picture' });
    this.#picture = new PictureView(canvas, SIDE);
    this.element = make(
      'button',
      { type: 'button', class: 'card', 'data-camera': camera.key },
      make(
        'span',
        { class: 'head' },
        make('strong', {}, camera.name),
        make('small', {}, deviceKey(camera.address)),
        this.#rate,
      ),
      canvas,
      this.#flag,
      make('span', { class: 'verdict' }, this.#sign.element, this.#word),
      this.#facts,
      this.#scores,
    );
    this.element.addEventListener('click', choose);
  }

  render(state: State, camera: CameraState, screen: Screen, now: number): void {
    const [kind, word, facts] = verdictOf(state, camera, now);
    this.element.dataset.kind = kind;
    this.element.dataset.long = String(word.length > 8);
    this.#sign.put(kind);
    say(this.#word, word);
    say(this.#facts, facts);
    say(this.#rate, `${rateHz(camera.points, now).toFixed(1)} / s`);
    const alarm = state.alarms.get(camera.key);
    say(this.#flag, alarm ? (alarm.message.state === 'raised' ? 'ALARM' : 'alarm, acknowledged') : '');
    this.#flag.dataset.state = alarm?.message.state ?? '';
    this.element.ariaLabel = `${camera.name}: ${word.toLowerCase()}, ${facts}`;
    const id = camera.shown?.result.id;
    if (id !== undefined && Math.abs(now - this.#pictureAt) >= PICTURE_MS) {
      this.#pictureAt = now;
      this.#picture.show(this.pictures.find(camera.key, id), screen.heatmap ? screen.opacity : 0);
    }
    const look = `${screen.theme} ${this.#scores.clientWidth} ${this.#scores.clientHeight}`;
    if (this.#points === camera.points && this.#look === look) return;
    this.#points = camera.points;
    this.#look = look;
    drawScores(this.#scores, camera.points, SCORES);
  }
}

/** Kind, word and facts of a card. With the broker gone every verdict is old. */
function verdictOf(state: State, camera: CameraState, now: number): [kind: string, word: string, facts: string] {
  const trouble = cameraTrouble(state, camera);
  if (trouble) return [trouble.level, trouble.title, trouble.text];
  const fresh = freshnessOf(state, camera, now);
  if (!camera.shown || fresh.state === 'none') return ['wait', 'WAITING', 'no result yet'];
  const { verdict, score, threshold, class: product } = camera.shown.result;
  if (fresh.state === 'old') return ['old', `OLD ${ageText(fresh.ageMs)}`, `last was ${verdict}`];
  return [
    verdict,
    verdict.toUpperCase(),
    threshold === null
      ? productText(product.name)
      : `${productText(product.name)} · ${ratioText({ score, threshold })} threshold`,
  ];
}
