import { readFileSync } from 'node:fs';

export interface Operator {
  readonly name: string;
  readonly calls: number;
  readonly ms: number;
}

/** Time by operator of the fastest run in an ONNX Runtime profile, longest first. */
export function operatorsOf(file: string): Operator[] {
  const events: { cat: string; name: string; ts: number; dur: number; args: { op_name?: string } }[] = JSON.parse(
    readFileSync(file, 'utf8'),
  );
  const fastest = events.filter((event) => event.name === 'model_run').sort((a, b) => a.dur - b.dur)[0];
  const totals = new Map<string, { calls: number; us: number }>();
  for (const { cat, name, ts, dur, args } of events) {
    if (!fastest || cat !== 'Node' || !name.endsWith('_kernel_time')) continue;
    if (ts < fastest.ts || ts > fastest.ts + fastest.dur) continue;
    const total = totals.get(args.op_name ?? '?') ?? { calls: 0, us: 0 };
    totals.set(args.op_name ?? '?', { calls: total.calls + 1, us: total.us + dur });
  }
  return [...totals].map(([name, { calls, us }]) => ({ name, calls, ms: us / 1000 })).sort((a, b) => b.ms - a.ms);
}
