import { SingleBar } from 'cli-progress';

/** Progress of one stage after the other: a bar on a terminal, a line when a stage begins elsewhere. */
export class StageBar {
  #stage: string | undefined;
  #bar: SingleBar | undefined;

  constructor(private readonly output: NodeJS.WriteStream) {}

  update(stage: string, done: number, total: number): void {
    if (stage !== this.#stage) {
      this.end();
      this.#stage = stage;
      if (this.output.isTTY) {
        this.#bar = new SingleBar({
          format: `${stage} {bar} {value}/{total}`,
          stream: this.output,
          clearOnComplete: true,
        });
        this.#bar.start(total, 0);
      } else this.output.write(`${stage} (${total} steps)\n`);
    }
    this.#bar?.update(done);
  }

  /** A sentence below what was drawn; the bar begins anew with the next update. */
  say(line: string): void {
    this.end();
    this.output.write(`${line}\n`);
  }

  end(): void {
    this.#bar?.stop();
    this.#bar = undefined;
    this.#stage = undefined;
  }
}
