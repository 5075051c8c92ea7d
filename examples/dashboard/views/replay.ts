import { type CameraState, deviceKey, type Point, type State } from '../state/model.js';
import { find, make, say, show } from './dom.js';
import { productText, ratioText, whenText } from './words.js';

/** About a reject that is looked at again: which it is, and whether a person calls it a false alarm. */
export function renderReplay(state: State, camera: CameraState, replay: Point | undefined, now: number): void {
  for (const id of ['replaying', 'judge']) show(find(id), replay !== undefined);
  const button = find<HTMLButtonElement>('false-alarm');
  if (!replay) {
    button.disabled = true;
    return;
  }
  say(find('replaying'), replayText(camera, replay, now));
  const answer = state.judgements.get(replay.id);
  const judged = find('judged');
  say(judged, answer?.text ?? '');
  judged.dataset.state = answer?.state ?? '';
  const open = answer === undefined || answer.state === 'refused';
  const classes = state.devices.get(deviceKey(camera.address))?.status.model?.classes ?? [];
  const asks = open && replay.product === null && classes.length > 0;
  show(find('choice'), asks);
  if (asks) offer(classes, replay.id);
  show(button, answer?.state !== 'taken');
  button.disabled = !open || (asks && find<HTMLSelectElement>('judged-class').value === '');
}

/** The class to file the reject under, where the model did not know it. */
export function chosenClass(): string | undefined {
  return find('choice').hidden ? undefined : find<HTMLSelectElement>('judged-class').value || undefined;
}

/** Filled anew for each reject: nobody means the class that was chosen for the one before. */
function offer(classes: readonly string[], id: string): void {
  const select = find<HTMLSelectElement>('judged-class');
  const key = JSON.stringify([id, classes]);
  if (select.dataset.key === key) return;
  select.dataset.key = key;
  select.replaceChildren(
    make('option', { value: '' }, 'choose…'),
    ...classes.map((name) => make('option', { value: name }, name)),
  );
}

function replayText(camera: CameraState, replay: Point, now: number): string {
  const number = camera.rejects.length - camera.rejects.indexOf(replay);
  const parts = [
    `REPLAY ${number} of ${camera.rejects.length}`,
    whenText(replay.at, now),
    replay.verdict.toUpperCase(),
    productText(replay.product),
  ];
  return [...parts, `${ratioText(replay)} threshold`].join(' · ');
}
