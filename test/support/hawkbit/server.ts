import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { violations } from './description.js';

export interface Deployment {
  readonly name: string;
  readonly version: string;
  readonly part?: string;
  readonly metadata?: readonly { readonly key: string; readonly value: string }[];
  readonly forced?: boolean;
  readonly downloadOnly?: boolean;
  readonly confirm?: boolean;
  readonly maintenance?: 'available' | 'unavailable';
}

interface Action {
  readonly id: number;
  deployment: Deployment;
  status: 'waiting' | 'running' | 'canceling' | 'canceled' | 'finished' | 'error' | 'downloaded';
  readonly feedback: Status[];
}

export interface Status {
  readonly execution: string;
  readonly result: { readonly finished: string; readonly progress?: { readonly cnt: number; readonly of: number } };
  readonly details: readonly string[];
}

interface Answer {
  readonly status: number;
  readonly body?: object | undefined;
}

const TOKEN = 'a0b1c2d3';
const CONTROLLER = 'plant1.line1.device1';
const BASE = `/DEFAULT/controller/v1/${CONTROLLER}`;
const ACTIVE: ReadonlySet<Action['status']> = new Set(['waiting', 'running', 'canceling']);

/**
 * hawkBit as a device sees it: one target and its actions, with the states and answers of the server's own DDI resource. Every request and every answer is
 * compared with the description of the API.
 */
export class HawkbitDouble {
  readonly token = TOKEN;
  readonly actions: Action[] = [];
  readonly attributes: Record<string, string> = {};
  readonly violations: string[] = [];
  /** Method and path of all requests. */
  readonly requests: string[] = [];
  readonly authorizations = new Set<string | undefined>();
  attributesWanted = true;
  sleep = '00:05:00';
  /** Answers in its place, as no hawkBit would. */
  fault: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined;
  readonly #server = createServer((request, response) => {
    this.#serve(request, response).catch((error: unknown) => {
      this.violations.push(String(error));
      response.writeHead(500).end();
    });
  });

  async listen(port = 0): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
    return this.url;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** A person, or a rollout, assigns a distribution set. */
  assign(deployment: Deployment): Action {
    const status = deployment.confirm ? 'waiting' : 'running';
    const action: Action = { id: this.actions.length + 1, deployment, status, feedback: [] };
    this.actions.push(action);
    return action;
  }

  cancel(action: Action): void {
    action.status = 'canceling';
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const method = request.method ?? '';
    const { pathname } = new URL(request.url ?? '', this.url);
    this.requests.push(`${method} ${pathname}`);
    this.authorizations.add(request.headers.authorization);
    if (this.fault?.(request, response)) return;
    const sent = await text(request);
    const answer = this.#answer(request, method, pathname, sent);
    this.violations.push(...violations(method, pathname, sent, answer));
    response.writeHead(answer.status, answer.body ? { 'content-type': 'application/hal+json' } : {});
    response.end(answer.body && JSON.stringify(answer.body));
  }

  #answer(request: IncomingMessage, method: string, path: string, sent: string): Answer {
    if (request.headers.authorization !== `TargetToken ${TOKEN}`) return { status: 401 };
    if (path === BASE) return { status: 200, body: this.#root() };
    const [, kind, id, feedback] = path.slice(BASE.length).split('/');
    if (kind === 'configData') {
      Object.assign(this.attributes, JSON.parse(sent).data);
      this.attributesWanted = false;
      return { status: 200 };
    }
    const action = this.actions.find((each) => String(each.id) === id);
    if (!action) return { status: 404 };
    const body = method === 'POST' && feedback === 'feedback' ? JSON.parse(sent) : undefined;
    switch (kind) {
      case 'deploymentBase':
        return body ? this.#progress(action, body) : found(action.status === 'running', deploymentBase(action));
      case 'installedBase':
        return found(!ACTIVE.has(action.status), deploymentBase(action));
      case 'confirmationBase':
        if (action.status !== 'waiting') return { status: 404 };
        action.status = body.confirmation === 'confirmed' ? 'running' : 'waiting';
        return { status: 200 };
      case 'cancelAction':
        if (body) return cancellation(action, body.status);
        return found(action.status === 'canceling', { id, cancelAction: { stopId: id } });
      default:
        return { status: 404 };
    }
  }

  #root(): object {
    const link = (path: string) => ({ href: `${this.url}${BASE}/${path}` });
    const active = this.actions.find(({ status }) => ACTIVE.has(status));
    const installed = this.actions.findLast(({ status }) => status === 'finished');
    const links = {
      ...(active?.status === 'waiting' ? { confirmationBase: link(`confirmationBase/${active.id}?c=1`) } : {}),
      ...(active?.status === 'canceling' ? { cancelAction: link(`cancelAction/${active.id}`) } : {}),
      ...(active?.status === 'running' ? { deploymentBase: link(`deploymentBase/${active.id}?c=-2129030598`) } : {}),
      ...(installed ? { installedBase: link(`installedBase/${installed.id}`) } : {}),
      ...(this.attributesWanted ? { configData: link('configData') } : {}),
    };
    return {
      config: { polling: { sleep: this.sleep } },
      ...(Object.keys(links).length > 0 ? { _links: links } : {}),
    };
  }

  #progress(action: Action, { id, status }: { id?: string; status: Status }): Answer {
    // Before 0.3 it was compared; after, it is not read.
    if (id !== undefined && id !== String(action.id)) return { status: 404 };
    if (action.status === 'waiting') return { status: 404 };
    if (!ACTIVE.has(action.status)) return { status: 410 };
    action.feedback.push(status);
    if (status.execution === 'closed') {
      action.status = status.result.finished === 'failure' ? 'error' : 'finished';
      this.attributesWanted ||= action.status === 'finished';
    } else if (status.execution === 'canceled') action.status = 'canceled';
    else if (status.execution === 'downloaded' && action.deployment.downloadOnly) action.status = 'downloaded';
    return { status: 200 };
  }
}

function found(is: boolean, body: object): Answer {
  return is ? { status: 200, body } : { status: 404 };
}

function deploymentBase({ id, deployment }: Action): object {
  const { name, version, part = 'beltsight', metadata, forced = true, downloadOnly, maintenance } = deployment;
  const download = forced || downloadOnly ? 'forced' : 'attempt';
  const chunk = { part, name, version, artifacts: [], ...(metadata ? { metadata } : {}) };
  return {
    id: String(id),
    deployment: {
      download,
      update: downloadOnly || maintenance === 'unavailable' ? 'skip' : download,
      ...(maintenance ? { maintenanceWindow: maintenance } : {}),
      chunks: [{ part: 'os', name: 'debian', version: '12', artifacts: [] }, chunk],
    },
  };
}

/** `canceled` does not end a cancellation, though it looks as if it did: only `closed` does. */
function cancellation(action: Action, status: Status): Answer {
  if (action.status !== 'canceling') return { status: 405 };
  action.feedback.push(status);
  if (status.execution === 'rejected') action.status = 'running';
  if (status.execution === 'closed') action.status = status.result.finished === 'failure' ? 'running' : 'canceled';
  return { status: 200 };
}
