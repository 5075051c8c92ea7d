import { execFile } from 'node:child_process';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A certificate with its key, as files. */
export interface Pair {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface Issue {
  /** Subject alternative names, e.g. "IP:127.0.0.1". */
  readonly names?: string;
  readonly expired?: boolean;
  /** Encrypts the key. */
  readonly passphrase?: string;
}

/** A certificate authority made with openssl. */
export class Authority {
  private constructor(private readonly folder: string) {}

  static async create(folder: string): Promise<Authority> {
    await mkdir(folder, { recursive: true });
    const key = join(folder, 'ca.key');
    const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30'];
    await run('openssl', [...args, '-subj', '/CN=Plant', '-keyout', key, '-out', join(folder, 'ca.pem')]);
    await writeFile(join(folder, 'index.txt'), '');
    await writeFile(join(folder, 'serial'), '1000\n');
    await writeFile(join(folder, 'ca.cnf'), configuration(folder));
    return new Authority(folder);
  }

  get caFile(): string {
    return join(this.folder, 'ca.pem');
  }

  /** Issues into `<folder>/<name>.pem` and `.key`, replacing what is there as a whole. */
  async issue(
    name: string,
    { names = 'IP:127.0.0.1,DNS:localhost', expired = false, passphrase }: Issue = {},
  ): Promise<Pair> {
    const at = (end: string) => join(this.folder, `${name}.${end}`);
    const request = ['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-subj', `/CN=${name}`];
    const key = passphrase === undefined ? ['-nodes'] : ['-passout', `pass:${passphrase}`];
    const san = ['-addext', `subjectAltName=${names}`];
    await run('openssl', [...request, ...key, ...san, '-keyout', at('key.new'), '-out', at('csr')]);
    const dates = expired ? ['-startdate', '20200101000000Z', '-enddate', '20200201000000Z'] : ['-days', '20'];
    const sign = ['ca', '-batch', '-notext', '-config', join(this.folder, 'ca.cnf'), ...dates];
    await run('openssl', [...sign, '-in', at('csr'), '-out', at('pem.new')]);
    await rename(at('key.new'), at('key'));
    await rename(at('pem.new'), at('pem'));
    await rm(at('csr'));
    return { certFile: at('pem'), keyFile: at('key') };
  }
}

const configuration = (folder: string) => `
[ca]
default_ca = plant
[plant]
database = ${folder}/index.txt
serial = ${folder}/serial
new_certs_dir = ${folder}
certificate = ${folder}/ca.pem
private_key = ${folder}/ca.key
default_md = sha256
unique_subject = no
policy = any
copy_extensions = copy
[any]
commonName = supplied
`;
