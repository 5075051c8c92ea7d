/** `none`: does not apply to this device, or cannot be found out on it. */
type Level = 'ok' | 'warning' | 'fault' | 'none';

/** What a look at one thing found. */
export interface Found {
  readonly level: Level;
  readonly text: string;
  /** What to do about a warning or fault: a command where there is one. */
  readonly remedy?: string;
}

export interface Finding extends Found {
  /** What was looked at. */
  readonly what: string;
}

export const ok = (text: string): Found => ({ level: 'ok', text });
export const none = (text: string): Found => ({ level: 'none', text });
export const warning = (text: string, remedy: string): Found => ({ level: 'warning', text, remedy });
export const fault = (text: string, remedy: string): Found => ({ level: 'fault', text, remedy });

/** A file that holds something else than it should. */
export const unreadable = (file: string): Found => warning(`${file} cannot be read`, `cat ${file}`);

const WORDS: Readonly<Record<Level, string>> = { ok: 'ok', warning: 'warning', fault: 'FAULT', none: '-' };

/** A finding as one line for a terminal. */
export function lineOf({ level, what, text, remedy }: Finding): string {
  const line = `${WORDS[level].padEnd(7)}  ${what}: ${remedy === undefined ? text : `${text.replace(/\.$/, '')}; remedy: ${remedy}`}`;
  // Files and commands may hold anything, line ends and terminal codes among it.
  return line.replace(/\s*[\p{Cc}\p{Cf}]+\s*/gu, ' ').trimEnd();
}
