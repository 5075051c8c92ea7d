import { describe, expect, it } from 'vitest';
import { parseExposition, sampleValue } from './exposition.js';

const HEAD = '# HELP a_total Things.\n# TYPE a_total counter\n';

describe('parseExposition', () => {
  it('reads values, labels and what is escaped in them', () => {
    const families = parseExposition(`${HEAD}a_total{x="1\\"\\\\\\n,}",y=""} 3\na_total 1e3\n`);
    expect(families.get('a_total')).toEqual({
      name: 'a_total',
      type: 'counter',
      help: 'Things.',
      samples: [
        { name: 'a_total', labels: { x: '1"\\\n,}', y: '' }, value: 3 },
        { name: 'a_total', labels: {}, value: 1000 },
      ],
    });
    expect(sampleValue(families, 'a_total', { y: '' })).toBe(3);
  });

  const histogram = (buckets: string) => `# HELP h Times.\n# TYPE h histogram\n${buckets}h_sum 1\nh_count 2\n`;

  it.each([
    ['no end', `${HEAD}a_total 1`, /line end/],
    ['a sample twice', `${HEAD}a_total{x="1",y="2"} 1\na_total{y="2",x="1"} 1\n`, /Twice/],
    ['a metric twice', `${HEAD}a_total 1\n${HEAD}a_total 1\n`, /Twice/],
    ['a sample of another metric', `${HEAD}b_total 1\n`, /No sample of a_total/],
    ['no type', '# HELP a_total Things.\na_total 1\n', /No sample/],
    ['a value that is no number', `${HEAD}a_total NaN\n`, /No sample/],
    ['a label without quotes', `${HEAD}a_total{x=1} 1\n`, /No sample/],
    ['a label twice', `${HEAD}a_total{x="1",x="2"} 1\n`, /No sample/],
    ['a counter by another name', '# HELP a Things.\n# TYPE a counter\na 1\n', /_total/],
    ['a counter below 0', `${HEAD}a_total -1\n`, /below 0/],
    ['buckets that fall', histogram('h_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\n'), /add up/],
    ['buckets without an end', histogram('h_bucket{le="1"} 2\n'), /add up/],
    ['a count that is not theirs', histogram('h_bucket{le="1"} 1\nh_bucket{le="+Inf"} 1\n'), /add up/],
  ])('refuses %s', (_, text, message) => {
    expect(() => parseExposition(text)).toThrow(message);
  });
});
