// Holds both ends of the project's HTTP/2 against tools and servers of others, as far as they are installed: h2spec and
// h2load against our server; nghttpd and a Go server in front of our client. Takes about a minute. Exits with 1 where
// something failed, with 2 where something could not be run.
//
//     node scripts/h2-conformance.ts [--only h2spec,h2load,nghttpd,go] [--h2spec PATH]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type OnReadOpts } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { connect, type ConnectionOptions } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { MiB } from '../src/model/units.ts';
import { pbsClientWindows } from '../src/model/transport.ts';
import { chunksFolder } from '../src/pbs/datastore/layout.ts';
import { loadCertificate } from '../src/pbs/server/certificate.ts';
import { transports } from '../src/pbs/transport/transports.ts';
import { generateDatastore } from '../src/workload/generate-datastore.ts';
import { H2Listener, staticFiles } from '../test/pbs/h2/h2-listener.ts';

const IMAGE_BYTES = 96 * MiB;
const CONNECTIONS = 4;
const STREAMS = 64;
const REQUESTS = 1024;
const IN_FLIGHT = 16;
const TOOL_TIMEOUT_MS = 120_000;

interface Check {
  /** The program that it needs, and how to get that. */
  readonly program: string;
  readonly install: string;
  /** What was seen; throws where it is not as it should be. */
  readonly run: (program: string, place: Place) => Promise<string>;
}

interface Place {
  readonly folder: string;
  /** Chunk files, below folders of four hex digits. */
  readonly chunks: string;
  /** Their paths, from there. */
  readonly files: readonly string[];
}

const checks: Readonly<Record<string, Check>> = {
  h2spec: {
    program: 'h2spec',
    install: 'go install github.com/summerwind/h2spec/cmd/h2spec@latest, and name it with --h2spec or in PATH',
    run: runH2spec,
  },
  h2load: { program: 'h2load', install: 'apt-get install nghttp2-client', run: runH2load },
  nghttpd: { program: 'nghttpd', install: 'apt-get install nghttp2-server', run: fetchFromNghttpd },
  go: { program: 'go', install: 'https://go.dev/doc/install, 1.20 or newer', run: fetchFromGo },
};

const { values } = parseArgs({ options: { only: { type: 'string' }, h2spec: { type: 'string' } } });
const only = values.only?.split(',') ?? Object.keys(checks);
const unknown = only.filter((name) => !(name in checks));
if (unknown.length > 0) {
  console.error(`--only takes ${Object.keys(checks).join(', ')}; not ${unknown.join(', ')}`);
  process.exit(2);
}

let failed = 0;
let missing = 0;
const folder = await mkdtemp(join(tmpdir(), 'h2-conformance-'));
try {
  const place = await prepare(folder);
  for (const name of only) {
    const { program, install, run } = checks[name]!;
    const path = name === 'h2spec' && values.h2spec !== undefined ? values.h2spec : findProgram(program);
    if (path === undefined) {
      missing += 1;
      console.log(`${name.padEnd(8)} NOT RUN  ${program} is not installed: ${install}`);
      continue;
    }
    try {
      console.log(`${name.padEnd(8)} ok       ${await run(path, place)}`);
    } catch (error) {
      failed += 1;
      console.log(`${name.padEnd(8)} FAILED   ${(error as Error).message}`);
    }
  }
} finally {
  await rm(folder, { recursive: true });
}
process.exitCode = failed > 0 ? 1 : missing > 0 ? 2 : 0;

async function prepare(path: string): Promise<Place> {
  const store = join(path, 'store');
  await generateDatastore({
    path: store,
    image: { sizeBytes: IMAGE_BYTES, zeroShare: 0.1, repeatedShare: 0.1, compressionRatio: 2, seed: 'conformance' },
    history: { depth: 1, changeRate: 0 },
    chunks: 'files',
    signal: new AbortController().signal,
  });
  const chunks = chunksFolder(store);
  const names = await readdir(chunks, { recursive: true });
  return { folder: path, chunks, files: names.filter((name) => /\/[0-9a-f]{64}$/u.test(name)) };
}

