import type { Access } from '../access/access.ts';
import { isBoolean, isText, isTrue, matches, type ParameterRules } from '../parameters.ts';
import { readRequestParameters, type PublicAnswer, type PublicRequest } from '../public-request.ts';
import { Refusal } from '../refusal.ts';

const rules: ParameterRules = {
  'http-only': { check: isBoolean, isOptional: true },
  password: { check: isText, isOptional: true },
  path: { check: isText, isOptional: true },
  port: { check: isText, isOptional: true },
  privs: { check: isText, isOptional: true },
  'tfa-challenge': { check: isText, isOptional: true },
  username: { check: matches(/^[^\s:/\p{Cc}]+@[A-Za-z0-9_][A-Za-z0-9._-]*$/u, { minLength: 3, maxLength: 64 }) },
};

/** `POST /access/ticket`: the only call that needs no credentials but those in its body (spec 2.3). */
export async function login(request: PublicRequest, query: string, access: Access): Promise<PublicAnswer> {
  const parameters = await readRequestParameters(request, { query, rules });
  const password = parameters.get('password');
  if (password === undefined) throw new Refusal(400, 'no password provided');
  const ticket = await access.login(parameters.get('username') ?? '', password);
  if (ticket === undefined) throw new Refusal(401, 'permission check failed.');
  const { ticket: text, ...rest } = ticket;
  const isHttpOnly = isTrue(parameters.get('http-only'));
  return {
    kind: 'answer',
    status: 200,
    headers: {
      'content-type': 'application/json',
      ...(isHttpOnly ? { 'set-cookie': `__Host-PBSAuthCookie=${text}; Secure; SameSite=Lax; HttpOnly; Path=/;` } : {}),
    },
    // The signature, which makes it a ticket, is in the cookie alone then.
    body: JSON.stringify({
      data: isHttpOnly ? { ...rest, 'ticket-info': text.slice(0, text.indexOf('::')) } : ticket,
      status: 200,
      success: true,
    }),
  };
}
