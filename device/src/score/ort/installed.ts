import { readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where runtimes of `beltsight-device provider add` lie: StateDirectory= of systemd, the machine's, and the user's. */
export function runtimeFolders(): string[] {
  const { STATE_DIRECTORY, XDG_DATA_HOME } = process.env;
  const states = [
    ...(STATE_DIRECTORY === undefined ? [] : [STATE_DIRECTORY]),
    '/var/lib/beltsight',
    join(XDG_DATA_HOME ?? join(homedir(), '.local', 'share'), 'beltsight'),
  ];
  return [...new Set(states.map((state) => join(state, 'onnxruntime')))];
}

/** Name of the main library in a runtime's folder. */
export const MAIN_LIBRARY = 'libonnxruntime.so';

/** Libraries of all runtimes that were added, newest version first. */
export function installedRuntimes(folders: readonly string[] = runtimeFolders()): string[] {
  return folders.flatMap((folder) =>
    versionsIn(folder)
      .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
      .map((version) => join(folder, version, MAIN_LIBRARY)),
  );
}

function versionsIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => /^\d+\.\d+\.\d+$/.test(name));
  } catch {
    return [];
  }
}
