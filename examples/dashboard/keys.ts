import type { Action } from './state/screen.js';

/** What a key does: something on the screen, or one of the things beyond it. */
export type Command =
  | Action
  | { readonly type: 'acknowledge' }
  | { readonly type: 'falseAlarm' }
  | { readonly type: 'help' }
  | { readonly type: 'fullscreen' }
  | { readonly type: 'opacityBy'; readonly by: number };

/** Every key, what it does, and how it is described. */
export const KEYS: readonly { readonly keys: readonly string[]; readonly command: Command; readonly text: string }[] = [
  { keys: ['o', '0'], command: { type: 'overview' }, text: 'Overview of all cameras' },
  { keys: ['n', 'PageDown'], command: { type: 'turn', by: 1 }, text: 'Next camera' },
  { keys: ['p', 'PageUp'], command: { type: 'turn', by: -1 }, text: 'Previous camera' },
  { keys: ['ArrowLeft'], command: { type: 'step', by: -1 }, text: 'Look at the last reject, then at older ones' },
  { keys: ['ArrowRight'], command: { type: 'step', by: 1 }, text: 'Newer reject, then back to live' },
  { keys: ['Escape', 'l'], command: { type: 'live' }, text: 'Back to live' },
  { keys: ['g'], command: { type: 'falseAlarm' }, text: 'False alarm: the reject that is looked at is good' },
  { keys: ['a'], command: { type: 'acknowledge' }, text: 'Acknowledge the alarm' },
  { keys: ['h'], command: { type: 'heatmap' }, text: 'Heatmap on or off' },
  { keys: ['+', '='], command: { type: 'opacityBy', by: 0.1 }, text: 'Heatmap stronger' },
  { keys: ['-'], command: { type: 'opacityBy', by: -0.1 }, text: 'Heatmap weaker' },
  { keys: ['d'], command: { type: 'dim' }, text: 'Dim the screen, in steps' },
  { keys: ['t'], command: { type: 'theme' }, text: 'Dark or light' },
  { keys: ['f'], command: { type: 'fullscreen' }, text: 'Full screen' },
  { keys: ['?'], command: { type: 'help' }, text: 'These keys' },
];

/** What a key press means; undefined: nothing here. */
export function commandOf({
  key,
  ctrlKey,
  altKey,
  metaKey,
}: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'altKey' | 'metaKey'>): Command | undefined {
  if (ctrlKey || altKey || metaKey) return undefined;
  if (/^[1-9]$/.test(key)) return { type: 'camera', index: Number(key) - 1 };
  const name = key.length === 1 ? key.toLowerCase() : key;
  return KEYS.find(({ keys }) => keys.includes(name))?.command;
}
