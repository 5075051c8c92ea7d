import type { DeviceAddress, ParsedTopic } from '@beltsight/sdk';
import { Archive } from './archive.js';
import { commandOf } from './keys.js';
import { Session } from './link/session.js';
import { Orders } from './orders.js';
import { Pictures } from './pictures.js';
import { readCredentials, readLook, writeCredentials, writeLook } from './preferences.js';
import { readSettings, type Settings } from './settings.js';
import { cameraKey, emptyState, type Limits } from './state/model.js';
import { PageClock } from './state/page-clock.js';
import { type Action, act, cameraOn, replayed, type Screen } from './state/screen.js';
import { Store } from './state/store.js';
import { askCredentials, fillHelp, stopAsking, toggleHelp } from './views/dialogs.js';
import { find, say, show } from './views/dom.js';
import { Page } from './views/page.js';

/** Cameras on one screen. */
const CAMERAS = 32;
const TICK_MS = 250;

const file: unknown = await fetch('settings.json')
  .then((response) => (response.ok ? response.json() : undefined))
  .catch(() => undefined);
const { settings, problems } = readSettings(location.search, file, location);
say(find('problems'), problems.join(' '));
show(find('problems'), problems.length > 0);
const { site = 'all sites', line = 'all lines', device } = settings;
say(find('scope'), [site, line, device].filter(Boolean).join(' / '));

say(
  find('hint'),
  `Listening at ${settings.broker} for devices of ${[site, line, device].filter(Boolean).join(', ')}. They appear here by themselves.`,
);

const limits: Limits = {
  results: settings.results,
  rejects: settings.rejects,
  cameras: CAMERAS,
  staleMs: settings.stale * 1000,
  holdMs: settings.hold * 1000,
};
const clock = new PageClock();
const store = new Store(emptyState(limits, clock.now), clock);
const pictures = new Pictures(limits);
let screen: Screen = {
  camera: undefined,
  overview: false,
  replay: undefined,
  heatmap: true,
  opacity: 0.8,
  theme: 'dark',
  dim: 0,
  ...readLook(),
  ...(settings.theme ? { theme: settings.theme } : {}),
};
const session = new Session(
  settings,
  {
    result(result, topic) {
      const key = keyOf(topic);
      // Pictures and topic name the camera, whatever the payload says.
      const named = { ...result, camera: topic.camera as string };
      store.change({ type: 'result', address: topic, result: named });
      if (isShown(key)) pictures.join(key, named);
    },
    heatmap(heatmap, topic) {
      if (isShown(keyOf(topic))) pictures.addHeatmap(keyOf(topic), heatmap);
    },
    frame(frame, topic) {
      if (isShown(keyOf(topic))) pictures.addFrame(keyOf(topic), frame);
    },
    status: (status, topic) => store.change({ type: 'status', address: topic, status }),
    alarm: (alarm, topic) =>
      store.change({ type: 'alarm', address: topic, alarm: { ...alarm, camera: topic.camera as string } }),
    connection(state, reason) {
      store.change({ type: 'connection', state, ...(reason === undefined ? {} : { reason }) });
      if (state === 'up') stopAsking();
      if (state === 'refused') {
        askCredentials(reason ?? '', (credentials) => {
          writeCredentials(credentials);
          session.signIn(credentials);
        });
      }
    },
  },
  readCredentials(),
);
const orders = new Orders(session, store, settings.operator);
const page = new Page(store, pictures, () => screen, {
  perform,
  acknowledge: (camera) => void orders.acknowledge(camera),
  falseAlarm,
});

function perform(action: Action): void {
  screen = act(screen, action, store.current);
  writeLook(screen);
  page.ask();
}

const archive = await Archive.open();
for (const kept of (await archive?.load(clock.now).catch(() => [])) ?? []) {
  if (inScope(kept.address, settings)) store.change({ type: 'kept', kept });
}
archive?.keep(() => store.current.cameras.values());

const isShown = (key: string) => store.current.cameras.has(key);
const keyOf = (topic: ParsedTopic) => cameraKey(topic, topic.camera as string);

function inScope(address: DeviceAddress, scope: Settings): boolean {
  return (['site', 'line', 'device'] as const).every(
    (level) => scope[level] === undefined || scope[level] === address[level],
  );
}

function falseAlarm(product: string | undefined): void {
  const camera = cameraOn(store.current, screen);
  const reject = replayed(camera, screen);
  if (camera && reject) void orders.falseAlarm(camera, reject.id, product);
}

document.addEventListener('keydown', (event) => {
  const target = event.target as HTMLElement;
  const typing =
    target.matches('input, select, textarea') &&
    !(event.key.length === 1 && target.matches('[type=range], [type=checkbox]'));
  if (settings.keys === 'off' || typing || find<HTMLDialogElement>('login').open) return;
  const command = commandOf(event);
  if (!command || (find<HTMLDialogElement>('help').open && command.type !== 'help')) return;
  event.preventDefault();
  if (command.type === 'acknowledge') void orders.acknowledge();
  else if (command.type === 'falseAlarm') find('false-alarm').click();
  else if (command.type === 'help') toggleHelp();
  else if (command.type === 'fullscreen') toggleFullscreen();
  else if (command.type === 'opacityBy') perform({ type: 'opacity', opacity: screen.opacity + command.by });
  else perform(command);
});

function toggleFullscreen(): void {
  // Browsers forbid it here and there; the page is the same without.
  const done = document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen();
  done.catch(() => undefined);
}

fillHelp();
setInterval(() => store.change({ type: 'tick' }), TICK_MS);
void session.run();
