import type { CommandName, CommandReply, DeviceAddress } from '@beltsight/sdk';
import {
  type CallMethodResultOptions,
  DataType,
  type ISessionContext,
  makePermissionFlag,
  type Namespace,
  type StatusCode,
  StatusCodes,
  type UAObject,
  type Variant,
  WellKnownRoles,
} from 'node-opcua';
import { CommandError, type Commander } from './commander.js';

/** Whoever is nobody may look; a command needs a user. */
const USERS_ONLY = [
  { roleId: WellKnownRoles.Anonymous, permissions: makePermissionFlag('Browse | Read') },
  { roleId: WellKnownRoles.AuthenticatedUser, permissions: makePermissionFlag('Browse | Read | Call') },
];

const OUTPUTS = [
  { name: 'Ok', dataType: DataType.Boolean, description: 'The device did it.' },
  { name: 'Message', dataType: DataType.String, description: 'Why not, and what to do; empty when Ok.' },
  { name: 'LatencyMs', dataType: DataType.Double, description: 'From the arrival of the request to the reply.' },
];
const RESULT_OUTPUTS = [
  { name: 'Verdict', dataType: DataType.String, description: 'pass, reject or unknown.' },
  { name: 'Score', dataType: DataType.Double, description: 'Anomaly score.' },
  { name: 'ResultId', dataType: DataType.String, description: 'Id of the result.' },
];

/**
 * Adds the methods Trigger and SetRecipe to a camera. They send commands by MQTT and give what the device replies.
 * The functions have two parameters because node-opcua knows by their number that they give a promise.
 */
export function addMethods(
  namespace: Namespace,
  object: UAObject,
  path: string,
  { address, camera, commander }: { address: DeviceAddress; camera: string; commander: Commander },
): void {
  namespace
    .addMethod(object, {
      nodeId: `s=${path}/Trigger`,
      browseName: 'Trigger',
      description: 'Inspects one frame now.',
      inputArguments: [],
      outputArguments: [...OUTPUTS, ...RESULT_OUTPUTS],
      rolePermissions: USERS_ONLY,
    })
    .bindMethod(async (_inputs: Variant[], _context: ISessionContext) =>
      answer(
        () => commander.send(address, 'trigger', { camera }),
        (reply) => [
          { dataType: DataType.String, value: reply.ok ? reply.value.verdict : '' },
          { dataType: DataType.Double, value: reply.ok ? reply.value.score : Number.NaN },
          { dataType: DataType.String, value: reply.ok ? reply.value.id : '' },
        ],
      ),
    );
  namespace
    .addMethod(object, {
      nodeId: `s=${path}/SetRecipe`,
      browseName: 'SetRecipe',
      description: 'Names the product before the camera.',
      inputArguments: [
        { name: 'Class', dataType: DataType.String, description: 'Product class; empty: the device recognises it.' },
      ],
      outputArguments: OUTPUTS,
      rolePermissions: USERS_ONLY,
    })
    .bindMethod(async ([name]: Variant[], _context: ISessionContext) => {
      const product = (name?.value as string | null) || null;
      return answer(() => commander.send(address, 'recipe', { camera, class: product }));
    });
}

type Output = NonNullable<CallMethodResultOptions['outputArguments']>[number];

async function answer<N extends CommandName>(
  send: () => Promise<CommandReply<N>>,
  further: (reply: CommandReply<N>) => Output[] = () => [],
): Promise<CallMethodResultOptions> {
  try {
    const reply = await send();
    return {
      statusCode: StatusCodes.Good,
      outputArguments: [
        { dataType: DataType.Boolean, value: reply.ok },
        { dataType: DataType.String, value: reply.ok ? '' : reply.error.message },
        { dataType: DataType.Double, value: reply.latencyMs },
        ...further(reply),
      ],
    };
  } catch (error) {
    return { statusCode: failure(error) };
  }
}

function failure(error: unknown): StatusCode {
  const codes = { timeout: StatusCodes.BadTimeout, busy: StatusCodes.BadTooManyOperations };
  return error instanceof CommandError ? codes[error.reason] : StatusCodes.BadCommunicationError;
}
