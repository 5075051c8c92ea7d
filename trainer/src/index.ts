export type { Comparison, Figures } from './compare/comparison.js';
export type { CoverageReport } from './evaluate/coverage/coverage.js';
export type { Recognition } from './evaluate/coverage/recognition.js';
export type { UnknownReport } from './evaluate/coverage/unknown.js';
export { type ClassDetail, type EvaluateOptions, evaluateBundle } from './evaluate/evaluate.js';
export { htmlReport } from './evaluate/report/report.js';
export type { ClassMetrics, ClassResult, Confusion, Evaluation, ImageResult } from './evaluate/results.js';
export { evaluationTable } from './evaluate/table.js';
export { type ExportOptions, type ExportSummary, exportBundle } from './export/export.js';
export {
  concludeFineTuning,
  type FineTuneOptions,
  startFineTuning,
} from './finetune/finetune.js';
export { type LossMode, type TrainConfig, trainConfigSchema } from './train/config.js';
export { readTrainConfig } from './train/config-file.js';
export type { Losses } from './train/engine.js';
export type { EpochSummary, LoopEnd, Reporter } from './train/loop.js';
export { terminalReporter } from './train/progress.js';
export type { Run } from './train/run.js';
export { type TrainOptions, type TrainResult, train } from './train/train.js';
