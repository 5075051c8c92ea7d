import { KEYS } from '../keys.js';
import type { Credentials } from '../link/session.js';
import { find, make, say } from './dom.js';

const NAMES: Readonly<Record<string, string>> = {
  ArrowLeft: '←',
  ArrowRight: '→',
  Escape: 'Esc',
  PageDown: 'Page ↓',
  PageUp: 'Page ↑',
};

/** What the keys do, from the table that they are read from. */
export function fillHelp(): void {
  const rows = [{ keys: ['1 … 9'], text: 'Camera of that number' }, ...KEYS];
  find('key-list').replaceChildren(
    ...rows.map(({ keys, text }) =>
      make(
        'div',
        {},
        make('dt', {}, ...keys.map((key) => make('kbd', {}, NAMES[key] ?? key.toUpperCase()))),
        make('dd', {}, text),
      ),
    ),
  );
}

export function toggleHelp(): void {
  const help = find<HTMLDialogElement>('help');
  if (help.open) help.close();
  else help.showModal();
}

/** Asks for user and password; the address never holds them. What was typed stays when it is asked again. */
export function askCredentials(reason: string, signIn: (credentials: Credentials) => void): void {
  const dialog = find<HTMLDialogElement>('login');
  say(find('login-reason'), reason);
  find<HTMLFormElement>('login-form').onsubmit = (event) => {
    event.preventDefault();
    const typed = (id: string) => find<HTMLInputElement>(id).value;
    signIn({ username: typed('username'), password: typed('password') });
    stopAsking();
  };
  // Esc closes it: nothing else on the page would open it again.
  dialog.onclose = () => {
    if (!dialog.open) dialog.showModal();
  };
  if (!dialog.open) dialog.showModal();
}

/** There is an answer, or the broker let the page in without: nothing is asked any more. */
export function stopAsking(): void {
  const dialog = find<HTMLDialogElement>('login');
  dialog.onclose = null;
  find<HTMLInputElement>('password').value = '';
  dialog.close();
}
