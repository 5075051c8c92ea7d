const only = (name, from, allowed) => ({
  name,
  severity: 'error',
  from: { path: `^${from}/src`, pathNot: '\\.test\\.ts$' },
  to: { path: '^(sdk|trainer|device|examples|test)/', pathNot: allowed.map((folder) => `^${folder}/`) },
});

export default {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    only('sdk-stands-alone', 'sdk', ['sdk']),
    only('trainer-knows-sdk', 'trainer', ['trainer', 'sdk']),
    only('device-knows-sdk', 'device', ['device', 'sdk']),
    only('v4l2-stands-alone', 'device/v4l2', ['device/v4l2']),
    {
      name: 'v4l2-by-its-entries',
      severity: 'error',
      from: { path: '^(device|examples)/', pathNot: '^device/v4l2/' },
      to: { path: '^device/v4l2/src/', pathNot: '^device/v4l2/src/(testing/)?index\\.ts$' },
    },
    {
      name: 'fake-driver-in-tests-only',
      severity: 'error',
      from: { path: '^(device|examples)/', pathNot: '(\\.test\\.ts$|^device/v4l2/src/testing/)' },
      to: { path: '^device/v4l2/src/testing/' },
    },
    {
      name: 'sdk-runs-in-a-browser',
      severity: 'error',
      from: { path: '^sdk/src', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'no-test-code-in-products',
      severity: 'error',
      from: { path: '^(sdk|trainer|device|device/v4l2)/src', pathNot: '\\.test\\.ts$' },
      to: { path: '(\\.test\\.ts$|^test/)' },
    },
    { name: 'not-resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      conditionNames: ['source', 'import', 'node', 'default'],
      exportsFields: ['exports'],
    },
  },
};
