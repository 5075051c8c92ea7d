import { defineConfig } from 'vitest/config';

// Workspace packages resolve to their sources (exports condition "source"): tests never run a stale build.
// "import" comes by itself where something is imported; named here, required packages would get ES modules too.
const conditions = ['source', 'node', 'module', 'default'];
const shared = {
  ssr: { resolve: { conditions, externalConditions: conditions } },
  resolve: { conditions },
};

/** System tests that mostly wait, and those that keep one core busy, which fill that time; no figure of theirs needs an idle machine: they run side by side, after the others. */
const SIDE_BY_SIDE = [
  'test/system/{demo,device-cameras,examples-*,feedback,packaging,rollout,sparkplug,spool,update-*}.system.test.ts',
];

const NO_SOURCES = ['**/dist/**', '**/node_modules/**'];

export default defineConfig({
  ...shared,
  test: {
    // Each worker may hold an ONNX Runtime session with two threads of its own.
    maxWorkers: 2,
    projects: [
      {
        ...shared,
        test: {
          name: 'unit',
          include: ['{sdk,device,examples,test}/**/*.test.ts'],
          exclude: [...NO_SOURCES, 'test/system/**'],
          testTimeout: 180_000,
        },
      },
      {
        ...shared,
        test: {
          name: 'trainer',
          include: ['trainer/**/*.test.ts'],
          exclude: NO_SOURCES,
          // Files share what they load: loading TensorFlow.js anew for each took a minute of processor time.
          isolate: false,
          testTimeout: 180_000,
        },
      },
      {
        ...shared,
        test: {
          name: 'system',
          include: ['test/system/**/*.system.test.ts'],
          exclude: SIDE_BY_SIDE,
          // Whole processes, brokers and browsers: one file at a time, against the built packages.
          fileParallelism: false,
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
      {
        ...shared,
        test: {
          name: 'system-beside',
          include: SIDE_BY_SIDE,
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
});
