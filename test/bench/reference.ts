/**
 * npm run bench -- reference RUN [--json FILE] [--threads 2]
 *
 * An independent training loop beside one of ours: PyTorch (Debian: python3-torch, python3-pil) trains reverse distillation with the same
 * ResNet-18, starting weights, images, batches, learning rates and number of steps as a run folder of `beltsight train` (--loss rd), and
 * measures the image AUROC of every class on the same test images. Prints both where the run was evaluated (evaluation.json).
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readDataset } from '../../trainer/src/data/dataset.js';
import { defineModel } from '../../trainer/src/model/network.js';
import { initialise } from '../../trainer/src/model/parameters.js';
import { writeSafetensors } from '../../trainer/src/model/safetensors.js';
import { loadTeacher } from '../../trainer/src/model/teacher/load.js';
import { readRecordedRun } from '../../trainer/src/record/side-by-side.js';
import { adamRates } from '../../trainer/src/train/engine/adam.js';
import { DEFAULT_OPTIMIZER } from '../../trainer/src/train/engine/program.js';
import { labelledImages } from '../../trainer/src/train/run.js';
import { planEpoch, totalEpochs } from '../../trainer/src/train/stages.js';
import { PYTHON } from './support/python.js';

const { values, positionals } = parseArgs({
  options: { json: { type: 'string' }, threads: { type: 'string', default: '2' } },
  allowPositionals: true,
});
const [folder] = positionals;
if (folder === undefined) throw new Error('Usage: npm run bench -- reference RUN [--json FILE] [--threads N]');

const { run, evaluation } = await readRecordedRun(folder);
const { config, classes } = run;
if (run.model.teacher !== 'resnet18' || config.loss !== 'rd') {
  throw new Error(
    `${folder} has a ${run.model.teacher} teacher and loss ${config.loss}; only resnet18 and rd are compared.`,
  );
}
const work = mkdtempSync(join(tmpdir(), 'beltsight-reference-'));
try {
  const file = (name: string) => join(work, name);
  const model = defineModel(run.model);
  const shapes = new Map([...model.parameters, ...model.statistics].map(({ name, shape }) => [name, shape] as const));
  const start = initialise(model.parameters, model.statistics, config.seed);
  const stored = (tensors: Iterable<readonly [string, { shape: readonly number[]; data: Float32Array }]>) =>
    writeSafetensors(new Map(tensors), {});
  writeFileSync(
    file('start.safetensors'),
    stored([...start].map(([name, data]) => [name, { shape: shapes.get(name) ?? [], data }] as const)),
  );
  const teacher = await loadTeacher(run.teacher.source, run.teacher.sha256);
  writeFileSync(file('teacher.safetensors'), stored(teacher.weights));
  const images = labelledImages(run);
  const counts = images.map((own) => own.length);
  const epochs = Array.from({ length: totalEpochs(config, counts.length) }, (_, epoch) =>
    planEpoch(counts, config, epoch).map((batch) => batch.map(({ label, index }) => images[label]?.[index])),
  );
  const steps = epochs.flat().length;
  const optimizer = {
    ...DEFAULT_OPTIMIZER,
    learningRates: config.learningRates,
    clipNorm: config.clipNorm,
    decaySteps: config.schedule === 'cosine' ? steps : undefined,
  };
  const [beta1] = optimizer.betas;
  // Without Adam's bias correction, which is PyTorch's own affair.
  const rates = Array.from(
    { length: steps },
    (_, i) => adamRates(optimizer, 'student', i + 1).rate * (1 - beta1 ** (i + 1)),
  );
  const known = new Set(classes.map(({ name }) => name));
  const test = (await readDataset(config.data)).filter(({ name }) => known.has(name));
  const plan = {
    size: config.size,
    threads: Number(values.threads),
    clipNorm: config.clipNorm,
    betas: optimizer.betas,
    epsilon: optimizer.epsilon,
    kd: config.kd,
    epochs,
    rates,
    heldOut: classes.flatMap(({ heldOut }) => heldOut),
    test: test.map(({ name, test: pictures }) => ({
      name,
      files: pictures.map((each) => each.file),
      defective: pictures.map(({ defect }) => defect !== undefined),
    })),
  };
  writeFileSync(file('plan.json'), JSON.stringify(plan));
  const script = fileURLToPath(new URL('./reference.py', import.meta.url));
  const { status, stdout } = spawnSync(PYTHON, [script, work], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 1e8,
  });
  if (status !== 0)
    throw new Error('PyTorch did not train: it needs the Debian packages python3-torch and python3-pil.');
  const reference: { bestEpoch: number; heldOut: number[]; auroc: Record<string, number> } = JSON.parse(stdout);
  const names = [...known];
  const ours = (name: string) => evaluation?.classes[name]?.imageAuroc ?? Number.NaN;
  const mean = (of: (name: string) => number) => names.reduce((sum, name) => sum + of(name), 0) / names.length;
  const rows = [...names.map((name) => [name, ours(name), reference.auroc[name] as number] as const)];
  rows.push(['mean', mean(ours), mean((name) => reference.auroc[name] as number)]);
  console.table(
    rows.map(([name, beltsight, pytorch]) => ({ name, beltsight, pytorch, difference: beltsight - pytorch })),
  );
  const { history } = await readRecordedRun(folder);
  const heldOut = history.epochs.map(({ heldOutLoss }, i) => ({
    beltsight: heldOutLoss,
    pytorch: reference.heldOut[i],
  }));
  console.log('Held-out loss after each epoch');
  console.table(heldOut);
  if (values.json)
    writeFileSync(values.json, JSON.stringify({ run: folder, seed: config.seed, rows, heldOut }, null, 2));
} finally {
  rmSync(work, { recursive: true });
}
