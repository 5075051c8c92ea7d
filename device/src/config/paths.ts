/** A section of the configuration with the files that some of its keys name counted from another folder. */
export function withFiles<S extends object>(
  section: S,
  keys: readonly (keyof S & string)[],
  from: (path: string) => string,
): S {
  const files = keys.flatMap((key) => (section[key] === undefined ? [] : [[key, from(section[key] as string)]]));
  return { ...section, ...Object.fromEntries(files) };
}
