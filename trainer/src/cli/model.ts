import { BeltsightError, parseConfig } from '@beltsight/sdk';
import { Command } from 'commander';
import { costsOf } from '../model/cost.js';
import { defineModel, type ModelConfig, modelConfigSchema } from '../model/network.js';
import { loadTeacher } from '../model/teacher/load.js';
import { isArchitecture } from '../model/teacher/weights.js';
import { plainTable } from '../plain-table.js';
import { lossModeSchema } from '../train/config.js';
import { readRunDescription } from '../train/run.js';

interface Flags {
  readonly run?: string;
  readonly teacher?: string;
  readonly size?: string;
  readonly loss?: string;
  readonly width?: string;
  readonly projectorForm?: string;
  readonly projectorReduction?: string;
  readonly neckWidth?: string;
}

/** beltsight model: what a model costs, before it is trained. */
export function modelCommand(): Command {
  const show = new Command('show')
    .description('Parameters and multiply-accumulates of each part of a model')
    .option('--run <run>', 'the model of a run folder; otherwise of the options below')
    .option('--teacher <name|file>', 'architecture, name of "beltsight backbone list" or file (default: mobilenet_v2)')
    .option('--size <pixels>', 'side of the square input (default: 256)')
    .option('--loss <mode>', 'ccl, rd+projector or rd, which has no projector (default: ccl)')
    .option('--width <channels>', 'base width of neck and decoder (default: 64)')
    .option('--projector-form <form>', '4-conv, 2-conv or mlp (default: 4-conv)')
    .option('--projector-reduction <n>', 'bottleneck of the projector (default: 2; 4 for mobilenet_v2)')
    .option('--neck-width <channels>', 'inner width of the bottleneck blocks of the neck (default: 64)')
    .action(async ({ run, ...flags }: Flags) => {
      const config = run === undefined ? await configOf(flags) : await configOfRun(run, flags);
      process.stdout.write(`${modelTable(config)}\n`);
    });
  return new Command('model').description('Models before they are trained').addCommand(show);
}

async function configOf({
  teacher = 'mobilenet_v2',
  loss = 'ccl',
  projectorForm,
  ...numbers
}: Flags): Promise<ModelConfig> {
  if (!lossModeSchema.safeParse(loss).success) {
    throw new BeltsightError('ARGUMENT_INVALID', `--loss ${loss}: give one of ${lossModeSchema.options.join(', ')}.`);
  }
  const given = Object.entries(numbers).map(([key, text]) => [key, Number(text)]);
  return parseConfig(
    modelConfigSchema,
    {
      teacher: isArchitecture(teacher) ? teacher : (await loadTeacher(teacher)).backbone.name,
      projector: loss !== 'rd',
      ...(projectorForm === undefined ? {} : { projectorForm }),
      ...Object.fromEntries(given),
    },
    'What was given',
  );
}

async function configOfRun(run: string, flags: Omit<Flags, 'run'>): Promise<ModelConfig> {
  if (Object.keys(flags).length > 0) {
    throw new BeltsightError('ARGUMENT_INVALID', '--run says which model it is: leave the other options out.');
  }
  return (await readRunDescription(run)).model;
}

function modelTable(config: ModelConfig): string {
  const model = defineModel(config);
  const costs = costsOf(model);
  const table = plainTable(['part', 'parameters (M)', 'GMAC'], 'lrr');
  const total = { part: 'total', parameters: 0, macs: 0 };
  for (const { part, parameters, macs } of costs) {
    table.push([part, (parameters / 1e6).toFixed(3), (macs / 1e9).toFixed(3)]);
    total.parameters += parameters;
    total.macs += macs;
  }
  table.push([total.part, (total.parameters / 1e6).toFixed(3), (total.macs / 1e9).toFixed(3)]);
  const { teacher, size, width } = config;
  const taps = model.backbone.taps.map(
    ({ name, channels, stride }) => `${name} (${channels} x ${size / stride} x ${size / stride})`,
  );
  return [
    `${teacher} at ${size}x${size}, width ${width}, embedding of ${model.embeddingSize}`,
    `taps: ${taps.join(', ')}`,
    table.toString(),
    'For one image; convolutions only. Parameters of the teacher are those with BatchNorm folded in.',
  ].join('\n');
}
