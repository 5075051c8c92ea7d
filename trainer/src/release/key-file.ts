import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { BeltsightError } from '@beltsight/sdk';
import { armor, Decrypter, Encrypter } from 'age-encryption';

/** Base-2 logarithm of scrypt's cost: 2^18 takes a second and 256 MiB for each guess of the passphrase. */
const WORK_FACTOR = 18;

/** A key pair whose private half is encrypted. */
export interface NewKey {
  /** Ed25519 public key, 32 bytes in lower-case hex. */
  readonly publicKey: string;
  /** The private key as PKCS #8 PEM in an age file (age-encryption.org/v1) under a passphrase: `age -d` opens it too. */
  readonly file: string;
}

/**
 * Makes an Ed25519 key.
 * @param workFactor lower for tests alone
 */
export async function makeKey(passphrase: string, workFactor = WORK_FACTOR): Promise<NewKey> {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const encrypter = new Encrypter();
  encrypter.setPassphrase(passphrase);
  encrypter.setScryptWorkFactor(workFactor);
  const encrypted = await encrypter.encrypt(privateKey.export({ type: 'pkcs8', format: 'pem' }));
  return { publicKey: publicHex(publicKey), file: armor.encode(encrypted) };
}

/**
 * Opens a key file.
 * @param name what to call it in errors
 * @throws BeltsightError KEY_INVALID for a wrong passphrase, or a file that is no key
 */
export async function openKey(file: string, passphrase: string, name: string): Promise<KeyObject> {
  const decrypter = new Decrypter();
  decrypter.addPassphrase(passphrase);
  let pem: string;
  try {
    pem = await decrypter.decrypt(armor.decode(file), 'text');
  } catch (cause) {
    throw new BeltsightError('KEY_INVALID', `${name} cannot be opened: the passphrase is wrong, or the file damaged.`, {
      cause,
    });
  }
  const key = createPrivateKey(pem);
  if (key.asymmetricKeyType === 'ed25519') return key;
  throw new BeltsightError('KEY_INVALID', `${name} holds a key of type ${key.asymmetricKeyType}: make an Ed25519 one.`);
}

/** The 32 bytes of an Ed25519 public key in hex (RFC 8032), as TUF metadata name it. */
function publicHex(key: KeyObject): string {
  return Buffer.from(key.export({ format: 'jwk' }).x as string, 'base64url').toString('hex');
}
