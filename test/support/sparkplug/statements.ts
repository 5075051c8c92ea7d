import { CHECKS } from './checks/all.js';

const tck = (prefix: string, names: string): string[] =>
  names
    .trim()
    .split(/\s+/)
    .map((name) => `tck-id-${prefix}${name}`);

/** Statements that no check covers, and why. */
export const NOT_COVERED: readonly { readonly reason: string; readonly statements: readonly string[] }[] = [
  {
    reason: 'They bind the configuration of a whole plant, which one device cannot see.',
    statements: [
      ...tck('', 'intro-edge-node-id-uniqueness topic-structure-namespace-unique-edge-node-descriptor'),
      ...tck('', 'payloads-nbirth-edge-node-descriptor'),
    ],
  },
  {
    reason: 'They permit something and demand nothing.',
    statements: tck('', 'topic-structure-namespace-duplicate-device-id-across-edge-node payloads-name-cmd-requirement'),
  },
  {
    reason: 'They are about several MQTT servers; a device has one broker.',
    statements: tck('operational-behavior-primary-application-state-with-multiple-servers-', 'state-subs state walk'),
  },
  {
    reason: 'They are about quality codes; the device sends none, DDEATH and NDEATH say what is stale.',
    statements: tck('payloads-propertyset-quality-value-', 'type value'),
  },
  {
    reason: 'They are about templates; the device sends none.',
    statements: [
      'tck-id-topics-nbirth-templates',
      ...tck(
        'payloads-template-',
        `definition-nbirth-only definition-is-definition definition-ref definition-members definition-nbirth
         definition-parameters definition-parameters-default instance-is-definition instance-ref instance-members
         instance-members-birth instance-members-data instance-parameters version ref-definition ref-instance
         is-definition is-definition-definition is-definition-instance parameter-name-required parameter-name-type
         parameter-value-type parameter-type-value parameter-type-req parameter-value`,
      ),
    ],
  },
  {
    reason: 'They are about data sets; the device sends none.',
    statements: [
      ...tck(
        'payloads-dataset-',
        'column-size column-num-headers types-def types-num types-type types-value parameter-type-req',
      ),
      'tck-id-payloads-template-dataset-value',
    ],
  },
  {
    reason: 'They bind host applications.',
    statements: [
      ...tck('', 'intro-sparkplug-host-state components-ph-state conformance-primary-host'),
      ...tck(
        'topics-',
        'ncmd-topic ncmd-mqtt ncmd-timestamp ncmd-payload dcmd-topic dcmd-mqtt dcmd-timestamp dcmd-payload',
      ),
      ...tck('payloads-', 'ncmd-timestamp ncmd-seq ncmd-qos ncmd-retain dcmd-timestamp dcmd-seq dcmd-qos dcmd-retain'),
      ...tck(
        'host-topic-phid-',
        `birth-message birth-qos birth-retain birth-topic birth-sub-required birth-required birth-payload
         birth-payload-timestamp death-qos death-retain death-topic death-required death-payload
         death-payload-timestamp-connect death-payload-timestamp-disconnect-clean
         death-payload-timestamp-disconnect-with-no-disconnect-packet`,
      ),
      ...tck(
        'message-flow-phid-sparkplug-',
        'clean-session-311 clean-session-50 subscription state-publish state-publish-payload state-publish-payload-timestamp',
      ),
      'tck-id-message-flow-hid-sparkplug-state-message-delivered',
      ...tck(
        'operational-behavior-edge-node-termination-host-action-',
        `ndeath-node-offline ndeath-node-tags-stale ndeath-devices-offline ndeath-devices-tags-stale
         ddeath-devices-offline ddeath-devices-tags-stale`,
      ),
      ...tck('operational-behavior-host-reordering-', 'param start rebirth success'),
      ...tck(
        'operational-behavior-host-application-',
        `host-id connect-will connect-will-topic connect-will-payload connect-will-qos connect-will-retained
         connect-birth connect-birth-topic connect-birth-payload connect-birth-qos connect-birth-retained
         multi-server-timestamp termination death-topic death-payload death-qos death-retained disconnect-intentional`,
      ),
      ...tck(
        'operational-behavior-data-commands-',
        `ncmd-rebirth-verb ncmd-rebirth-name ncmd-rebirth-value ncmd-verb ncmd-metric-name ncmd-metric-value
         dcmd-verb dcmd-metric-name dcmd-metric-value`,
      ),
      ...tck(
        'payloads-state-',
        'will-message will-message-qos will-message-retain will-message-payload subscribe birth birth-payload',
      ),
    ],
  },
  {
    reason: 'They bind MQTT servers.',
    statements: tck(
      'conformance-mqtt-',
      `qos0 qos1 will-messages retained aware-basic aware-store aware-nbirth-mqtt-topic aware-nbirth-mqtt-retain
       aware-dbirth-mqtt-topic aware-dbirth-mqtt-retain aware-ndeath-timestamp`,
    ),
  },
];

/** The list of `docs/sparkplug.md`: every check with its statements, then what is not covered. */
export function statementsAsMarkdown(): string {
  const short = (ids: readonly string[]) => ids.map((id) => `\`${id}\``).join(', ');
  const covered = CHECKS.map(({ title, statements }) => {
    const what =
      statements.length > 0 ? short(statements) : 'section 6.4.6 (`is_historical`), which has no numbered statement';
    return `- **${title}**: ${what}`;
  });
  const left = NOT_COVERED.map(({ reason, statements }) => `- ${reason} ${short(statements)}`);
  const count = new Set(CHECKS.flatMap(({ statements }) => statements)).size;
  const uncovered = NOT_COVERED.reduce((sum, { statements }) => sum + statements.length, 0);
  return [
    `${CHECKS.length} checks cover ${count} statements:`,
    '',
    ...covered,
    '',
    `Not covered are ${uncovered}:`,
    '',
    ...left,
  ].join('\n');
}
