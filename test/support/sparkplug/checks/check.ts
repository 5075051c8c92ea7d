import type { Evidence } from '../evidence.js';

/** Asks one question of everything that was seen. */
export interface Check {
  readonly title: string;
  /** Statements of the specification that it covers, by id. */
  readonly statements: readonly string[];
  /** Calls `expect` for everything that the check is about; a check that finds nothing to ask is no proof. */
  judge(evidence: Evidence, expect: (ok: boolean, about: string) => void): void;
}

export interface Judgement {
  readonly title: string;
  /** How often it was asked. */
  readonly asked: number;
  readonly faults: readonly string[];
}

export function judge(check: Check, evidence: Evidence): Judgement {
  let asked = 0;
  const faults: string[] = [];
  check.judge(evidence, (ok, about) => {
    asked++;
    if (!ok) faults.push(about);
  });
  return { title: check.title, asked, faults: faults.slice(0, 5) };
}
