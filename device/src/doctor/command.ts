import { spawn } from 'node:child_process';

/** What came of asking a command. */
export type Answer =
  | { readonly state: 'ended'; readonly status: number; readonly output: string; readonly errors: string }
  | { readonly state: 'missing' }
  | { readonly state: 'late' };

const LIMIT_MS = 3000;
/** More output than this is cut off. */
const MAX_CHARACTERS = 2 ** 20;
/** Commands of the system's administrator, which are not on everybody's path. */
const ADMINISTRATOR = '/usr/local/sbin:/usr/sbin:/sbin';

/** Runs a command without a shell, in English, for three seconds at most. Never throws. */
export function ask(command: string, ...args: string[]): Promise<Answer> {
  return askWithin(LIMIT_MS, command, args);
}

/** The same with a limit of its own. What is late is killed with all that it started, and not waited for. */
export function askWithin(limitMs: number, command: string, args: readonly string[]): Promise<Answer> {
  return new Promise((resolve) => {
    const env = { ...process.env, LC_ALL: 'C', PATH: `${process.env.PATH ?? ''}:${ADMINISTRATOR}` };
    // Detached: a group of its own, so that children of a script can be killed too.
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env, detached: true });
    const text = { output: '', errors: '' };
    const end = (answer: Answer) => {
      clearTimeout(timer);
      resolve(answer);
    };
    const timer = setTimeout(() => {
      kill(child.pid);
      child.stdout.destroy();
      child.stderr.destroy();
      child.unref();
      end({ state: 'late' });
    }, limitMs);
    const collect = (name: keyof typeof text) => (chunk: string) => {
      text[name] = (text[name] + chunk).slice(0, MAX_CHARACTERS);
    };
    child.stdout.setEncoding('utf8').on('data', collect('output'));
    child.stderr.setEncoding('utf8').on('data', collect('errors'));
    child.once('error', (error: NodeJS.ErrnoException) =>
      end(
        error.code === 'ENOENT'
          ? { state: 'missing' }
          : { state: 'ended', status: 126, ...text, errors: error.message },
      ),
    );
    child.once('close', (status) => end({ state: 'ended', status: status ?? 1, ...text }));
  });
}

/** In words: why an answer says nothing. */
export function silence(command: string, answer: Answer): string {
  if (answer.state === 'missing') return `${command} is not installed`;
  if (answer.state === 'late') return `${command} gave no answer within ${LIMIT_MS / 1000} s`;
  if (answer.status === 0) return `the answer of ${command} cannot be read`;
  const [line] = `${answer.errors}\n${answer.output}`.trim().split('\n');
  return `${command} ended with status ${answer.status}${line ? ` (${line.trim()})` : ''}`;
}

function kill(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has just ended.
  }
}
