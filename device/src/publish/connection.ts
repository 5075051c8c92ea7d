import { type BeltsightError, type ConnectionSource, connectMqtt, type ProtocolVersion } from '@beltsight/sdk';
import type { IClientOptions } from 'mqtt';
import type { Logger } from 'pino';
import type { DeviceConfig } from '../config/schema.js';
import { type BrokerConfig, isEncrypted } from './broker-schema.js';
import { CopyingStore } from './copying-store.js';
import { Credentials } from './credentials.js';
import type { Connect } from './publisher.js';

/** Nothing that is sent to a device is larger: a broker with MQTT 5 drops what is. */
const LARGEST_PACKET_BYTES = 2 ** 20;
/** A certificate that ends within so many days is warned of. */
const EXPIRES_SOON_MS = 14 * 86_400_000;

/** What the broker publishes when the device is gone. */
export interface Will {
  readonly topic: string;
  readonly payload: Buffer;
  /** Default: true. */
  readonly retain?: boolean;
}

/**
 * How the device connects: as itself, with a retained last will on the status topic, trying until there is a broker. Secrets and
 * certificates are read anew at every attempt, and when they change on disk, the connection is made anew.
 * @param will made anew for every connection; none for a connection that only looks whether the broker is there
 * @param how.once tried once, and over when it ends: for whoever connects anew by itself
 */
export function connectionOf(
  config: DeviceConfig,
  will: (() => Will) | undefined,
  logger?: Logger,
  { once = will === undefined }: { readonly once?: boolean } = {},
): Connect {
  const { broker } = config;
  return async (connected, signal) => {
    if (logger) warnOfPlainPassword(broker, logger);
    return connectMqtt(
      broker.url,
      {
        ...fixedOptions(config, will !== undefined),
        ...(once ? { reconnectPeriod: 0 } : {}),
      },
      {
        timeoutMs: broker.connectSeconds * 1000,
        longestWaitMs: broker.longestWaitSeconds * 1000,
        persist: !once,
        signal,
        version: VERSIONS[broker.version],
        source: sourceOf(broker, will, logger),
        connected,
        report: (problem, retryMs) => logger?.warn({ err: problem, retryMs }, `${problem.message} Results wait.`),
      },
    );
  };
}

const VERSIONS: Readonly<Record<BrokerConfig['version'], ProtocolVersion | undefined>> = {
  auto: undefined,
  '5': 5,
  '3.1.1': 4,
};

/** What is the same at every connection. */
function fixedOptions({ site, line, device, broker }: DeviceConfig, asDevice: boolean): IClientOptions {
  const clientId = broker.clientId ?? `beltsight-${site}-${line}-${device}`;
  if (!asDevice) {
    // A look must not throw the running device off the broker.
    return { clientId: `${clientId}-check` };
  }
  return {
    clientId,
    keepalive: broker.keepaliveSeconds,
    // The publisher subscribes at every connection, and hears what is refused.
    resubscribe: false,
    properties: {
      sessionExpiryInterval: broker.sessionExpirySeconds,
      receiveMaximum: broker.receiveMaximum,
      maximumPacketSize: LARGEST_PACKET_BYTES,
    },
    // What may be lost is lost: kept over an outage it would come late, and a picture twice.
    queueQoSZero: false,
    autoAssignTopicAlias: broker.topicAliases,
    outgoingStore: new CopyingStore(),
  };
}

function sourceOf(broker: BrokerConfig, will: (() => Will) | undefined, logger: Logger | undefined): ConnectionSource {
  const credentials = new Credentials(broker);
  return {
    async read(version) {
      const options = await credentials.read();
      if (logger) await warnOfExpiry(credentials, logger);
      return { ...options, ...sessionOf(broker, will?.(), version) };
    },
    watch: (renew) =>
      credentials.watch(
        () => {
          logger?.info('Certificates or secrets for the broker have changed: connecting anew.');
          renew();
        },
        (error) => logger?.error({ err: error }, `${(error as BeltsightError).message} The connection stays as it is.`),
      ),
  };
}

/**
 * Under MQTT 5 a session outlives its connection and the will waits: a device that is back in time is never reported offline, and
 * no late will overtakes its status (sections 3.1.2.5 and 3.1.3.2.2). MQTT 3.1.1 has no end of a session but its beginning anew.
 */
function sessionOf(broker: BrokerConfig, will: Will | undefined, version: ProtocolVersion): IClientOptions {
  const clean = version === 4 || will === undefined || broker.sessionExpirySeconds === 0;
  if (!will) return { clean };
  const properties = { willDelayInterval: Math.min(broker.willDelaySeconds, broker.sessionExpirySeconds) };
  return { clean, will: { retain: true, ...will, qos: 1, ...(version === 5 ? { properties } : {}) } };
}

function warnOfPlainPassword(broker: BrokerConfig, logger: Logger): void {
  const inUrl = new URL(broker.url).password !== '';
  const password = inUrl || broker.passwordFile !== undefined || broker.passwordEnv !== undefined;
  if (!password || isEncrypted(broker)) return;
  logger.warn(
    'The password goes to the broker unencrypted, for anybody on the network to read: use mqtts:// or wss://.',
  );
}

async function warnOfExpiry(credentials: Credentials, logger: Logger): Promise<void> {
  const expiry = await credentials.expiry();
  if (!expiry || expiry.getTime() - Date.now() > EXPIRES_SOON_MS) return;
  const tense = expiry.getTime() < Date.now() ? 'expired' : 'expires';
  logger.warn(`broker.certFile: this device's certificate ${tense} on ${expiry.toISOString()}: replace it.`);
}
