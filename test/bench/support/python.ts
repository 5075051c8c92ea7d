/** Debian's own interpreter: it has Debian's packages wherever another one comes first in the path. */
export const PYTHON = '/usr/bin/python3';

/** Why a script did not run: the last line it wrote to standard error, where there is an interpreter at all. */
export function complaintOf(stderr: string | null): string {
  return stderr?.trim().split('\n').at(-1) || `there is no ${PYTHON}`;
}
