import { osErrorText } from './os-error-text.ts';

/** A request that is answered with an error status and a plain text, as PBS words it. */
export class Refusal extends Error {
  readonly status: number;

  constructor(status: number, text: string) {
    super(text);
    this.name = 'Refusal';
    this.status = status;
  }
}

/** There is no such path or method: the one error that PBS gives a content type inside a session (observed, vii). */
export class PathNotFound extends Refusal {
  constructor(parts: readonly string[]) {
    super(404, `Path '/${parts.join('/')}' not found.`);
  }
}

/** Parameters are missing or wrong. */
export class ParameterRefusal extends Refusal {}

/** The refusal as which any error is answered: PBS says 400 to whatever has no status of its own (spec 2.5). */
export const asRefusal = (error: unknown): Refusal =>
  error instanceof Refusal ? error : new Refusal(400, osErrorText(error));
