/** SHA-256 in lower-case hex, by WebCrypto. */
export async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Model id over the digests of graph and weights, in any order: the same model has the same id wherever it was built. */
export async function modelIdOf(digests: readonly string[]): Promise<string> {
  return (await sha256(new TextEncoder().encode([...digests].sort().join('\n')))).slice(0, 16);
}
