import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { MachineError } from '../../../src/model/errors.ts';
import { loadCertificate } from '../../../src/pbs/server/certificate.ts';

let root: string;
before(() => {
  root = mkdtempSync(join(tmpdir(), 'restorelab-certificate-'));
});
after(() => rmSync(root, { recursive: true, force: true }));

describe('the certificate of the embedded server', () => {
  it('is made once, even by several at the same time, for its owner only', async () => {
    const folder = join(root, 'deep', 'folder');
    const made = await Promise.all([loadCertificate(folder), loadCertificate(folder), loadCertificate(folder)]);
    const again = await loadCertificate(folder);
    for (const certificate of made) assert.deepEqual(certificate, again);
    assert.deepEqual(readdirSync(folder), ['embedded-server.pem']);
    assert.equal(statSync(join(folder, 'embedded-server.pem')).mode & 0o777, 0o600);
  });

  it('fits its key and names the address of the server', async () => {
    const { key, cert, fingerprint } = await loadCertificate(join(root, 'fits'));
    const certificate = new X509Certificate(cert);
    assert.ok(certificate.checkPrivateKey(createPrivateKey(key)) && certificate.verify(certificate.publicKey));
    assert.equal(certificate.checkIP('127.0.0.1'), '127.0.0.1');
    assert.equal(certificate.checkHost('localhost'), 'localhost');
    assert.match(fingerprint, /^[0-9a-f]{2}(?::[0-9a-f]{2}){31}$/u);
    assert.equal(fingerprint, certificate.fingerprint256.toLowerCase());
    assert.ok((createPrivateKey(key).asymmetricKeyDetails?.modulusLength ?? 0) >= 2048);
  });

  it('is replaced where the file is damaged', async () => {
    const folder = join(root, 'damaged');
    mkdirSync(folder);
    writeFileSync(join(folder, 'embedded-server.pem'), 'damaged');
    const made = await loadCertificate(folder);
    assert.deepEqual(await loadCertificate(folder), made);
  });

  it('that cannot be stored is an error of the machine', async () => {
    writeFileSync(join(root, 'file'), '');
    await assert.rejects(loadCertificate(join(root, 'file', 'folder')), MachineError);
  });
});
