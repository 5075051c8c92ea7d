import type { PLACEHOLDERS } from '../schema.js';

export type TemplateValues = Readonly<Record<(typeof PLACEHOLDERS)[number], string | number | null | undefined>>;

/** Puts values into a payload's {{placeholders}}; what there is no value for becomes nothing. */
export function fill(template: string, values: TemplateValues): string {
  return template.replace(/\{\{(\w+)\}\}/g, (_, name: keyof TemplateValues) => `${values[name] ?? ''}`);
}
