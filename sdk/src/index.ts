export { BeltsightError, type ErrorCode } from './errors.js';
export { type ResultMessage, resultSchema, type Verdict, verdictSchema } from './messages/result.js';
export { type CameraStatus, type StatusMessage, statusSchema } from './messages/status.js';
export { type DeviceAddress, type DeviceTopics, type ParsedTopic, parseTopic, topicsOf } from './topics.js';
