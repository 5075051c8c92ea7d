import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { backboneOf } from '../../../trainer/src/model/teacher/load.js';
import { complaintOf, PYTHON } from '../support/python.js';
import type { Case } from './subject.js';

/** What PyTorch says of itself before the first step. */
interface Greeting {
  readonly version: string;
  /** The memory format that suited it better. */
  readonly format: string;
  /** Numbers that are trained. */
  readonly parameters: number;
}

/** A process that takes the same training step with PyTorch, whenever it is asked. */
export class PyTorch {
  private constructor(
    private readonly child: ChildProcessWithoutNullStreams,
    private readonly lines: AsyncIterator<string>,
    readonly greeting: Greeting,
  ) {}

  /** Undefined, with the reason printed, where PyTorch cannot be had. */
  static async open(subject: Case, threads: number): Promise<PyTorch | undefined> {
    const script = fileURLToPath(new URL('./pytorch.py', import.meta.url));
    const child = spawn(PYTHON, [script, JSON.stringify({ ...widthsOf(subject), ...subject, threads })]);
    let complaint = '';
    child.on('error', () => undefined);
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint = text;
    });
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    const { value, done } = await lines.next();
    if (!done) return new PyTorch(child, lines, JSON.parse(value));
    console.log(`No comparison with PyTorch: ${complaintOf(complaint)}`);
    return undefined;
  }

  /** Milliseconds of one step. */
  async step(): Promise<number> {
    this.child.stdin.write('\n');
    const { value, done } = await this.lines.next();
    if (done) throw new Error('PyTorch ended within a step.');
    return Number(value);
  }

  close(): void {
    this.child.stdin.end();
  }
}

/** Widths and blocks, as the model of the case has them at its default width. */
function widthsOf({ teacher }: Case) {
  const { taps, student } = backboneOf(teacher);
  const { bottleneck, neckBlocks, decoderBlocks } = student;
  return {
    taps: taps.map(({ channels }) => channels),
    blocks: decoderBlocks,
    neckBlocks,
    inner: bottleneck?.baseWidth ?? null,
    neckInner: bottleneck ? 512 : null,
  };
}
