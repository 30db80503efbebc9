// Tries TLS connections from a process of its own, whose authorities are set by its environment; prints how each ended.
import { KnownError } from '../../../src/model/errors.ts';
import { openTlsConnection } from '../../../src/pbs/client/tls-connection.ts';

interface Attempt {
  readonly host: string;
  readonly port: number;
  readonly fingerprint?: string;
}

const outcomes: string[] = [];
for (const attempt of JSON.parse(process.argv[2] ?? '[]') as readonly Attempt[]) {
  try {
    const socket = await openTlsConnection({ ...attempt, signal: new AbortController().signal, timeoutMs: 10_000 });
    socket.destroy();
    outcomes.push('connected');
  } catch (error) {
    outcomes.push(error instanceof KnownError ? `${error.code}: ${error.message}` : String(error));
  }
}
process.stdout.write(JSON.stringify(outcomes));
