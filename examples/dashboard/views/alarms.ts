import type { AlarmState, State } from '../state/model.js';
import { find, icon, make } from './dom.js';
import { percent, whenText } from './words.js';

const drawn = new WeakMap<HTMLElement, AlarmState>();

/** One line for each alarm; redrawn only where it has changed, so that a focused button stays. */
export function renderAlarms({ alarms }: State, now: number, acknowledge: (camera: string) => void): void {
  const section = find('alarms');
  const lines = new Map(
    [...section.children].map((line) => [(line as HTMLElement).dataset.camera as string, line as HTMLElement]),
  );
  for (const [key, line] of lines) if (!alarms.has(key)) line.remove();
  for (const [key, alarm] of alarms) {
    const line = lines.get(key) ?? make('div', { 'data-camera': key });
    if (!lines.has(key)) section.append(line);
    if (drawn.get(line) === alarm) continue;
    const focused = line.contains(document.activeElement);
    drawn.set(line, alarm);
    line.dataset.state = alarm.message.state;
    line.replaceChildren(...partsOf(key, alarm, now, acknowledge));
    if (focused) line.querySelector('button')?.focus();
  }
}

function partsOf(
  key: string,
  { message, acknowledgement, address }: AlarmState,
  now: number,
  acknowledge: (camera: string) => void,
): (Node | string)[] {
  const { camera, state, since, value, limit, acknowledgedBy } = message;
  const bell = icon();
  bell.put('alarm');
  const place = make('strong', {}, `${address.device} / ${camera}`);
  const figures = `${percent(value)}, limit ${percent(limit)}, since ${whenText(Date.parse(since), now)}`;
  const text = make('span', { class: 'text' }, place, ` ${message.message} `, make('small', {}, figures));
  const answer = make('span', { class: 'answer', role: 'status' }, acknowledgement?.text ?? '');
  if (state === 'acknowledged') {
    return [
      bell.element,
      text,
      answer,
      make('span', { class: 'done' }, `acknowledged${acknowledgedBy ? ` by ${acknowledgedBy}` : ''}`),
    ];
  }
  const button = make('button', { type: 'button', title: 'Acknowledge (A)' }, 'Acknowledge');
  button.disabled = acknowledgement?.state === 'sent';
  button.addEventListener('click', () => acknowledge(key));
  return [bell.element, text, answer, button];
}
