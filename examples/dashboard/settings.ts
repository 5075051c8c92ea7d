import { z } from 'zod';

const level = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, 'use 1 to 64 letters, digits, ".", "_" or "-"')
  .optional();
const number = (from: number, to: number) =>
  z.coerce.number(`give a number from ${from} to ${to}`).min(from, `at least ${from}`).max(to, `at most ${to}`);
const whole = (from: number, to: number) => number(from, to).int('give a whole number');

/** Parameters of the page's address, and keys of settings.json beside it. */
const schema = z.object({
  broker: z
    .string()
    .regex(/^wss?:\/\/[^\s/@?#]+(\/[^\s@?#]*)?$/, 'must look like ws://host:9001, without user and password')
    .optional(),
  site: level,
  line: level,
  device: level,
  results: whole(10, 5000).default(500),
  rejects: whole(1, 100).default(24),
  stale: number(0.5, 86_400).default(5),
  hold: number(0, 10).default(0.8),
  operator: z.string().min(1, 'give a name').max(64, 'at most 64 characters').optional(),
  theme: z.enum(['dark', 'light'], 'dark or light').optional(),
  keys: z.enum(['on', 'off'], 'on or off').default('on'),
});

export interface Settings extends Omit<z.infer<typeof schema>, 'broker'> {
  readonly broker: string;
}

/** Where mosquitto and others usually speak WebSocket. */
const PORT = 9001;

/**
 * Settings of the page: those in its address, else those in settings.json, else the defaults. What cannot be used is left out and
 * named.
 */
export function readSettings(
  search: string,
  file: unknown,
  { protocol, hostname }: { readonly protocol: string; readonly hostname: string },
): { readonly settings: Settings; readonly problems: readonly string[] } {
  const problems: string[] = [];
  const given: Record<string, unknown> = {};
  const take = (key: string, value: unknown, where: string) => {
    const field = schema.shape[key as keyof typeof schema.shape] as z.ZodType | undefined;
    const parsed = field?.safeParse(value);
    if (parsed?.success) given[key] = parsed.data;
    else problems.push(`${where} ${key}: ${parsed?.error.issues[0]?.message ?? 'there is no such setting'}.`);
  };
  if (isRecord(file)) for (const [key, value] of Object.entries(file)) take(key, value, 'settings.json,');
  else if (file !== undefined) problems.push('settings.json is no object.');
  for (const [key, value] of new URLSearchParams(search)) take(key, value, 'Address,');
  const settings = schema.parse(given);
  const scheme = protocol === 'https:' ? 'wss' : 'ws';
  return {
    settings: { ...settings, broker: settings.broker ?? `${scheme}://${hostname || 'localhost'}:${PORT}` },
    problems,
  };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
