export { connectMqtt } from './client/connect.js';
export {
  type FrameImage,
  InspectionClient,
  type InspectionClientOptions,
  type InspectionEvents,
  type InvalidMessage,
} from './client/inspection-client.js';
export type { ConnectionSource, ConnectOptions, ProtocolVersion } from './client/link.js';
export { withoutPassword } from './client/problem.js';
export type { CommandOptions, CommandReply } from './client/requests.js';
export { outliveReader } from './command-line/closed-output.js';
export { mistypedFirst } from './command-line/mistyped.js';
export { parseConfig } from './config.js';
export { BeltsightError, type ErrorCode } from './errors.js';
export { decodeHeatmap, encodeHeatmap, type Heatmap, type HeatmapMeta, type ScoreMap } from './heatmap/codec.js';
export { colourise } from './heatmap/colour.js';
export {
  ABOUT_HEADER,
  asciiJson,
  contentDigest,
  type InboxPlace,
  inboxPath,
  inboxPlace,
  isClassName,
} from './inbox.js';
export { type AlarmMessage, alarmSchema, type RejectMessage, rejectSchema } from './messages/alarm.js';
export {
  type CommandArguments,
  type CommandMessage,
  type CommandName,
  type CommandValue,
  commandArguments,
  commandSchema,
  commandValues,
  type ReplyMessage,
  replySchema,
  type UpdateAction,
} from './messages/command.js';
export { jpegId, tagJpeg } from './messages/frame.js';
export { decodePiece, encodePiece, type Piece } from './messages/piece.js';
export { type ResultMessage, resultSchema, type Verdict, verdictSchema } from './messages/result.js';
export { type RolloutMessage, rolloutSchema } from './messages/rollout.js';
export {
  type CameraStatus,
  type CollectionStatus,
  type FeedbackStatus,
  type StatusMessage,
  statusSchema,
} from './messages/status.js';
export {
  type DesiredMessage,
  desiredSchema,
  type FetchMessage,
  fetchSchema,
  releaseTarget,
  type UpdateState,
  type UpdateStateMessage,
  updateStateSchema,
  windowSchema,
} from './messages/update.js';
export { nearest } from './nearest.js';
export {
  type DeviceAddress,
  type DeviceTopics,
  type ParsedTopic,
  parseTopic,
  rolloutId,
  rolloutTopics,
  rootFilter,
  topicsOf,
} from './topics.js';
export { undecodable } from './undecodable.js';
