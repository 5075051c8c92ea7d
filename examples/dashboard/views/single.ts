import type { Inspection } from '../../page/inspections.js';
import type { Pictures } from '../pictures.js';
import { freshnessOf } from '../state/freshness.js';
import { healthOf } from '../state/health.js';
import { type CameraState, deviceKey, type Point, type State } from '../state/model.js';
import { rateHz } from '../state/rates.js';
import { replayed, type Screen } from '../state/screen.js';
import { renderCharts } from './charts.js';
import { find, list, say } from './dom.js';
import { PictureView } from './picture-view.js';
import { RejectStrip } from './rejects.js';
import { renderReplay } from './replay.js';
import { percent } from './words.js';

/** One camera, everything about it. */
export class SingleView {
  readonly #picture = new PictureView(find('frame'));
  readonly #strip: RejectStrip;

  constructor(
    private readonly pictures: Pictures,
    replay: (id: string) => void,
  ) {
    this.#strip = new RejectStrip(pictures, replay);
  }

  render(state: State, camera: CameraState, screen: Screen, now: number): void {
    const replay = replayed(camera, screen);
    this.#renderStage(state, camera, screen, replay, now);
    list(find('figures'), figuresOf(camera, now));
    renderCharts(camera, screen.theme);
    const device = state.devices.get(deviceKey(camera.address));
    say(find('device'), deviceKey(camera.address));
    list(find('health'), device ? healthOf(device, camera.name) : [{ name: 'device', value: 'not heard yet' }]);
    this.#strip.render(camera, state.judgements, replay?.id, now);
  }

  #renderStage(state: State, camera: CameraState, screen: Screen, replay: Point | undefined, now: number): void {
    const id = replay?.id ?? camera.shown?.result.id;
    const inspection = id === undefined ? undefined : this.pictures.find(camera.key, id);
    // A live result without pictures leaves the last ones; in a replay they would be those of another product.
    this.#picture.show(inspection, screen.heatmap ? screen.opacity : 0);
    const stage = find('stage');
    const live = freshnessOf(state, camera, now).state === 'live';
    stage.dataset.state = replay ? 'replay' : live ? 'live' : 'old';
    stage.dataset.verdict = replay?.verdict ?? camera.shown?.result.verdict ?? '';
    say(find('note'), noteOf(id, inspection, replay));
    renderReplay(state, camera, replay, now);
    find<HTMLInputElement>('overlay').checked = screen.heatmap;
    find<HTMLInputElement>('opacity').value = String(Math.round(screen.opacity * 100));
    find<HTMLButtonElement>('live').disabled = !replay;
  }
}

function noteOf(id: string | undefined, inspection: Inspection | undefined, replay: Point | undefined): string {
  if (id === undefined || inspection?.jpeg) return '';
  if (replay && !inspection) return 'Its pictures are no longer kept: they are lost when the page is loaded anew.';
  return 'No frame came with this result. Frames come where the device has frames: true for this camera.';
}

function figuresOf(camera: CameraState, now: number) {
  const { inspected, notPassed, points, latest } = camera;
  return [
    { name: 'rate', value: `${rateHz(points, now).toFixed(1)} / s` },
    { name: 'latency', value: latest ? `${latest.result.latencyMs.toFixed(0)} ms` : '–' },
    { name: 'inspected', value: inspected.toLocaleString('en-GB') },
    {
      name: 'not passed',
      value: inspected === 0 ? '–' : `${notPassed.toLocaleString('en-GB')} (${percent(notPassed / inspected)})`,
    },
    { name: 'class', value: latest ? classText(latest.result.class) : '–' },
  ];
}

const classText = ({ name, source }: { readonly name: string | null; readonly source: string }) =>
  name === null ? 'not known' : `${name}${source === 'recipe' ? ' (recipe)' : ''}`;
