import {
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
  type Document,
  type Node,
} from 'yaml';

import type { ScenarioProblem } from '../model/errors.ts';
import { describe, printable, quote } from './wording.ts';

/** Enough for any scenario written by hand; more is a file that was made to exhaust memory. */
const MAX_ALIASES = 100;

/** From the root to a value. */
export type Path = readonly PropertyKey[];

/** What is wrong, before its place is known. */
export interface Finding {
  readonly message: string;
  /** What is allowed there, or the nearest right name. */
  readonly allowed?: string | undefined;
}

/** The text of a scenario file and where in it each value stands. */
export class ScenarioSource {
  readonly file: string;
  /** What is wrong with the file as YAML; without any, `values` holds its content. */
  readonly problems: readonly ScenarioProblem[];
  /** The whole content as plain values, as written. */
  readonly values: Readonly<Record<string, unknown>>;
  readonly #text: string;
  readonly #lines: LineCounter = new LineCounter();
  readonly #document: Document;

  constructor(text: string, file: string) {
    this.file = file;
    this.#text = text;
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false, logLevel: 'error' });
    const problems = this.#yamlProblems();
    let values: unknown = {};
    if (problems.length === 0) {
      try {
        values = this.#document.toJS({ maxAliasCount: MAX_ALIASES });
        // An alias that stands inside its own anchor.
        JSON.stringify(values);
      } catch (error) {
        if (!(error instanceof ReferenceError || error instanceof RangeError || error instanceof TypeError))
          throw error;
        problems.push(this.#problemOfAliases());
        values = {};
      }
    }
    if (problems.length === 0 && (typeof values !== 'object' || values === null || Array.isArray(values))) {
      problems.push(
        values === null || values === undefined
          ? { file, message: 'the scenario is empty', allowed: '`formatVersion: 1`, `name: ...` and what to emulate' }
          : {
              ...this.atOffset(0, 1),
              message: `a scenario is a group of keys, found ${describe(values)}`,
              allowed: 'lines such as `name: my-scenario`',
            },
      );
      values = {};
    }
    this.problems = problems;
    this.values = values as Readonly<Record<string, unknown>>;
  }

  /** The value at `path`; where there is none, the nearest thing around it. */
  atValue(path: Path, { message, allowed }: Finding): ScenarioProblem {
    const node = this.#aliasOnTheWay(path) ?? this.#nodeAt(path) ?? this.#nodeAround(path);
    const place = node?.range ? this.atOffset(node.range[0], node.range[1] - node.range[0]) : { file: this.file };
    return { ...place, message, ...(allowed === undefined ? {} : { allowed }) };
  }

  /** The last key of `path` itself and not its value. */
  atKey(path: Path, { message, allowed }: Finding): ScenarioProblem {
    const parent = this.#nodeAt(path.slice(0, -1));
    const key = isMap(parent) ? parent.items.find((pair) => keyText(pair.key) === String(path.at(-1)))?.key : undefined;
    if (!isNode(key) || !key.range) return this.atValue(path, { message, allowed });
    return {
      ...this.atOffset(key.range[0], key.range[1] - key.range[0]),
      message,
      ...(allowed === undefined ? {} : { allowed }),
    };
  }

  /** A part of the text at `path`, counted in characters of the text; the whole value where that cannot be told. */
  inText(
    path: Path,
    { start, length }: { readonly start: number; readonly length: number },
    { message, allowed }: Finding,
  ): ScenarioProblem {
    const node = this.#nodeAt(path);
    if (!isScalar(node) || typeof node.value !== 'string' || !node.range)
      return this.atValue(path, { message, allowed });
    const from = node.range[0] + (node.type === 'QUOTE_DOUBLE' || node.type === 'QUOTE_SINGLE' ? 1 : 0);
    if (this.#text.slice(from, from + node.value.length) !== node.value)
      return this.atValue(path, { message, allowed });
    return { ...this.atOffset(from + start, length), message, ...(allowed === undefined ? {} : { allowed }) };
  }

  /** The place of a stretch of the file; the mark ends with the line. */
  atOffset(
    offset: number,
    length: number,
  ): Pick<ScenarioProblem, 'file' | 'line' | 'column' | 'sourceLine' | 'markLength'> {
    const { line, col } = this.#lines.linePos(Math.min(offset, this.#text.length));
    if (line === 0) return { file: this.file };
    const lineStart = this.#lines.lineStarts[line - 1] ?? 0;
    const [sourceLine = ''] = this.#text.slice(lineStart).split(/\r?\n/u, 1);
    const trimmed = sourceLine.slice(0, Math.max(0, col - 1 + length)).trimEnd().length - (col - 1);
    return { file: this.file, line, column: col, sourceLine, markLength: Math.max(1, Math.min(length, trimmed)) };
  }

  #yamlProblems(): ScenarioProblem[] {
    const problems: ScenarioProblem[] = [];
    for (const { code, message, pos } of [...this.#document.errors, ...this.#document.warnings]) {
      const place = this.atOffset(pos[0], Math.max(1, pos[1] - pos[0]));
      if (code === 'MULTIPLE_DOCS') {
        problems.push({
          ...place,
          message: 'a file holds one scenario; a second document starts here',
          allowed: 'a file of its own for each scenario',
        });
      } else if (code === 'DUPLICATE_KEY') {
        const [word = ''] = /^[^\s:]+/u.exec(this.#text.slice(pos[0])) ?? [];
        problems.push({
          ...this.atOffset(pos[0], word.length),
          message: `the key ${quote(word)} is there twice`,
          allowed: 'each key once',
        });
      } else if (code === 'RESOURCE_EXHAUSTION') {
        return [{ ...place, message: 'nested too deeply' }];
      } else {
        problems.push({ ...place, message: `not YAML: ${printable(message)}` });
      }
    }
    if (problems.length > 0) return problems;
    visit(this.#document, {
      Pair: (_, { key }) => {
        if (isScalar(key) && (typeof key.value === 'string' || typeof key.value === 'number')) return;
        const range = isNode(key) ? key.range : undefined;
        problems.push({
          ...(range ? this.atOffset(range[0], range[1] - range[0]) : { file: this.file }),
          message: 'a key must be a plain word',
        });
      },
    });
    return problems;
  }

  #problemOfAliases(): ScenarioProblem {
    let first: Node | undefined;
    visit(this.#document, {
      Alias: (_, alias) => {
        first = alias;
        return visit.BREAK;
      },
    });
    const place = first?.range ? this.atOffset(first.range[0], first.range[1] - first.range[0]) : { file: this.file };
    return {
      ...place,
      message: 'anchors and aliases that expand without bound',
      allowed: `at most ${MAX_ALIASES} expansions, none inside its own anchor`,
    };
  }

  #nodeAt(path: Path): Node | undefined {
    let node: unknown = this.#document.contents;
    for (const key of path) {
      if (isAlias(node)) node = node.resolve(this.#document);
      if (isMap(node)) node = node.items.find((pair) => isPair(pair) && keyText(pair.key) === String(key))?.value;
      else if (isSeq(node)) node = node.items[Number(key)];
      else return undefined;
    }
    return isNode(node) ? node : undefined;
  }

  /** What stands inside an anchor is wrong where the alias puts it. */
  #aliasOnTheWay(path: Path): Node | undefined {
    for (let depth = 1; depth <= path.length; depth += 1) {
      const node = this.#nodeAt(path.slice(0, depth));
      if (isAlias(node)) return node;
    }
    return undefined;
  }

  /** The key of the innermost thing on the way to `path` that is there: a missing `size` is reported at `image`. */
  #nodeAround(path: Path): Node | undefined {
    for (let depth = path.length; depth > 0; depth -= 1) {
      const parent = this.#nodeAt(path.slice(0, depth - 1));
      const key = isMap(parent)
        ? parent.items.find((pair) => keyText(pair.key) === String(path[depth - 1]))?.key
        : undefined;
      if (isNode(key)) return key;
      if (isSeq(parent) && isNode(parent.items[Number(path[depth - 1])]))
        return parent.items[Number(path[depth - 1])] as Node;
    }
    const root = this.#document.contents;
    const [firstPair] = isMap(root) ? root.items : [];
    return isNode(firstPair?.key) ? firstPair.key : undefined;
  }
}

function keyText(key: unknown): string | undefined {
  return isScalar(key) ? String(key.value) : undefined;
}
