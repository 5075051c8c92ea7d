import { BeltsightError } from '../errors.js';

/** Reason code of MQTT 5 (section 4.13) for "another client has connected with your id". */
export const TAKEN_OVER = 0x8e;

/** The answer is that this version of MQTT is not spoken: MQTT 3.1.1 section 3.2.2.3, MQTT 5 section 3.2.2.2. */
const UNSUPPORTED_VERSION = [1, 0x84];

const CREDENTIALS = 'check user name and password';
const RIGHTS = 'give this user or client id the right to connect, in the access rules of the broker';
const LATER = 'the broker is busy or going down; its log says why';
const CLOCK = 'check the clock of this device first, then the certificate';
const AUTHORITY = 'name the certificate authority that signed it (caFile), with the intermediate ones';
const OWN_CERTIFICATE = "the broker does not take this device's certificate";

/** What to do, by reason code of MQTT or error code of Node; MQTT 3.1.1 codes are below 6, those of MQTT 5 above 127. */
const REMEDIES: Readonly<Record<string, string>> = {
  2: 'choose another client id',
  3: LATER,
  4: CREDENTIALS,
  5: `${CREDENTIALS}, and ${RIGHTS}`,
  133: 'choose another client id',
  134: CREDENTIALS,
  135: `${CREDENTIALS}, and ${RIGHTS}`,
  136: LATER,
  137: LATER,
  138: 'the broker has banned this client: ask who runs it',
  139: LATER,
  140: 'the broker wants another way to authenticate than a password or certificate',
  141: 'the network held back what this device sent, or it was overloaded',
  142: 'another client has connected with the same client id: give each its own',
  149: 'the broker takes no packets so large: raise its limit or publish no frames',
  151: 'the broker has run out of a quota for this client',
  152: 'somebody has ended it at the broker',
  156: 'connect to the server that the broker names',
  157: 'connect to the server that the broker names',
  159: 'the broker limits how often clients connect',
  ECONNREFUSED: 'check address and port, and that the broker runs',
  ENOTFOUND: 'check the host name and the name server',
  EAI_AGAIN: 'the name server does not answer: check the network',
  EHOSTUNREACH: 'check network and routing',
  ENETUNREACH: 'check network and routing',
  ETIMEDOUT: 'check network and firewall',
  ECONNRESET: 'check that scheme and port belong together (mqtt or mqtts), and the log of the broker',
  EPIPE: 'the log of the broker says why',
  EPROTO: 'check that the port speaks TLS',
  ERR_SSL_WRONG_VERSION_NUMBER: 'the port does not speak TLS: check scheme and port',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'the port does not speak TLS: check scheme and port',
  ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: 'the broker speaks none of the ALPN protocols offered',
  CERT_HAS_EXPIRED: `the broker's certificate has expired: renew it; ${CLOCK}`,
  CERT_NOT_YET_VALID: `the broker's certificate is not valid yet: ${CLOCK}`,
  ERR_TLS_CERT_ALTNAME_INVALID:
    "the broker's certificate is for another host: use a name that it holds in the address, or as server name",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: `the broker's certificate is not trusted: ${AUTHORITY}`,
  UNABLE_TO_GET_ISSUER_CERT: `the broker's certificate is not trusted: ${AUTHORITY}`,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: `the broker's certificate is not trusted: ${AUTHORITY}`,
  SELF_SIGNED_CERT_IN_CHAIN: `the broker's certificate is not trusted: ${AUTHORITY}`,
  DEPTH_ZERO_SELF_SIGNED_CERT: `the broker's certificate is not trusted: ${AUTHORITY}`,
  CERT_SIGNATURE_FAILURE: `the broker's certificate is not trusted: ${AUTHORITY}`,
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'the broker wants a certificate of this device (certFile, keyFile)',
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE:
    'the broker wants a certificate of this device (certFile, keyFile), or no cipher fits',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: `${OWN_CERTIFICATE}, it has expired: replace it (certFile); ${CLOCK}`,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED: `${OWN_CERTIFICATE}, it was revoked: replace it (certFile)`,
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: `${OWN_CERTIFICATE}: it must be signed by an authority that the broker trusts`,
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: `${OWN_CERTIFICATE}: ${CLOCK}`,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: `${OWN_CERTIFICATE}: ${CLOCK}`,
};
const REMEDY = 'check its address, credentials, and that it runs';

/** The broker hung up before it said a word, as some do on a version of MQTT that they do not know. */
export class HungUp extends Error {}

/** The broker has said that it does not speak this version of MQTT. */
export function isVersionRefusal(error: unknown): boolean {
  return UNSUPPORTED_VERSION.includes(codeOf(error) as number);
}

/** The error of an attempt that failed: which broker, why, and what to do. */
export function unreachable(url: string, cause: unknown): BeltsightError {
  return cause instanceof BeltsightError ? cause : problem(url, 'cannot be reached', cause, REMEDY);
}

/** The error of a connection that ended. */
export function lost(url: string, cause: Error): BeltsightError {
  return problem(url, 'is gone', cause, 'it was ended, or the network broke');
}

/** The error of a connection that the broker ended, with its reason code. */
export function endedByBroker(url: string, code: number, clientId: string | undefined): BeltsightError {
  const reason = code === TAKEN_OVER ? `client id "${clientId}" taken over` : `reason code ${code}`;
  return problem(url, 'has ended the connection', Object.assign(new Error(reason), { code }), 'its log says why');
}

/** The error of a connection that ended soon after it began, as others before it. */
export function endedSoon(url: string, clientId: string | undefined): BeltsightError {
  const reason = 'again soon after it began, for no reason that it gives';
  const remedy = `if another client uses the id "${clientId}", give each its own; else the log of the broker says why`;
  return problem(url, 'has ended the connection', new Error(reason), remedy);
}

function problem(url: string, what: string, cause: unknown, otherwise: string): BeltsightError {
  const remedy = REMEDIES[String(codeOf(cause))] ?? otherwise;
  const message = `The MQTT broker at ${withoutPassword(url)} ${what} (${reasonOf(cause)}): ${remedy}.`;
  return new BeltsightError('BROKER_UNREACHABLE', message, { cause });
}

/**
 * An address fit for messages and logs: without all that stands before its last `@`, since passwords may hold any character, and without what
 * follows `password=` and the like in path and query, where cameras want them.
 */
export function withoutPassword(url: string): string {
  return url
    .replace(/(:\/\/).*@/, '$1***@')
    .replace(/((?:passw(?:or)?d|pass|pwd|token|secret)=)[^&?#/\s"']+/gi, '$1***');
}

function codeOf(error: unknown): unknown {
  const { code, errors } = error as { code?: unknown; errors?: readonly unknown[] };
  if (errors?.length) return codeOf(errors[0]);
  const reason = tlsReason(error);
  return reason === undefined ? code : `ERR_SSL_${reason.toUpperCase().replaceAll(' ', '_')}`;
}

/** What OpenSSL says, from the midst of what Node makes of it, where it gives no code but EPROTO. */
function tlsReason(error: unknown): string | undefined {
  return /:SSL routines:[^:]*:([^:]+):/.exec((error as Error).message)?.[1];
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  const { message, code } = error as { message?: string; code?: unknown };
  return tlsReason(error) || message?.trim() || String(code ?? error);
}
