import { join, resolve } from 'node:path';
import { channelPath, type Scope, scopePath } from '@beltsight/sdk/release';
import Table from 'cli-table3';
import { Command } from 'commander';
import { readAccess } from '../release/access.js';
import { addBundle, promote, revoke } from '../release/bundles.js';
import { addScope, initWorkspace, rotateKey } from '../release/init.js';
import { serveOverMqtt } from '../release/mqtt-server.js';
import { knownPassphrases, newPassphrases } from '../release/passphrase.js';
import { publish } from '../release/publish.js';
import { targetPath } from '../release/reference.js';
import { serveRepository } from '../release/serve.js';
import { readSettings } from '../release/settings.js';
import { Signers } from '../release/signers.js';
import { type ReleaseStatus, releaseStatus } from '../release/status.js';
import { Workspace } from '../release/workspace.js';
import { type BrokerFlags, mqttOptions, withBroker } from './broker.js';
import { type ListenFlags, listening, untilStopped, withListening } from './listening.js';

interface ScopeFlags {
  readonly releases: string;
  readonly site?: string;
  readonly line?: string;
}

interface KeyFlags {
  readonly releases: string;
  readonly passphraseFile?: string;
}

/** beltsight release: bundles as signed releases in a repository that devices update from. */
export function releaseCommand(): Command {
  return new Command('release')
    .description('Sign bundles as releases, in a repository (TUF) that devices update from')
    .addCommand(initCommand())
    .addCommand(addCommand())
    .addCommand(promoteCommand())
    .addCommand(revokeCommand())
    .addCommand(publishCommand())
    .addCommand(statusCommand())
    .addCommand(scopeCommand())
    .addCommand(rotateCommand())
    .addCommand(serveCommand());
}

const say = (line: string) => process.stderr.write(`${line}\n`);

const command = (name: string) =>
  new Command(name).option('--releases <folder>', 'workspace of beltsight release init', 'releases');
const withScope = (made: Command) =>
  made.option('--site <site>', 'for the devices of a site only').option('--line <line>', 'and of one line of it');
const withPassphrase = (made: Command) =>
  made.option(
    '--passphrase-file <file>',
    'file whose first line opens all keys (default: BELTSIGHT_PASSPHRASE, or asked for)',
  );

const scopeOf = ({ site, line }: ScopeFlags): Scope => {
  const scope = { site, line };
  scopePath(scope);
  return scope;
};

function initCommand(): Command {
  return withPassphrase(command('init'))
    .description('Make a workspace: keys for root, targets, snapshot and timestamp, and settings')
    .action(async ({ releases, passphraseFile }: KeyFlags) => {
      await initWorkspace(releases, newPassphrases(passphraseFile));
      say(`Made ${releases}. Keep ${join(releases, 'keys/root.key')} off this machine, and a copy of it in a safe:`);
      say('with it, every other key can be replaced; without it, devices must be visited.');
    });
}

interface AddFlags extends ScopeFlags {
  readonly bundle: string;
  readonly name: string;
  readonly channel?: string;
  readonly notes: string;
  readonly force?: boolean;
}

function addCommand(): Command {
  return withScope(command('add'))
    .description('Stage a bundle as the next version of a name')
    .requiredOption('--bundle <bundle>', 'bundle folder of beltsight export')
    .requiredOption('--name <name>', 'name of the release: letters, digits, "." and "_"')
    .option('--channel <channel>', 'let the devices of this channel run it, too')
    .option('--notes <text>', 'what people should know of it', '')
    .option('--force', 'although it is worse than the model it was trained from, or was not compared with it')
    .addHelpText(
      'after',
      '\nExample:\n  beltsight release add --bundle bundles/first --name bottles --channel stable\n  beltsight release publish',
    )
    .action(async (flags: AddFlags) => {
      const workspace = new Workspace(flags.releases);
      const { tolerance } = await readSettings(workspace.folder);
      const scope = scopeOf(flags);
      const now = new Date();
      const { bundle, name, notes, force = false } = flags;
      const options = { workspace, bundle, name, scope, notes, now, tolerance, force };
      const { path, newBytes, totalBytes, objection, trainable } = await addBundle(options);
      if (flags.channel !== undefined) await promote(workspace, scope, flags.channel, path, now);
      if (objection !== undefined) say(`Warning: forced, although ${objection}.`);
      if (!trainable) say('Warning: its run folder is not here, so beltsight train --from will ask for it.');
      say(
        `Staged ${path}: ${megabytes(totalBytes)}, of which ${megabytes(newBytes)} are new. beltsight release publish signs it.`,
      );
    });
}

function promoteCommand(): Command {
  return withScope(command('promote'))
    .description('Stage which release the devices of a channel shall run')
    .argument('<release>', '<name>-<version>, a target path, or "none": devices keep what they have')
    .option('--channel <channel>', 'channel', 'stable')
    .action(async (release: string, flags: ScopeFlags & { channel: string }) => {
      const scope = scopeOf(flags);
      const path = release === 'none' ? null : targetPath(release, scope);
      await promote(new Workspace(flags.releases), scope, flags.channel, path, new Date());
      say(`Staged ${channelPath(scope, flags.channel)}: ${path ?? 'none'}. beltsight release publish signs it.`);
    });
}

