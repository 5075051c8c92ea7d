import { readFile } from 'node:fs/promises';
import { BeltsightError } from '@beltsight/sdk';
import { z } from 'zod';
import { percent } from '../compare/comparison.js';
import { METRIC_NAMES, METRICS, metricsSchema } from '../evaluate/results.js';
import { type Run, readRunDescription, runFiles } from '../train/run.js';
import { type History, readHistory } from './history.js';

const measuredSchema = metricsSchema(z.number().nullable());
/** What is read of `beltsight evaluate --json`. */
const evaluationSchema = z.object({ mean: measuredSchema, classes: z.record(z.string(), measuredSchema) });
type Measured = z.infer<typeof evaluationSchema>;

/** A run as it lies in its folder. */
export interface RecordedRun {
  readonly folder: string;
  readonly run: Run;
  readonly history: History;
  /** From `evaluation.json` in the run folder; undefined where nobody evaluated. */
  readonly evaluation: Measured | undefined;
}

/** A line of the comparison: what it is, and both runs' values as text. */
export type Line = readonly [what: string, first: string, second: string];

export interface SideBySide {
  /** What of the making differs: configuration, software, data, teacher. */
  readonly differences: readonly Line[];
  readonly figures: readonly Line[];
  /** Why figures of the two may not be compared; empty where nothing speaks against it. */
  readonly cautions: readonly string[];
}

/** @throws BeltsightError RUN_INVALID */
export async function readRecordedRun(folder: string): Promise<RecordedRun> {
  const files = runFiles(folder);
  const run = await readRunDescription(folder);
  return { folder, run, history: await readHistory(files.metrics), evaluation: await readEvaluation(files.evaluation) };
}

async function readEvaluation(file: string): Promise<Measured | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch {
    return undefined;
  }
  try {
    return evaluationSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new BeltsightError('RUN_INVALID', `${file} is damaged: write it anew with beltsight evaluate --json.`, {
      cause,
    });
  }
}

/** Two runs side by side. */
export function sideBySide(first: RecordedRun, second: RecordedRun): SideBySide {
  const facts = [factsOf(first.run), factsOf(second.run)] as const;
  const keys = [...new Set(facts.flatMap((each) => [...each.keys()]))];
  const line = (key: string): Line => [key, facts[0].get(key) ?? '-', facts[1].get(key) ?? '-'];
  const differences = keys.map(line).filter(([, a, b]) => a !== b);
  return { differences, figures: figuresOf(first, second), cautions: cautions(first.run, second.run) };
}

/** All that decides a run, by name. */
function factsOf({ config, versions, revision, fingerprint, teacher, classes }: Run): Map<string, string> {
  return new Map([
    ...flattened(config),
    ...Object.entries(versions).map(([name, version]) => [`version of ${name}`, version] as const),
    ['Git revision', revision ?? '-'],
    ['training images', fingerprint === null ? '-' : fingerprint.slice(0, 12)],
    ['classes', classes.map(({ name }) => name).join(', ')],
    ['teacher (SHA-256)', teacher.sha256.slice(0, 12)],
  ]);
}

function flattened(value: object, prefix = ''): [string, string][] {
  return Object.entries(value).flatMap(([key, entry]): [string, string][] =>
    typeof entry === 'object' && entry !== null && !Array.isArray(entry)
      ? flattened(entry, `${prefix}${key}.`)
      : [[`${prefix}${key}`, Array.isArray(entry) ? entry.join(', ') : String(entry)]],
  );
}

function figuresOf(first: RecordedRun, second: RecordedRun): Line[] {
  const both = [first, second] as const;
  const line = (what: string, of: (run: RecordedRun) => string): Line => [what, of(both[0]), of(both[1])];
  const names = [...new Set(both.flatMap(({ evaluation }) => Object.keys(evaluation?.classes ?? {})))];
  const images = ({ run }: RecordedRun) => run.classes.reduce((sum, { train }) => sum + train.length, 0);
  const best = ({ history }: RecordedRun) => history.epochs.filter((epoch) => epoch.best).at(-1);
  return [
    line('training images', (run) => String(images(run))),
    line('steps', ({ history }) => String(history.steps.at(-1)?.step ?? 0)),
    line('epochs', ({ history }) => String(history.epochs.length)),
    line('best epoch', (run) => String((best(run)?.epoch ?? -1) + 1)),
    line('held-out loss', (run) => best(run)?.heldOutLoss.toFixed(4) ?? '-'),
    ...(names.length === 0 ? [] : METRICS).map((metric) =>
      line(`mean ${METRIC_NAMES[metric]}`, ({ evaluation }) => percent(evaluation?.mean[metric] ?? null)),
    ),
    ...names.map((name) =>
      line(`${METRIC_NAMES.imageAuroc} of ${name}`, ({ evaluation }) =>
        percent(evaluation?.classes[name]?.imageAuroc ?? null),
      ),
    ),
  ];
}

function cautions(first: Run, second: Run): string[] {
  const differ = (what: (run: Run) => unknown) => JSON.stringify(what(first)) !== JSON.stringify(what(second));
  return [
    ...(differ(({ teacher, config }) => [teacher.sha256, config.kd])
      ? ['Held-out losses are not comparable: teacher or distillation loss differs.']
      : []),
    ...(differ(({ fingerprint }) => fingerprint) ? ['The two were trained on different images.'] : []),
  ];
}
