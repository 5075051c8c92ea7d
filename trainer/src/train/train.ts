import { availableParallelism, totalmem } from 'node:os';
import { BeltsightError } from '@beltsight/sdk';
import { readDataset, requireTraining, selectClasses } from '../data/dataset.js';
import { holdOut } from '../data/split.js';
import { ImageWorkers } from '../data/workers/pool.js';
import type { LossConfig } from '../loss/config.js';
import { matchingBytes } from '../loss/match.js';
import { defineModel, modelConfigSchema } from '../model/network.js';
import { initialise } from '../model/parameters.js';
import { loadTeacher } from '../model/teacher/load.js';
import { curvesSvg } from '../record/curves.js';
import { packageVersions } from '../record/environment.js';
import { readHistory } from '../record/history.js';
import { experimentRecord } from '../record/record.js';
import { removeParts, writeAtomically } from './atomic.js';
import { FRESH, readCheckpoint, readWeights } from './checkpoint.js';
import { lossOf, type TrainConfig } from './config.js';
import { dataDigest, requireReadable, requireSameData, trainingData } from './data.js';
import { type EngineChoice, openEngine, requireEngine } from './engine/open.js';
import { DEFAULT_OPTIMIZER, type OptimizerConfig } from './engine/program.js';
import { type LoopEnd, type Reporter, type TrainingData, trainLoop } from './loop.js';
import { createProgram } from './program.js';
import { withPseudoClasses } from './pseudo-classes.js';
import {
  continuedBy,
  createRun,
  labelledImages,
  type Run,
  readRunDescription,
  requireUnused,
  runFiles,
  writeRunDescription,
} from './run.js';
import { isStaged, totalEpochs } from './stages.js';

export interface TrainOptions {
  /** Run folder. */
  readonly out: string;
  /** Go on with the run in `out`; its own configuration counts then. */
  readonly resume?: boolean;
  /** With `resume`: what computes from here on, where it is to change. */
  readonly computing?: Partial<EngineChoice>;
  /** Set to stop after the running step, with a checkpoint to go on from. */
  readonly signal?: AbortSignal;
  /** Hears of every step and epoch, of which there are at most `epochs`; `terminalReporter` draws bars. */
  readonly reporter?: (run: Run, epochs: number) => Reporter;
  /** Sentences for people: what is trained on, warnings. */
  readonly log?: (line: string) => void;
}

export interface TrainResult {
  readonly end: LoopEnd;
  readonly epochs: number;
  readonly steps: number;
  readonly bestEpoch: number | null;
  readonly bestLoss: number | null;
}

/**
 * Trains a model into a run folder.
 *
 * ```ts
 * await train(await readTrainConfig(undefined, { data: ['products'], epochs: 20 }), { out: 'runs/first', log: console.log });
 * ```
 * @param config ignored when resuming
 * @throws BeltsightError with what is wrong with data, configuration, teacher or folder
 */
export async function train(config: TrainConfig | undefined, options: TrainOptions): Promise<TrainResult> {
  const { out, log = () => undefined } = options;
  const started = options.resume ? await readRunDescription(out) : await startRun(config as TrainConfig, out, log);
  const run = options.resume ? await continued(started, options.computing) : started;
  const files = runFiles(out);
  const checkpoint = options.resume ? await readCheckpoint(files.checkpoint) : undefined;
  const { model: modelConfig } = run;
  if (options.resume) {
    await removeParts(out);
    await requireSameData(run);
  }
  const teacher = await loadTeacher(run.teacher.source, run.teacher.sha256);
  const model = defineModel(modelConfig);
  const labels = labelledImages(run);
  const epochs = totalEpochs(run.config, labels.length);
  const loss = lossOf(run.config, labels.length);
  const program = createProgram(model, teacher, loss, run.config.batch);
  const workers = new ImageWorkers(modelConfig.size);
  try {
    const data = trainingData(run, workers, program, loss);
    const optimizer = optimizerOf(run.config, stepsOf(data, epochs));
    const engine = await openEngine(run.config, program, optimizer);
    log(`Engine ${engine.description}.`);
    if (run !== started) {
      log('It computes with others than before: the last bits differ from those of a run without a stop.');
      // Not before it is there: a run keeps its own engine where another one cannot be had.
      await writeRunDescription(out, run);
    }
    const fresh = () =>
      run.from ? readWeights(files.start) : initialise(model.parameters, model.statistics, run.config.seed);
    try {
      engine.restore(checkpoint?.state ?? { step: 0, tensors: await fresh() });
      const { end, progress } = await trainLoop(engine, data, checkpoint?.progress ?? FRESH, {
        epochs,
        patience: run.config.patience,
        batch: run.config.batch,
        checkpointMs: run.config.checkpointMinutes * 60_000,
        files,
        startCounts: run.from !== undefined,
        keepLast: isStaged(run.config),
        signal: options.signal ?? new AbortController().signal,
        report: options.reporter?.(run, epochs) ?? {},
      });
      const history = await readHistory(files.metrics);
      await writeAtomically(files.curves, curvesSvg([{ name: out, history }]));
      const { epoch, step, bestEpoch, bestLoss } = progress;
      return { end, epochs: epoch, steps: step, bestEpoch, bestLoss };
    } finally {
      await engine.close();
    }
  } finally {
    await workers.close();
  }
}

