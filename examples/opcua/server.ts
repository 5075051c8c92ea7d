import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import {
  MessageSecurityMode,
  makeApplicationUrn,
  type Namespace,
  nodesets,
  OPCUAServer,
  SecurityPolicy,
} from 'node-opcua';
import { FolderTrust } from './trust.js';

/** Names the tags in every client's configuration: it must never change. */
export const NAMESPACE_URI = 'urn:beltsight:tags';

export interface ServerOptions {
  /** Address to listen on. Beyond loopback only signed and encrypted connections are offered. */
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /** Folder with the server's key and certificate, and those of clients that are trusted. */
  readonly pki: string;
  /** Who may call methods; without it nobody may. */
  readonly user?: { readonly name: string; readonly password: string } | undefined;
}

/** An OPC UA server that is not started yet, with the namespace for the tags. */
export async function createServer({ host, port, pki, user }: ServerOptions): Promise<[OPCUAServer, Namespace]> {
  const local = isLoopback(host);
  const server = new OPCUAServer({
    host,
    port,
    // Clients are told this name; of "all addresses" the machine's own is the one that works.
    ...(isUnspecified(host) ? {} : { hostname: host }),
    resourcePath: '/beltsight',
    nodesets: [nodesets.standard],
    securityModes: [...(local ? [MessageSecurityMode.None] : []), MessageSecurityMode.SignAndEncrypt],
    securityPolicies: [
      ...(local ? [SecurityPolicy.None] : []),
      SecurityPolicy.Basic256Sha256,
      SecurityPolicy.Aes128_Sha256_RsaOaep,
      SecurityPolicy.Aes256_Sha256_RsaPss,
    ],
    allowAnonymous: true,
    userManager: {
      isValidUser: (name: string, password: string) => user !== undefined && isUser(user, name, password),
    },
    serverCertificateManager: new FolderTrust(pki),
    // A subscriber that asks for every change gets every result, however close they are.
    serverCapabilities: { minSupportedSampleRate: 0 },
    serverInfo: {
      applicationUri: makeApplicationUrn(hostname(), 'BeltsightGateway'),
      applicationName: { text: 'Beltsight OPC UA gateway' },
    },
    buildInfo: { productName: 'Beltsight OPC UA gateway', productUri: 'urn:beltsight:opcua-gateway' },
  });
  await server.initialize();
  const { addressSpace } = server.engine;
  if (!addressSpace) throw new Error('The OPC UA server has no address space.');
  return [server, addressSpace.registerNamespace(NAMESPACE_URI)];
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

const isUnspecified = (host: string) => host === '0.0.0.0' || host === '::';

/** Compares digests: neither the length nor a common start of a password can be measured. */
function isUser(user: { name: string; password: string }, name: string, password: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const same = [user.name === name, timingSafeEqual(digest(user.password), digest(password))];
  return same.every(Boolean);
}
