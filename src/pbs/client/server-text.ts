import type { Secret } from '../../model/secret.ts';

const LONGEST_QUOTE = 300;

/**
 * What a server said, fit for an error text: one line, bounded, without control characters, and without the secrets of
 * the session, which a proxy that echoes a request would otherwise bring into logs.
 */
export function quoteServer(text: Uint8Array | string, secrets: readonly Secret[] = []): string {
  let quoted = typeof text === 'string' ? text : new TextDecoder().decode(text);
  for (const secret of secrets) {
    for (const form of formsOf(secret.reveal())) quoted = quoted.replaceAll(form, '***');
  }
  quoted = quoted.replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim();
  if (quoted === '') return 'no explanation';
  return quoted.length > LONGEST_QUOTE ? `${quoted.slice(0, LONGEST_QUOTE)}...` : quoted;
}

/** A text as it is, and as JSON and URLs write it. */
const formsOf = (text: string): readonly string[] =>
  text === '' ? [] : [text, JSON.stringify(text).slice(1, -1), encodeURIComponent(text)];
