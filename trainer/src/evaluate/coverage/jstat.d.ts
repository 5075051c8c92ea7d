/** The part of jStat that is used; the package comes without types. */
declare module 'jstat' {
  const jStat: {
    readonly beta: {
      /** Quantile of Beta(alpha, beta) at probability `p`. */
      inv(p: number, alpha: number, beta: number): number;
    };
  };
  export = jStat;
}
