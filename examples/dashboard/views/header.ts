import { ageText } from '../state/freshness.js';
import type { CameraState, State } from '../state/model.js';
import { DIMS, type Screen } from '../state/screen.js';
import { find, make, say } from './dom.js';
import { clockText } from './words.js';

/** Name of a camera, with its device's where another camera has the same. */
function nameOf(state: State, { address, name }: CameraState): string {
  const namesakes = [...state.cameras.values()].filter((camera) => camera.name === name);
  return namesakes.length > 1 ? `${address.device} / ${name}` : name;
}

export interface HeaderActions {
  overview(): void;
  camera(index: number): void;
}

/** Connection, clock, and a tab for each camera. */
export function renderHeader(
  state: State,
  screen: Screen,
  camera: CameraState | undefined,
  now: number,
  actions: HeaderActions,
): void {
  const { connection } = state;
  const link = find('link');
  link.dataset.state = connection.state;
  say(
    link,
    connection.state === 'up'
      ? 'broker connected'
      : `broker ${connection.state === 'down' ? 'gone' : connection.state} ${ageText(now - connection.since)}`,
  );
  say(find('clock'), clockText(now));
  document.documentElement.dataset.theme = screen.theme;
  say(find('theme'), screen.theme === 'dark' ? 'Light' : 'Dark');
  find('shade').style.opacity = String(DIMS[screen.dim]);
  renderTabs(state, camera, actions);
}

function renderTabs(state: State, camera: CameraState | undefined, { overview, camera: choose }: HeaderActions): void {
  const tabs = find('tabs');
  const cameras = [...state.cameras.values()];
  const names = cameras.map((each) => nameOf(state, each));
  if (tabs.dataset.names !== JSON.stringify(names)) {
    tabs.dataset.names = JSON.stringify(names);
    const tab = (text: string, key: string, press: () => void) => {
      const button = make('button', { type: 'button' }, make('kbd', {}, key), text);
      button.addEventListener('click', press);
      return button;
    };
    tabs.replaceChildren(
      ...(cameras.length > 0 ? [tab('all', 'O', overview)] : []),
      ...names.map((name, i) => tab(name, i < 9 ? String(i + 1) : '', () => choose(i))),
    );
  }
  const chosen = camera ? cameras.indexOf(camera) + 1 : 0;
  for (const [i, button] of [...tabs.children].entries()) {
    button.setAttribute('aria-current', String(i === chosen));
    const alarm = i > 0 && state.alarms.get((cameras[i - 1] as CameraState).key)?.message.state === 'raised';
    button.classList.toggle('alarm', alarm);
  }
}
