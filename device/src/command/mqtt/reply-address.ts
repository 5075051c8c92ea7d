import { BeltsightError, type DeviceTopics } from '@beltsight/sdk';
import type { IPublishPacket } from 'mqtt';

/** A response topic or correlation data of a stranger, no longer than this. */
const LONGEST_TOPIC = 256;
const LONGEST_CORRELATION = 256;

/** Where a reply goes. */
export interface ReplyAddress {
  readonly topic: string;
  readonly correlationData?: Buffer;
}

/**
 * Where the reply to a request goes: the response topic that an MQTT 5 request names, with its correlation data, or `reply/<id>`. A response
 * topic makes the device publish where a stranger says: only below its own `reply/`, and below what is configured.
 * @returns undefined if there is neither a response topic nor an id
 * @throws BeltsightError COMMAND_REFUSED
 */
export function replyAddress(
  properties: IPublishPacket['properties'],
  id: string | undefined,
  topics: Pick<DeviceTopics, 'root' | 'reply'>,
  allowed: readonly string[],
): ReplyAddress | undefined {
  const { responseTopic, correlationData } = properties ?? {};
  if (responseTopic === undefined) return id === undefined ? undefined : { topic: topics.reply(id) };
  if (!isAllowed(responseTopic, topics.root, allowed)) {
    const message = `The response topic is not allowed: name one below ${topics.root}/reply/, or configure commands.responseTopics.`;
    throw new BeltsightError('COMMAND_REFUSED', message);
  }
  if (correlationData === undefined) return { topic: responseTopic };
  if (correlationData.length > LONGEST_CORRELATION) {
    const message = `The correlation data has more than ${LONGEST_CORRELATION} bytes.`;
    throw new BeltsightError('COMMAND_REFUSED', message);
  }
  return { topic: responseTopic, correlationData };
}

function isAllowed(topic: string, root: string, allowed: readonly string[]): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a topic must not hold them.
  if (topic.length > LONGEST_TOPIC || /[+#\u0000-\u001f\u007f]/.test(topic)) return false;
  const below = (start: string) => topic.startsWith(start) && topic.length > start.length;
  if (below(`${root}/reply/`)) return true;
  // Never where devices say results and status, or take commands: a reply there would be taken for something else.
  return !topic.startsWith('beltsight/') && !topic.startsWith('spBv1.0/') && allowed.some(below);
}