function revokeCommand(): Command {
  return withScope(command('revoke'))
    .description('Stage that a release is taken back: no device installs it any more')
    .argument('<release>', '<name>-<version>, or a target path')
    .action(async (release: string, flags: ScopeFlags) => {
      const path = targetPath(release, scopeOf(flags));
      const channels = await revoke(new Workspace(flags.releases), path, new Date());
      say(
        `Staged: ${path} goes${channels.length > 0 ? `; ${channels.join(', ')} point to none` : ''}. beltsight release publish signs it.`,
      );
    });
}

function publishCommand(): Command {
  return withPassphrase(command('publish'))
    .description('Sign what is staged, renew what expires soon, and make it visible')
    .addHelpText(
      'after',
      '\nRun it every day, too: timestamp and snapshot expire, so that nobody can show devices an old state for long.',
    )
    .action(async ({ releases, passphraseFile }: KeyFlags) => {
      const settings = await readSettings(releases);
      const signers = new Signers(releases, settings, knownPassphrases(passphraseFile));
      const versions = await publish({ workspace: new Workspace(releases), settings, signers, now: new Date() });
      say(
        `Published: ${Object.entries(versions)
          .map(([role, version]) => `${role} ${version}`)
          .join(', ')}.`,
      );
    });
}

function statusCommand(): Command {
  return command('status')
    .description('Show releases, channels, and what expires when')
    .option('--json', 'for programs')
    .action(async ({ releases, json = false }: { releases: string; json?: boolean }) => {
      const status = await releaseStatus(new Workspace(releases), new Date());
      process.stdout.write(json ? `${JSON.stringify(status, null, 2)}\n` : tables(status));
      const sound =
        status.roles.every(({ expired }) => !expired) && status.releases.every(({ missing }) => missing === 0);
      process.exitCode = sound ? 0 : 1;
    });
}

function scopeCommand(): Command {
  return withPassphrase(withScope(command('scope')))
    .description('Give a site or line a key of its own')
    .action(async (flags: ScopeFlags & KeyFlags) => {
      const key = await addScope(flags.releases, scopeOf(flags), newPassphrases(flags.passphraseFile));
      say(`Made key ${key}. beltsight release publish makes devices trust it for ${scopePath(scopeOf(flags))} alone.`);
    });
}

function rotateCommand(): Command {
  return withPassphrase(command('rotate'))
    .description('Replace a key by a new one, after a theft or by the calendar')
    .argument('<key>', 'name of the key in release.yaml')
    .action(async (old: string, { releases, passphraseFile }: KeyFlags) => {
      const key = await rotateKey(releases, old, newPassphrases(passphraseFile));
      say(
        `Key ${key} takes the place of ${old}. beltsight release publish makes devices forget the old one; it needs the root key.`,
      );
    });
}

interface ServeFlags extends ListenFlags, BrokerFlags {
  readonly releases: string;
  readonly access?: string;
  readonly mqtt?: string;
}

function serveCommand(): Command {
  const serving = withListening(command('serve'), '8091')
    .description('Serve the repository over HTTP(S); any web server or object store does as well')
    .option('--access <file>', 'which device may read what (default: everybody everything)')
    .option('--mqtt <url>', 'serve over this MQTT broker, too, for devices that reach nothing else');
  return withBroker(serving).action(async (flags: ServeFlags) => {
    const folder = resolve(flags.releases, 'repository');
    const access = flags.access === undefined ? undefined : await readAccess(flags.access);
    const { address, ...where } = await listening(flags);
    const server = await serveRepository({ folder, access, log: say, ...where });
    const broker =
      flags.mqtt === undefined
        ? undefined
        : await serveOverMqtt({ folder, url: flags.mqtt, mqtt: await mqttOptions(flags), log: say });
    say(`Serving ${folder} on ${address(server.port)}. Ctrl-C ends.`);
    await untilStopped();
    await broker?.close();
    await server.close();
  });
}

function tables({ roles, releases, channels, revoked }: ReleaseStatus): string {
  const signed = new Table({ head: ['role', 'version', 'expires', ''], style: { head: [] } });
  for (const { role, version, expires, due, expired } of roles)
    signed.push([role, version, expires, expired ? 'EXPIRED' : due ? 'due' : '']);
  const bundles = new Table({ head: ['release', 'model', 'size', ''], style: { head: [] } });
  for (const { path, release, sizeBytes, missing, published } of releases) {
    const state = missing > 0 ? `${missing} BLOBS MISSING` : published ? '' : 'staged';
    bundles.push([path, release.modelId, megabytes(sizeBytes), state]);
  }
  for (const path of revoked.filter((each) => each.startsWith('releases/')))
    bundles.push([path, '', '', 'staged to go']);
  const pointers = new Table({ head: ['channel', 'release', ''], style: { head: [] } });
  for (const { path, channel, published } of channels)
    pointers.push([path, channel.release ?? 'none', published ? '' : 'staged']);
  return `${[signed, bundles, pointers].map((table) => table.toString()).join('\n')}\n`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
