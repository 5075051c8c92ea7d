import { join } from 'node:path';
import {
  BeltsightError,
  type CommandName,
  type DeviceTopics,
  type ReplyMessage,
  type StatusMessage,
} from '@beltsight/sdk';
import type { Logger } from 'pino';
import type { DeviceConfig } from '../config/schema.js';
import type { Publisher } from '../publish/publisher.js';
import type { Model } from '../service/model.js';
import type { Updates } from '../update/updates.js';
import { CameraControl } from './control.js';
import { type Acknowledge, acknowledgeEffect } from './effects/acknowledge.js';
import { Collector } from './effects/collect.js';
import { feedbackEffect, type MarkResult } from './effects/feedback.js';
import { pauseEffect } from './effects/pause.js';
import { recipeEffect, restoreRecipes } from './effects/recipe.js';
import { restoreThresholds, thresholdEffect } from './effects/threshold.js';
import { triggerEffect } from './effects/trigger.js';
import { updateEffect } from './effects/update.js';
import { GuardedRunner } from './guard.js';
import { socketIn } from './local/protocol.js';
import { LocalCommands } from './local/server.js';
import { MqttCommands } from './mqtt/listener.js';
import { RememberedRequests } from './remembered.js';
import { failure } from './reply.js';
import type { CommandOrigin, CommandRunner } from './runner.js';
import { CommandSettings } from './settings.js';

export interface CommandsParts {
  readonly model: Pick<Model, 'manifest' | 'useThresholds' | 'onUse'>;
  readonly publisher: Pick<Publisher, 'subscribe' | 'say'>;
  readonly topics: DeviceTopics;
  /** Publishes the status now, and gives it. */
  readonly status: () => StatusMessage;
  readonly acknowledge: Acknowledge;
  readonly updates: Pick<Updates, 'command'> | undefined;
  readonly mark: MarkResult;
}

/**
 * All that a service has to do with commands: it takes them by MQTT and over the local socket, and from whoever holds it as a runner.
 * Before `begin` and after `close` it refuses them.
 */
export class Commands implements CommandRunner {
  readonly #controls: ReadonlyMap<string, CameraControl>;
  #runner: CommandRunner | undefined;
  #closers: (() => Promise<void>)[] = [];

  constructor(
    private readonly config: DeviceConfig,
    private readonly logger: Logger,
  ) {
    const limits = config.commands.trigger;
    this.#controls = new Map(config.cameras.map((camera) => [camera.name, new CameraControl(camera, limits)]));
  }

  /** What commands have set for a camera of the configuration. */
  control(camera: string): CameraControl {
    return this.#controls.get(camera) as CameraControl;
  }

  async run<N extends CommandName>(name: N, args: unknown, from: CommandOrigin): Promise<ReplyMessage> {
    if (this.#runner) return this.#runner.run(name, args, from);
    const error = new BeltsightError(
      'COMMAND_BUSY',
      'The service starts or stops: ask again when its status is online.',
    );
    return failure({ command: name, id: from.id, latencyMs: () => 0 }, error);
  }

  /** Restores what was set before a restart, and takes commands from now on. Without the state folder it goes on, and says so. */
  async begin({ model, publisher, topics, status, acknowledge, mark, updates }: CommandsParts): Promise<void> {
    const { config, logger } = this;
    const controls = this.#controls;
    const { site, line, device, state, commands, runtime } = config;
    const changed = () => void status();
    const settings = await CommandSettings.open(join(state, 'settings.json'), logger);
    model.onUse((next) => {
      restoreRecipes({ controls, model: next, settings }, logger);
      restoreThresholds({ model: next, settings }, logger);
    });
    const requests = await RememberedRequests.open(
      join(state, 'requests.jsonl'),
      commands.remember,
      interruptedReply,
      logger,
    );
    const collector = new Collector({
      controls,
      config: { ...config.collect, folder: config.collect.folder ?? join(state, 'collected') },
      about: { site, line, device },
      library: runtime.library,
      logger,
      changed,
    });
    const runner = new GuardedRunner({
      config: commands,
      requests,
      logger,
      effects: {
        recipe: recipeEffect({ controls, model, settings, changed }),
        threshold: thresholdEffect({ model, settings }),
        trigger: triggerEffect(controls),
        collect: collector.collect,
        pause: pauseEffect(controls, changed),
        acknowledge: acknowledgeEffect(controls, acknowledge),
        feedback: feedbackEffect({ controls, model, mark }),
        status,
        update: updateEffect(updates),
      },
    });
    this.#runner = runner;
    this.#closers = [() => collector.close(), () => requests.close()];
    new MqttCommands({ config: commands, topics, publisher, runner: this, logger }).listen();
    try {
      const local = await LocalCommands.open(socketIn(state), { site, line, device }, this, logger);
      this.#closers.unshift(() => local.close());
    } catch (error) {
      logger.error({ err: error }, `${(error as Error).message} The service goes on without local commands.`);
    }
  }

  /** Ends what commands have begun, answers those that wait, and takes no more. */
  async close(): Promise<void> {
    this.#runner = undefined;
    const stopping = new BeltsightError('COMMAND_FAILED', 'The service stops.');
    for (const { trigger } of this.#controls.values()) trigger.cancel(stopping);
    for (const close of this.#closers.splice(0)) await close();
  }
}

/** The reply to a request that was in work when the device stopped. */
function interruptedReply(key: string): ReplyMessage {
  const text =
    'The device stopped while it was at work on this request: whether it was carried out is not known. Look at its status, and ask anew under another id.';
  const id = key.slice(key.indexOf('/') + 1);
  return failure({ command: 'unknown', id, latencyMs: () => 0 }, new BeltsightError('COMMAND_FAILED', text));
}
