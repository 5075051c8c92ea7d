import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';

interface Operation {
  readonly requestBody?: { readonly content: Record<string, unknown> };
  readonly responses: Record<string, { readonly content?: Record<string, unknown> }>;
}
type Method = 'get' | 'post' | 'put';
interface Description {
  readonly paths: Record<string, Partial<Record<Method, Operation>>>;
}

const description: Description = JSON.parse(readFileSync(new URL('ddi.json', import.meta.url), 'utf8'));
const ajv = new Ajv2020({ allErrors: true });
// The document is no schema, but holds them.
ajv.addVocabulary(['openapi', 'info', 'paths', 'components']);
ajv.addSchema({ ...description, $id: 'ddi' });

/** What of a request and its answer is not as hawkBit's description says, in words. */
export function violations(
  method: string,
  path: string,
  request: string,
  answer: { readonly status: number; readonly body?: object | undefined },
): string[] {
  const template = Object.keys(description.paths).find((each) => pattern(each).test(path));
  const verb = method.toLowerCase() as Method;
  const operation = template === undefined ? undefined : description.paths[template]?.[verb];
  if (template === undefined || !operation) return [`${method} ${path} is no operation`];
  const at = ['ddi#/paths', template.replaceAll('/', '~1'), verb].join('/');
  const found: string[] = [];
  const check = (pointer: string, value: unknown) => {
    const validate = ajv.compile({ $ref: encodeURI(`${at}/${pointer}/schema`) });
    if (!validate(value)) found.push(`${method} ${path}: ${pointer}: ${ajv.errorsText(validate.errors)}`);
  };
  const sent = Object.keys(operation.requestBody?.content ?? {})[0];
  if (sent !== undefined) check(`requestBody/content/${sent.replaceAll('/', '~1')}`, JSON.parse(request));
  else if (request !== '') found.push(`${method} ${path} has a body`);
  const response = operation.responses[answer.status];
  if (!response) return [...found, `${method} ${path} is not answered with ${answer.status}`];
  const given = Object.keys(response.content ?? {})[0];
  if (given !== undefined) check(`responses/${answer.status}/content/${given.replaceAll('/', '~1')}`, answer.body);
  return found;
}

function pattern(template: string): RegExp {
  return new RegExp(`^${template.replaceAll(/\{\w+\}/g, '[^/]+')}$`);
}
