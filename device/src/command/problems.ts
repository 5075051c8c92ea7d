import type { z } from 'zod';

/** Of what is wrong with a message, so much is told. */
const TOLD = 3;
const LONGEST = 400;

/** What is wrong with a message, each with the name of the field; bounded, as it may hold what a stranger wrote. */
export function problemsOf({ issues }: z.ZodError): string {
  const told = issues.slice(0, TOLD).map(({ path, message }) => {
    const place = path.map(String).join('.');
    return place === '' ? message : `${place}: ${message}`;
  });
  const more = issues.length > TOLD ? `; and ${issues.length - TOLD} more` : '';
  const text = told.join('; ');
  return (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text) + more;
}
