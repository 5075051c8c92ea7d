import type { Credentials } from './link/session.js';
import type { Screen } from './state/screen.js';

const LOOK = 'beltsight.look';
const CREDENTIALS = 'beltsight.credentials';

type Look = Pick<Screen, 'heatmap' | 'opacity' | 'theme' | 'dim'>;

/** How this screen was left; whatever storage holds, it is only taken where it fits. */
export function readLook(): Partial<Look> {
  const { heatmap, opacity, theme, dim } = (read(() => localStorage, LOOK) ?? {}) as Record<string, unknown>;
  return {
    ...(typeof heatmap === 'boolean' ? { heatmap } : {}),
    ...(typeof opacity === 'number' && opacity >= 0.1 && opacity <= 1 ? { opacity } : {}),
    ...(theme === 'dark' || theme === 'light' ? { theme } : {}),
    ...(dim === 0 || dim === 1 || dim === 2 ? { dim } : {}),
  };
}

export function writeLook({ heatmap, opacity, theme, dim }: Screen): void {
  write(() => localStorage, LOOK, { heatmap, opacity, theme, dim });
}

/** Credentials live as long as the tab: a reload needs no person, a new window does. */
export function readCredentials(): Credentials | undefined {
  const { username, password } = (read(() => sessionStorage, CREDENTIALS) ?? {}) as Record<string, unknown>;
  return typeof username === 'string' && typeof password === 'string' ? { username, password } : undefined;
}

export function writeCredentials(credentials: Credentials): void {
  write(() => sessionStorage, CREDENTIALS, credentials);
}

/** Where a browser blocks storage, naming it throws. */
function read(storage: () => Storage, key: string): unknown {
  try {
    return JSON.parse(storage().getItem(key) ?? 'null');
  } catch {
    return undefined;
  }
}

/** A browser that stores nothing only forgets. */
function write(storage: () => Storage, key: string, value: unknown): void {
  try {
    storage().setItem(key, JSON.stringify(value));
  } catch {
    // Nothing to do: the page works without.
  }
}