/** A run as it goes on here and now. */
async function continued(run: Run, computing: TrainOptions['computing']): Promise<Run> {
  const engine = await requireEngine({ ...run.config, ...computing });
  return continuedBy(run, computing, { cores: availableParallelism(), versions: await packageVersions(engine) });
}

async function startRun(config: TrainConfig, out: string, log: (line: string) => void): Promise<Run> {
  await requireUnused(out);
  const engine = await requireEngine(config);
  const found = await readDataset(config.data);
  const dataset = selectClasses(found, config.classes);
  requireTraining(dataset);
  requireMemory(config, lossOf(config, config.pseudoClasses ?? dataset.length));
  const teacher = await loadTeacher(config.teacher);
  const classes = dataset.map((product) => {
    const { name, folder, train } = product;
    // By the place among all classes: alone or with others, a class has the same images held out.
    const { train: kept, heldOut } = holdOut(
      train,
      config.heldOut,
      config.seed,
      found.indexOf(product),
      product.productOf,
    );
    return { name, folder, train: [...kept], heldOut: [...heldOut], feedback: { train: [], heldOut: [], test: [] } };
  });
  for (const { name, train, heldOut } of classes) {
    log(`Class ${name}: ${train.length} images to train on, ${heldOut.length} held out.`);
    if (train.length < 8) log(`Warning: class ${name} has few images; expect false alarms until it has some dozens.`);
  }
  if (config.loss === 'ccl' && classes.length === 1 && config.pseudoClasses === undefined) {
    log('Warning: one class has nothing to be contrasted with: the contrastive losses are left out.');
  } else if (config.loss === 'ccl' && config.strategy === 'sequential') {
    log(
      'Warning: sequential batches hold one class, which has nothing to be contrasted with: the contrastive losses are left out.',
    );
  }
  await requireReadable(
    classes.flatMap(({ train, heldOut }) => [...train, ...heldOut]),
    config.size,
  );
  const labelled = await withPseudoClasses(classes, config, teacher, log);
  const run: Run = {
    schema: 'beltsight.run/1',
    startedAt: new Date().toISOString(),
    ...(await experimentRecord(classes, engine)),
    config,
    earlier: [],
    model: modelConfigSchema.parse({
      teacher: teacher.backbone.name,
      size: config.size,
      projector: config.loss !== 'rd',
      width: config.width,
      neckWidth: config.neckWidth,
      projectorForm: config.projectorForm,
      ...(config.projectorReduction === undefined ? {} : { projectorReduction: config.projectorReduction }),
    }),
    teacher: { source: config.teacher, metadata: { ...teacher.metadata }, sha256: teacher.sha256 },
    dataDigest: await dataDigest(classes),
    classes: labelled,
  };
  // What no model can be made of is refused before there is a folder.
  defineModel(run.model);
  return createRun(out, async () => run);
}

/**
 * Refuses what the first step would fail at, or be ended for by the system.
 * @throws BeltsightError CONFIG_INVALID
 */
function requireMemory({ batch, size }: TrainConfig, { local }: LossConfig): void {
  const [wanted, there] = [local === null ? 0 : matchingBytes(local, batch, size), totalmem()];
  // Cosines and what was chosen among them.
  if (2 * wanted <= there) return;
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
  throw new BeltsightError(
    'CONFIG_INVALID',
    `local: comparing all positions of all images takes matrices of ${gigabytes(wanted)} (batch ${batch}, ${size}x${size}, scale ${Math.min(...(local?.scales ?? []))}), and this machine has ${gigabytes(there)} of memory: take k: 1 with denominator: batch_pos, scales: [3], a smaller batch, or a smaller size.`,
  );
}

function stepsOf(data: TrainingData, epochs: number): number {
  return Array.from({ length: epochs }, (_, epoch) => data.batches(epoch)).reduce((a, b) => a + b, 0);
}

function optimizerOf({ learningRates, clipNorm, schedule }: TrainConfig, steps: number): OptimizerConfig {
  const decaySteps = schedule === 'cosine' ? steps : undefined;
  return { ...DEFAULT_OPTIMIZER, learningRates, clipNorm, decaySteps };
}
