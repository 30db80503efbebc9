type Schema = Readonly<Record<string, unknown>>;

/** The keywords below that this small validator does not know would be skipped silently: it refuses them instead. */
const annotations: ReadonlySet<string> = new Set(['$schema', 'title', 'description', 'examples', 'default']);

/** What a JSON Schema finds wrong with a value; knows just the keywords that our schema uses. */
export function schemaProblems(schema: Schema, value: unknown, place = ''): string[] {
  const problems: string[] = [];
  const say = (text: string): void => void problems.push(`${place}: ${text}`);
  for (const [keyword, argument] of Object.entries(schema)) {
    if (annotations.has(keyword)) continue;
    switch (keyword) {
      case 'type':
        if (![argument].flat().some((type) => isOfType(type, value))) say(`is not of type ${String(argument)}`);
        break;
      case 'const':
        if (value !== argument) say(`is not ${String(argument)}`);
        break;
      case 'enum':
        if (!(argument as unknown[]).includes(value)) say(`is not one of ${String(argument)}`);
        break;
      case 'pattern':
        if (typeof value === 'string' && !new RegExp(argument as string, 'u').test(value))
          say(`${value} does not match ${String(argument)}`);
        break;
      case 'minimum':
        if (typeof value === 'number' && value < (argument as number)) say('is too small');
        break;
      case 'maximum':
        if (typeof value === 'number' && value > (argument as number)) say('is too large');
        break;
      case 'minLength':
        if (typeof value === 'string' && value.length < (argument as number)) say('is too short');
        break;
      case 'minItems':
        if (Array.isArray(value) && value.length < (argument as number)) say('has too few items');
        break;
      case 'maxItems':
        if (Array.isArray(value) && value.length > (argument as number)) say('has too many items');
        break;
      case 'items':
        if (Array.isArray(value))
          for (const [index, item] of value.entries())
            problems.push(...schemaProblems(argument as Schema, item, `${place}/${index}`));
        break;
      case 'oneOf':
        if ((argument as Schema[]).filter((member) => schemaProblems(member, value).length === 0).length !== 1)
          say('matches none or several of its kinds');
        break;
      case 'anyOf':
        if (!(argument as Schema[]).some((member) => schemaProblems(member, value).length === 0))
          say('matches none of its forms');
        break;
      case 'required':
        for (const key of argument as string[])
          if (isObject(value) && !Object.hasOwn(value, key)) say(`${key} is missing`);
        break;
      case 'properties':
        for (const [key, member] of Object.entries(argument as Record<string, Schema>)) {
          if (isObject(value) && Object.hasOwn(value, key))
            problems.push(...schemaProblems(member, value[key], `${place}/${key}`));
        }
        break;
      case 'additionalProperties':
        for (const [key, member] of Object.entries(isObject(value) ? value : {})) {
          if (Object.hasOwn(schema['properties'] ?? {}, key)) continue;
          if (argument === false) say(`${key} is not a known key`);
          else problems.push(...schemaProblems(argument as Schema, member, `${place}/${key}`));
        }
        break;
      default:
        throw new Error(`${place}: this validator does not know ${keyword}`);
    }
  }
  return problems;
}

function isOfType(type: unknown, value: unknown): boolean {
  if (type === 'object') return isObject(value);
  if (type === 'array') return Array.isArray(value);
  if (type === 'integer') return Number.isInteger(value);
  return typeof value === type;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
