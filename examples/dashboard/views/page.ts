import type { Pictures } from '../pictures.js';
import { announcer } from '../state/announce.js';
import { leftOut } from '../state/cameras.js';
import type { State } from '../state/model.js';
import { type Action, cameraOn, type Screen } from '../state/screen.js';
import type { Store } from '../state/store.js';
import { troubleOf } from '../state/trouble.js';
import { renderAlarms } from './alarms.js';
import { renderBanner } from './banner.js';
import { toggleHelp } from './dialogs.js';
import { find, say, show } from './dom.js';
import { renderHeader } from './header.js';
import { Overview } from './overview.js';
import { chosenClass } from './replay.js';
import { SingleView } from './single.js';

export interface Controls {
  perform(action: Action): void;
  acknowledge(camera: string): void;
  /** The reject that is looked at was a false alarm; `product`: the class it is of, where the model did not know it. */
  falseAlarm(product: string | undefined): void;
}

/** Draws the state, at most once a frame of the screen, and turns clicks into actions. */
export class Page {
  readonly #overview: Overview;
  readonly #single: SingleView;
  readonly #announcer = announcer();
  #asked = false;

  constructor(
    private readonly store: Store,
    pictures: Pictures,
    private readonly screen: () => Screen,
    private readonly controls: Controls,
  ) {
    const { perform } = controls;
    this.#overview = new Overview(pictures, (key) => {
      perform({ type: 'camera', index: [...store.current.cameras.keys()].indexOf(key) });
    });
    this.#single = new SingleView(pictures, (id) => perform({ type: 'replay', id }));
    this.#listen();
    store.listen(() => this.ask());
  }

  /** Has everything drawn again with the next frame. */
  ask(): void {
    if (this.#asked) return;
    this.#asked = true;
    requestAnimationFrame(() => {
      this.#asked = false;
      this.#render(this.store.current, this.screen(), this.store.now);
    });
  }

  #render(state: State, screen: Screen, now: number): void {
    const { perform, acknowledge } = this.controls;
    const camera = cameraOn(state, screen);
    renderHeader(state, screen, camera, now, {
      overview: () => perform({ type: 'overview' }),
      camera: (index) => perform({ type: 'camera', index }),
    });
    renderBanner(state, camera, now);
    renderAlarms(state, now, acknowledge);
    const further = leftOut(state);
    show(find('left-out'), further > 0);
    const shown = `this page shows ${state.cameras.size}. Choose a line or a device in its address.`;
    say(find('left-out'), `Cameras not shown: ${further}; ${shown}`);
    show(find('hint'), state.cameras.size === 0);
    show(find('overview'), !camera && state.cameras.size > 0);
    show(find('single'), camera !== undefined);
    if (camera) this.#single.render(state, camera, screen, now);
    else this.#overview.render(state, screen, now);
    const words = this.#announcer.next(camera, now);
    if (words !== undefined) say(find('announce'), words);
    const trouble = troubleOf(state);
    say(find('alert'), trouble?.level === 'bad' ? `${trouble.title}. ${trouble.text}` : alarmText(state));
  }

  #listen(): void {
    const { perform, falseAlarm } = this.controls;
    const press = (id: string, action: () => void) => find(id).addEventListener('click', action);
    press('dim', () => perform({ type: 'dim' }));
    press('theme', () => perform({ type: 'theme' }));
    press('keys', toggleHelp);
    press('older', () => perform({ type: 'step', by: -1 }));
    press('newer', () => perform({ type: 'step', by: 1 }));
    press('live', () => perform({ type: 'live' }));
    press('false-alarm', () => falseAlarm(chosenClass()));
    find('judged-class').addEventListener('change', () => this.ask());
    find('overlay').addEventListener('change', () => perform({ type: 'heatmap' }));
    const opacity = find<HTMLInputElement>('opacity');
    opacity.addEventListener('input', () => perform({ type: 'opacity', opacity: Number(opacity.value) / 100 }));
    addEventListener('resize', () => this.ask());
  }
}

/** Raised alarms, said once each. */
function alarmText({ alarms }: State): string {
  const raised = [...alarms.values()].filter(({ message }) => message.state === 'raised');
  return raised.map(({ message }) => `Alarm, camera ${message.camera}: ${message.message}`).join(' ');
}
