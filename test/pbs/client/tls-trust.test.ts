import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { generateKeyPairSync, hash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createServer } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import forge from 'node-forge';

import { temporaryFolder } from '../datastore/golden.ts';

const script = fileURLToPath(new URL('try-connections.ts', import.meta.url));

interface Pair {
  /** PEM. */
  readonly key: string;
  readonly certificate: forge.pki.Certificate;
}

/** A certificate for 127.0.0.1, and not for localhost, signed by `authority`; without one, an authority itself. */
function issue(commonName: string, serialNumber: string, authority?: Pair): Pair {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.publicKeyFromPem(publicKey);
  certificate.serialNumber = serialNumber;
  certificate.validity.notBefore = new Date(0);
  certificate.validity.notAfter = new Date(Date.UTC(2100, 0));
  certificate.setSubject([{ name: 'commonName', value: commonName }]);
  certificate.setIssuer(authority?.certificate.subject.attributes ?? certificate.subject.attributes);
  certificate.setExtensions(
    authority === undefined
      ? [
          { name: 'basicConstraints', cA: true, critical: true },
          { name: 'keyUsage', keyCertSign: true, critical: true },
        ]
      : [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
  );
  certificate.sign(forge.pki.privateKeyFromPem(authority?.key ?? privateKey), forge.md.sha256.create());
  return { key: privateKey, certificate };
}

test('without a fingerprint an authority of this system must vouch, with one only the fingerprint counts', async () => {
  const authority = issue('Authority of the test', '01');
  const { key, certificate } = issue('pbs', '02', authority);
  const cert = forge.pki.certificateToPem(certificate);
  const fingerprint = hash('sha256', new X509Certificate(cert).raw, 'hex');
  const seen = fingerprint.match(/../gu)!.join(':');
  await using folder = await temporaryFolder();
  const authorityFile = join(folder.path, 'authority.pem');
  await writeFile(authorityFile, forge.pki.certificateToPem(authority.certificate));
  const server = createServer({ key, cert }, (socket) => socket.on('error', () => {}));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  try {
    const address = { host: '127.0.0.1', port };
    const attempts = [
      address,
      { ...address, host: 'localhost' },
      { ...address, fingerprint },
      { ...address, fingerprint: 'ab'.repeat(32) },
    ];
    const outcomes = async (env: Readonly<Record<string, string>>): Promise<readonly string[]> => {
      const options = { env: { PATH: '/usr/bin:/bin', ...env } };
      const { stdout } = await promisify(execFile)(process.execPath, [script, JSON.stringify(attempts)], options);
      return JSON.parse(stdout) as readonly string[];
    };
    const [known, extra, unknown] = await Promise.all([
      outcomes({ SSL_CERT_FILE: authorityFile }),
      outcomes({ NODE_EXTRA_CA_CERTS: authorityFile }),
      outcomes({}),
    ]);
    for (const [vouched, wrongName, pinned, mismatch] of [known, extra]) {
      assert.deepEqual([vouched, pinned], ['connected', 'connected']);
      assert.match(wrongName!, /^certificate-untrusted: .*localhost.*issued for another name/u);
      assert.match(mismatch!, new RegExp(`^fingerprint-mismatch: .*ab:ab:.*${seen}`, 'u'));
    }
    const [vouched, wrongName, pinned, mismatch] = unknown;
    assert.match(vouched!, new RegExp(`^certificate-untrusted: .*authority is not known here.*${seen}`, 'u'));
    assert.match(wrongName!, /^certificate-untrusted/u);
    assert.equal(pinned, 'connected');
    assert.match(mismatch!, /^fingerprint-mismatch/u);
  } finally {
    server.close();
  }
});
