export { decodeImage } from './camera/decode.js';
export { FolderCamera } from './camera/folder.js';
export type { Camera, CameraFault, Frame, Picture } from './camera/frame.js';
export { readDeviceConfig } from './config/read.js';
export { type CameraConfig, type DeviceConfig, deviceConfigSchema, type FolderSource } from './config/schema.js';
export { type Inspection, Scorer, type ScorerOptions } from './score/scorer.js';
export { DeviceService } from './service/service.js';
