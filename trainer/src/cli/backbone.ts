import { Command } from 'commander';
import { addBackbone } from '../model/teacher/cache/add.js';
import { type CachedBackbone, cachedBackbone, cachedBackbones, cacheFolder } from '../model/teacher/cache/records.js';
import { loadTeacher } from '../model/teacher/load.js';
import { MOBILENET_V2 } from '../model/teacher/mobilenet-v2.js';
import { plainTable } from '../plain-table.js';
import { StageBar } from './stage-bar.js';

const print = (line: string) => void process.stdout.write(`${line}\n`);

/** What stands behind a backbone's checksum, for people. */
const TRUST: Readonly<Record<CachedBackbone['checked'], string>> = {
  published: 'as published',
  given: 'as given with --sha256',
  'first-use': 'trusted on first use',
};

/** beltsight backbone: the frozen teachers that models are trained on. */
export function backboneCommand(): Command {
  return new Command('backbone')
    .description('Manage frozen backbones (teachers): add one, list them, show one')
    .addCommand(addCommand())
    .addCommand(listCommand())
    .addCommand(showCommand());
}

function addCommand(): Command {
  return new Command('add')
    .description('Put a backbone into the cache, for "beltsight train --teacher NAME"')
    .argument('<file|url>', 'safetensors file with the names of torchvision or timm, or where to fetch one')
    .option('--name <name>', "what to call it (default: timm's name of a published file, otherwise the architecture's)")
    .option('--sha256 <hex>', 'checksum that the file must have')
    .addHelpText(
      'after',
      `
Example:
  beltsight backbone add https://huggingface.co/timm/wide_resnet50_2.racm_in1k/resolve/main/model.safetensors`,
    )
    .action(async (fileOrUrl: string, { name, sha256 }: { name?: string; sha256?: string }) => {
      const bar = new StageBar(process.stderr);
      const progress = (bytes: number, total: number | undefined) => bar.update('fetching', bytes, total ?? bytes);
      const added = await addBackbone(fileOrUrl, { name, sha256, limits: { progress } }).finally(() => bar.end());
      print(`Added ${added.name} (${added.architecture}), SHA-256 ${added.sha256}, ${TRUST[added.checked]}.`);
      if (added.checked === 'first-use') {
        print(
          'No published checksum of this file is known: compare it with one from where the file is published. From now on it may not change.',
        );
      }
      print(`Next: beltsight train --teacher ${added.name} --data DIR --out RUN`);
    });
}

function listCommand(): Command {
  return new Command('list').description('Backbones that "--teacher NAME" finds').action(async () => {
    const table = plainTable(['name', 'architecture', 'MB', 'SHA-256', 'checksum', 'source']);
    const { sha256, metadata } = await loadTeacher(MOBILENET_V2.name);
    const { name: ships } = MOBILENET_V2;
    table.push([ships, ships, '', sha256.slice(0, 12), 'ships', metadata.source ?? '']);
    for (const record of await cachedBackbones()) {
      const { name, architecture, sizeBytes, checked, source } = record;
      table.push([
        name,
        architecture,
        (sizeBytes / 1e6).toFixed(1),
        record.sha256.slice(0, 12),
        TRUST[checked],
        source,
      ]);
    }
    print(table.toString());
    print(`Added ones lie in ${cacheFolder()}.`);
  });
}

function showCommand(): Command {
  return new Command('show')
    .description('A backbone: the layers taken as taps, where it is from, its checksum')
    .argument('<name|file>', 'name of "beltsight backbone list", or a safetensors file')
    .action(async (nameOrFile: string) => {
      const { backbone, metadata, sha256 } = await loadTeacher(nameOrFile);
      const cached = await cachedBackbone(nameOrFile);
      const table = plainTable(['tap', 'channels', 'stride', 'at 256x256']);
      for (const { name, channels, stride } of backbone.taps) {
        table.push([name, channels, stride, `${channels} x ${256 / stride} x ${256 / stride}`]);
      }
      const { mean, deviation } = backbone.normalisation;
      print(`${nameOrFile}: ${backbone.name}`);
      print(table.toString());
      print(`input     RGB in 0..1, minus ${mean.join(' ')}, divided by ${deviation.join(' ')}`);
      print(`source    ${metadata.source ?? 'not stated by its file'}`);
      print(`licence   ${metadata.license ?? metadata.licence ?? 'not stated by its file'}`);
      print(`SHA-256   ${sha256}${cached ? ` (${TRUST[cached.record.checked]})` : ''}`);
      if (cached) print(`file      ${cached.file}`);
    });
}
