import { z } from 'zod';
import { withFiles } from '../config/paths.js';

const file = (what: string) => z.string().min(1).optional().describe(what);
const variable = (what: string) =>
  z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of an environment variable')
    .optional()
    .describe(what);

const shape = z.strictObject({
  url: z
    .string()
    .regex(/^(mqtts?|wss?):\/\/[^\s/]/, 'must look like mqtt://host:1883, mqtts://host:8883 or wss://host/path')
    .refine(URL.canParse, 'is no address; in a password write "/" as %2F, "?" as %3F, "#" as %23')
    .describe('Address of the MQTT broker.'),
  version: z
    .enum(['auto', '5', '3.1.1'])
    .default('auto')
    .describe('MQTT version; `auto`: 5, or 3.1.1 where the broker does not speak 5.'),
  clientId: z
    .string()
    .min(1)
    .max(128)
    .optional()
    .describe('MQTT client id; default: beltsight-<site>-<line>-<device>.'),
  username: z.string().optional(),
  usernameFile: file('File whose first line is the user name.'),
  usernameEnv: variable('Environment variable that holds it.'),
  passwordFile: file('File whose first line is the password.'),
  passwordEnv: variable('Environment variable that holds it.'),
  caFile: file('Certificate authority (PEM) to trust instead of the public ones.'),
  certFile: file("This device's certificate (PEM), for mutual TLS; intermediate ones after it."),
  keyFile: file('Its private key (PEM).'),
  keyPassphraseFile: file('File whose first line is the passphrase of the key.'),
  serverName: z.string().min(1).optional().describe("Name to ask for and to find in the broker's certificate."),
  alpn: z.array(z.string().min(1).max(255)).min(1).optional().describe('ALPN protocols to offer, e.g. [mqtt].'),
  keepaliveSeconds: z
    .int()
    .min(1)
    .max(65_535)
    .default(20)
    .describe('A silent connection is asked for a sign of life this often, and given up after half as long again.'),
  sessionExpirySeconds: z
    .int()
    .min(0)
    .max(0xffff_fffe)
    .default(60)
    .describe('How long the broker keeps subscriptions and commands of a device that is away (MQTT 5).'),
  willDelaySeconds: z
    .int()
    .min(0)
    .max(86_400)
    .default(5)
    .describe('How long it waits before it reports a lost device as offline (MQTT 5).'),
  receiveMaximum: z
    .int()
    .min(1)
    .max(65_535)
    .default(20)
    .describe('Messages that the broker may send before the device has acknowledged one (MQTT 5).'),
  topicAliases: z
    .boolean()
    .default(true)
    .describe('Send numbers instead of topics that were sent before, as many as the broker allows (MQTT 5).'),
  connectSeconds: z.number().min(1).max(300).default(10).describe('How long an answer to an attempt may take.'),
  longestWaitSeconds: z
    .number()
    .min(0.1)
    .max(3600)
    .default(30)
    .describe('Longest wait between attempts; waits are random and grow up to it.'),
});
export type BrokerConfig = z.infer<typeof shape>;

const TLS_KEYS = ['caFile', 'certFile', 'keyFile', 'keyPassphraseFile', 'serverName', 'alpn'] as const;
const ONE_OF = [
  ['username', 'usernameFile', 'usernameEnv'],
  ['passwordFile', 'passwordEnv'],
] as const;

/** Where the broker is, and how to connect to it. Every key is documented in docs/broker.md. */
export const brokerSchema = shape.superRefine((broker, context) => {
  const wrong = (key: keyof BrokerConfig, message: string) =>
    context.addIssue({ code: 'custom', path: [key], message });
  if (!isEncrypted(broker)) {
    for (const key of TLS_KEYS) {
      if (broker[key] !== undefined) wrong(key, `is for mqtts:// and wss:// only, but url is ${schemeOf(broker)}://`);
    }
  }
  for (const keys of ONE_OF) {
    const given = keys.filter((key) => broker[key] !== undefined);
    if (given[1]) wrong(given[1], `goes not together with ${given[0]}: give one of them`);
  }
  if (broker.certFile !== undefined && broker.keyFile === undefined) wrong('keyFile', 'is missing: certFile needs it');
  if (broker.keyFile !== undefined && broker.certFile === undefined) wrong('certFile', 'is missing: keyFile needs it');
  if (broker.keyPassphraseFile !== undefined && broker.keyFile === undefined)
    wrong('keyPassphraseFile', 'is for keyFile, which is missing');
});

export function isEncrypted({ url }: Pick<BrokerConfig, 'url'>): boolean {
  return url.startsWith('mqtts:') || url.startsWith('wss:');
}

/** The same with every file named in full. */
export function withPaths(broker: BrokerConfig, from: (path: string) => string): BrokerConfig {
  return withFiles(broker, FILES, from);
}

/** Keys that name files. */
export const FILES = [
  'usernameFile',
  'passwordFile',
  'caFile',
  'certFile',
  'keyFile',
  'keyPassphraseFile',
] as const satisfies readonly (keyof BrokerConfig)[];

function schemeOf({ url }: Pick<BrokerConfig, 'url'>): string {
  return url.slice(0, url.indexOf(':'));
}
