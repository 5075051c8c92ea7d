import { ageText, freshnessOf } from '../state/freshness.js';
import type { CameraState, State } from '../state/model.js';
import { cameraTrouble, type Trouble, troubleOf } from '../state/trouble.js';
import { find, say, show } from './dom.js';
import { clockText, productText, ratioText, scoreText } from './words.js';

/** What the banner says: the one thing that a person five metres away has to know. */
interface Words {
  /** Names colours and shape. */
  readonly kind: 'pass' | 'reject' | 'unknown' | 'old' | Trouble['level'];
  readonly word: string;
  readonly product: string;
  readonly measure: string;
  readonly age: string;
}

/** The banner over everything: trouble first, then an old verdict as old, then the verdict. Hidden in a sound overview. */
export function renderBanner(state: State, camera: CameraState | undefined, now: number): void {
  const words = wordsOf(state, camera, now);
  const banner = find('banner');
  show(banner, words !== undefined);
  if (!words) return;
  const { kind, word, product, measure, age } = words;
  if (banner.dataset.kind !== kind) banner.dataset.kind = kind;
  banner.dataset.long = String(word.length > 8);
  const sign = find('sign');
  if (sign.getAttribute('href') !== `#icon-${kind}`) sign.setAttribute('href', `#icon-${kind}`);
  say(find('word'), word);
  say(find('product'), product);
  say(find('measure'), measure);
  say(find('age'), age);
}

function wordsOf(state: State, camera: CameraState | undefined, now: number): Words | undefined {
  const trouble = troubleOf(state) ?? (camera && cameraTrouble(state, camera));
  if (trouble) return troubleWords(trouble, camera, now);
  if (!camera) return undefined;
  const fresh = freshnessOf(state, camera, now);
  if (!camera.shown || fresh.state === 'none') {
    return { kind: 'wait', word: 'WAITING', product: 'for the first result', measure: '', age: '' };
  }
  if (fresh.state === 'old') {
    const age = ageText(fresh.ageMs);
    return { kind: 'old', word: 'OLD', product: `no result for ${age}`, measure: lastWords(camera), age: '' };
  }
  const { verdict, class: product, score, threshold } = camera.shown.result;
  if (threshold === null) {
    return { kind: verdict, word: verdict.toUpperCase(), product: 'product', measure: 'not known', age: '' };
  }
  return {
    kind: verdict,
    word: verdict.toUpperCase(),
    product: productText(product.name),
    measure: `${ratioText({ score, threshold })} threshold`,
    age: `score ${scoreText({ score, threshold })}`,
  };
}

function troubleWords({ level, title, text, since }: Trouble, camera: CameraState | undefined, now: number): Words {
  return {
    kind: level,
    word: title,
    product: since === undefined ? '' : `since ${clockText(since)} · ${ageText(now - since)}`,
    measure: camera?.shown ? lastWords(camera) : '',
    age: text,
  };
}

const lastWords = ({ shown }: CameraState) =>
  shown ? `last was ${shown.result.verdict} at ${clockText(shown.at)}` : '';
