import { readDeviceConfig } from '../config/read.js';
import type { DeviceConfig } from '../config/schema.js';
import { checksOf } from '../service/dry-run.js';
import type { Finding } from './finding.js';

/** The configuration; or what is wrong with it, as a finding. */
export async function readConfiguration(file: string): Promise<DeviceConfig | Finding> {
  try {
    return await readDeviceConfig(file);
  } catch (error) {
    return { level: 'fault', what: 'configuration', text: (error as Error).message };
  }
}

/** What a dry run finds: bundle, cameras, broker. Its messages of faults name the remedy themselves. */
export async function configuredFindings(config: DeviceConfig): Promise<Finding[]> {
  const findings: Finding[] = [{ level: 'ok', what: 'configuration', text: 'is valid' }];
  for await (const { what, sound, text } of checksOf(config))
    findings.push({ level: sound ? 'ok' : 'fault', what, text });
  return findings;
}
