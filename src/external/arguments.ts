import { placeholders, type ArgumentTemplate, type Placeholder } from '../model/external.ts';

/** What each placeholder becomes; an empty one leaves out the group of arguments that it stands in. */
export type PlaceholderValues = Readonly<Record<Placeholder, string>>;

/** `{name}`; a doubled brace stands for one. */
const inBraces = /\{\{|\}\}|\{([A-Za-z]+)\}/gu;

/** Words in single braces, known or not. */
export function placeholdersIn(template: readonly ArgumentTemplate[]): readonly string[] {
  return template.flat().flatMap((argument) => [...argument.matchAll(inBraces)].flatMap(([, name]) => name ?? []));
}

export function isPlaceholder(name: string): name is Placeholder {
  return Object.hasOwn(placeholders, name);
}

/** The arguments as they are run. */
export function fillArguments(template: readonly ArgumentTemplate[], values: PlaceholderValues): readonly string[] {
  return template.flatMap((part) => {
    if (typeof part === 'string') return fill(part, values);
    const isEmpty = placeholdersIn(part).some((name) => isPlaceholder(name) && values[name] === '');
    return isEmpty ? [] : part.map((argument) => fill(argument, values));
  });
}

function fill(argument: string, values: PlaceholderValues): string {
  return argument.replaceAll(inBraces, (written, name: string | undefined) => {
    if (name === undefined) return written.charAt(0);
    return isPlaceholder(name) ? values[name] : written;
  });
}
