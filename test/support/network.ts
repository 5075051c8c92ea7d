import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ip = (...args: string[]) => run('ip', args);

/** A network of its own, joined to this one by a cable that can be pulled: needs root. */
export class Network {
  private constructor(
    private readonly name: string,
    private readonly cable: string,
    /** Address of this side's peer: of whatever runs in there. */
    readonly address: string,
  ) {}

  static async create(): Promise<Network> {
    const id = process.pid % 0xffff;
    const [name, near, far] = [`bt${id}`, `btn${id}`, `btf${id}`] as const;
    const host = (n: number) => `10.213.${id >> 8}.${(id & 0xfc) + n}`;
    await ip('netns', 'add', name);
    const network = new Network(name, near, host(2));
    try {
      await ip('link', 'add', near, 'type', 'veth', 'peer', 'name', far, 'netns', name);
      await ip('address', 'add', `${host(1)}/30`, 'dev', near);
      await ip('link', 'set', near, 'up');
      await ip('-n', name, 'address', 'add', `${host(2)}/30`, 'dev', far);
      await ip('-n', name, 'link', 'set', far, 'up');
      await ip('-n', name, 'link', 'set', 'lo', 'up');
    } catch (error) {
      await network.remove();
      throw error;
    }
    return network;
  }

  /** What comes before a command that shall run in there. */
  get prefix(): readonly string[] {
    return ['ip', 'netns', 'exec', this.name];
  }

  /** Neither side hears of it: what is sent just never arrives. */
  async pull(): Promise<void> {
    await ip('link', 'set', this.cable, 'down');
  }

  async plug(): Promise<void> {
    await ip('link', 'set', this.cable, 'up');
  }

  /** The cable goes with it. */
  async remove(): Promise<void> {
    await ip('netns', 'delete', this.name);
  }
}
