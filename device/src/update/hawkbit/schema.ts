import { z } from 'zod';

const file = (what: string) => z.string().min(1).optional().describe(what);

const shape = z.strictObject({
  url: z
    .string()
    .regex(/^https?:\/\/[^\s/]/, 'must look like https://hawkbit.example')
    .refine(URL.canParse, 'is no address')
    .describe('Address of hawkBit, without tenant and /controller.'),
  tenant: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,40}$/, 'use letters, digits, "_" and "-"')
    .default('DEFAULT')
    .describe('As hawkBit spells it, in capital letters.'),
  controllerId: z
    .string()
    .regex(/^[A-Za-z0-9._~:@-]{1,256}$/, 'use letters, digits, ".", "_", "~", ":", "@" and "-"')
    .optional()
    .describe('Name of the target; default: <site>.<line>.<device>.'),
  tokenFile: file('File whose first line is the security token.'),
  tokenKind: z
    .enum(['target', 'gateway'])
    .default('target')
    .describe('Whose token it is: of this target, or the one of a gateway that may speak for every target.'),
  caFile: file('PEM of the only certificate authority to trust.'),
  certFile: file("This device's certificate (PEM), where a reverse proxy before hawkBit asks for it."),
  keyFile: file('Its private key (PEM).'),
  proxy: z
    .string()
    .regex(/^https?:\/\/[^\s/]/, 'must look like http://proxy:3128')
    .refine(URL.canParse, 'is no address')
    .optional()
    .describe('Address of an HTTP proxy.'),
});

const TLS_KEYS = ['caFile', 'certFile', 'keyFile'] as const;

/** Where hawkBit is, and as what this device appears there: docs/hawkbit.md. */
export const hawkbitSchema = shape.superRefine((hawkbit, context) => {
  const wrong = (key: keyof HawkbitOptions, message: string) =>
    context.addIssue({ code: 'custom', path: [key], message });
  if (!hawkbit.url.startsWith('https:')) {
    for (const key of TLS_KEYS) if (hawkbit[key] !== undefined) wrong(key, 'is for https:// only, but url is http://');
  }
  if (hawkbit.certFile !== undefined && hawkbit.keyFile === undefined)
    wrong('keyFile', 'is missing: certFile needs it');
  if (hawkbit.keyFile !== undefined && hawkbit.certFile === undefined)
    wrong('certFile', 'is missing: keyFile needs it');
});
export type HawkbitOptions = z.output<typeof shape>;
