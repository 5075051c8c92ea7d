import packageJson from '../../package.json' with { type: 'json' };

/** What runs here, for the status. */
export const SOFTWARE = { name: packageJson.name, version: packageJson.version } as const;