function findProgram(name: string): string | undefined {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((path) => join(path, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

async function runH2spec(program: string): Promise<string> {
  await using listener = await H2Listener.start({
    transport: transports.h2.server,
    handler: staticFiles(undefined),
  });
  const output = await runTool(program, ['-h', '127.0.0.1', '-p', `${listener.port}`, '-t', '-k', '-S', '-o', '5']);
  const [summary, tests, passed] = /(\d+) tests, (\d+) passed, \d+ skipped, \d+ failed/u.exec(output) ?? [];
  if (summary === undefined || tests !== passed) throw new Error(`${summary ?? 'no summary'}\n${output}`);
  return summary;
}

async function runH2load(program: string, { folder: path, chunks, files }: Place): Promise<string> {
  await using listener = await H2Listener.start({ transport: transports.h2.server, handler: staticFiles(chunks) });
  const list = join(path, 'urls');
  await writeFile(list, files.map((file) => `https://127.0.0.1:${listener.port}/${file}\n`).join(''));
  const counts = ['-n', `${REQUESTS}`, '-c', `${CONNECTIONS}`, '-m', `${STREAMS}`];
  const output = await runTool(program, ['-i', list, ...counts]);
  const [requests] = /^requests: .*$/mu.exec(output) ?? [];
  const [status] = /^status codes: .*$/mu.exec(output) ?? [];
  const [finished] = /^finished in .*$/mu.exec(output) ?? [];
  if (requests?.includes(`${REQUESTS} succeeded, 0 failed, 0 errored, 0 timeout`) !== true) throw new Error(output);
  if (status?.startsWith(`status codes: ${REQUESTS} 2xx`) !== true) throw new Error(output);
  return `${CONNECTIONS} connections, ${STREAMS} streams each: ${requests}; ${finished ?? ''}`;
}

async function fetchFromNghttpd(program: string, { folder: path, chunks, files }: Place): Promise<string> {
  const { key, cert } = await writeCertificate(path);
  const port = await freePort();
  const server = spawn(program, ['-d', chunks, '-a', '127.0.0.1', `${port}`, key, cert], { stdio: 'ignore' });
  try {
    return await fetchAll(port, chunks, files);
  } finally {
    server.kill();
    await once(server, 'exit');
  }
}

async function fetchFromGo(program: string, { folder: path, chunks, files }: Place): Promise<string> {
  const { key, cert } = await writeCertificate(path);
  const binary = join(path, 'h2-static-server');
  const source = fileURLToPath(new URL('h2-static-server.go', import.meta.url));
  await runTool(program, ['build', '-o', binary, source]);
  const server = spawn(binary, [chunks, cert, key], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(server, 'exit');
  try {
    const [line] = (await once(createInterface(server.stdout), 'line')) as [string];
    return await fetchAll(Number(line), chunks, files);
  } finally {
    server.stdin.end();
    await exited;
  }
}

/** Every file by our client, several at a time, compared with what is on disk. */
async function fetchAll(port: number, chunks: string, files: readonly string[]): Promise<string> {
  const prepared = transports.h2.client.prepareSocket?.(() => {});
  const options: ConnectionOptions & { readonly onread?: OnReadOpts } = {
    host: '127.0.0.1',
    port,
    rejectUnauthorized: false,
    ALPNProtocols: ['h2'],
    ...(prepared === undefined ? {} : { onread: prepared.onread }),
  };
  const socket = await retry(async () => {
    const opened = connect(options);
    await once(opened, 'secureConnect');
    return opened;
  });
  const { streamWindowBytes, connectionWindowBytes, maxFrameBytes } = pbsClientWindows;
  const connection = (prepared ?? transports.h2.client).connect(socket, {
    settings: {
      initialWindowSize: streamWindowBytes,
      connectionWindowSize: connectionWindowBytes,
      maxFrameSize: maxFrameBytes,
    },
  });
  const { signal } = new AbortController();
  const waiting = [...files];
  let bytes = 0;
  const fetchNext = async (): Promise<void> => {
    for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
      let body = new Uint8Array(0);
      const { status } = await connection.request({
        path: `/${file}`,
        signal,
        receive: ({ contentLength = 0 }) => (body = new Uint8Array(contentLength)),
      });
      const stored = await readFile(join(chunks, file));
      if (status !== 200 || !stored.equals(body)) throw new Error(`${file} is not what is on disk (status ${status})`);
      bytes += body.length;
    }
  };
  try {
    await Promise.all(Array.from({ length: IN_FLIGHT }, fetchNext));
  } finally {
    connection.close();
    await connection.closed;
  }
  return `${files.length} chunks, ${bytes} bytes, ${IN_FLIGHT} at a time, byte for byte`;
}

async function retry<Result>(attempt: () => Promise<Result>): Promise<Result> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (tries === 50) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** Output of both kinds; the exit code is not looked at, since the output tells more. */
async function runTool(program: string, args: readonly string[]): Promise<string> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: TOOL_TIMEOUT_MS });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (bytes: Buffer) => {
      output += bytes.toString();
    });
  }
  const [code] = (await once(child, 'close')) as [number | null];
  if (code === null) throw new Error(`${program} was ended after ${TOOL_TIMEOUT_MS / 1000} s\n${output}`);
  return output;
}

async function writeCertificate(path: string): Promise<{ readonly key: string; readonly cert: string }> {
  const certificate = await loadCertificate(path);
  const [key, cert] = [join(path, 'key.pem'), join(path, 'cert.pem')];
  await writeFile(key, certificate.key, { mode: 0o600 });
  await writeFile(cert, certificate.cert);
  return { key, cert };
}

/** One that nobody listens on: nghttpd cannot say which it chose. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
