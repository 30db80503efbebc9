import { dataAnswer } from '../public-request.ts';
import type { RestEndpoint } from './rest-call.ts';

/** The version that is emulated (spec 2.6). */
const version = { release: '3', repoid: 'restorelab', version: '4.2' } as const;

/** `GET /version`, to whoever has logged in. */
export const showVersion: RestEndpoint = {
  rules: {},
  answer: async () => await Promise.resolve(dataAnswer(version)),
};

/** `GET /nodes/localhost/identity`: tells one installation from another. */
export const showIdentity: RestEndpoint = {
  rules: {},
  answer: async ({ server }) => await Promise.resolve(dataAnswer({ 'pbs-instance-id': server.instanceId })),
};
