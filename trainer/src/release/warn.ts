/** Hears what a person should know, and nothing stops for. */
export type Warn = (line: string) => void;

export const toStderr: Warn = (line) => void process.stderr.write(`${line}\n`);
