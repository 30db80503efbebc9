/** The body of a request is longer than it may be. */
export class BodyTooLong extends Error {
  readonly maxBytes: number;

  constructor(maxBytes: number) {
    super(`the body of the request is longer than ${maxBytes} bytes`);
    this.name = 'BodyTooLong';
    this.maxBytes = maxBytes;
  }
}
