import { generateKeyPair, randomBytes, X509Certificate } from 'node:crypto';
import { link, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { makeFolder } from '../../files/make-folder.ts';
import { asMachineError, systemErrorCode } from '../../model/errors.ts';

export interface ServerCertificate {
  /** PEM. */
  readonly key: string;
  /** PEM. */
  readonly cert: string;
  /** SHA-256 over the DER form, lower-case hex pairs joined with colons. */
  readonly fingerprint: string;
}

/** Key and certificate in one file, so that one rename publishes a pair that belongs together. */
const FILE_NAME = 'embedded-server.pem';

const KEY_BITS = 2048;
const VALIDITY_YEARS = 10;

/** A certificate that would end during a long run is replaced before. */
const RENEW_BEFORE_MS = 7 * 24 * 3600 * 1000;

/**
 * The self-signed certificate of the embedded server, made on first use. Of several processes that make it at the same
 * time one wins, and all use its file.
 * @throws MachineError where the folder cannot be read or written
 */
export async function loadCertificate(folder: string): Promise<ServerCertificate> {
  const path = join(folder, FILE_NAME);
  try {
    const { certificate, isReplaceable } = await readCertificate(path);
    return certificate ?? (await makeCertificate(folder, path, isReplaceable));
  } catch (error) {
    throw asMachineError(error, `making the certificate ${path}`);
  }
}

async function makeCertificate(folder: string, path: string, isReplaceable: boolean): Promise<ServerCertificate> {
  const { key, cert } = await generate();
  await makeFolder(folder, { doing: `making the certificate ${path}`, mode: 0o700 });
  const temporary = `${path}.${randomBytes(8).toString('hex')}.tmp`;
  try {
    await writeFile(temporary, `${key}${cert}`, { mode: 0o600, flag: 'wx' });
    if (isReplaceable) {
      await rename(temporary, path);
      return parse(`${key}${cert}`);
    }
    // Unlike rename, link leaves the file of a process that was faster; not every file system has it.
    await link(temporary, path).catch(async (error: unknown) => {
      if (systemErrorCode(error) === 'EEXIST') return;
      await rename(temporary, path);
    });
    return parse(await readFile(path, 'utf8'));
  } finally {
    await unlink(temporary).catch(() => {});
  }
}

async function readCertificate(
  path: string,
): Promise<{ readonly certificate?: ServerCertificate; readonly isReplaceable: boolean }> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return { isReplaceable: false };
    throw error;
  }
  try {
    const isFresh = Date.parse(new X509Certificate(text).validTo) - Date.now() > RENEW_BEFORE_MS;
    return isFresh ? { certificate: parse(text), isReplaceable: false } : { isReplaceable: true };
  } catch {
    return { isReplaceable: true };
  }
}

const CERT_BEGIN = '-----BEGIN CERTIFICATE-----';

/** @throws Error where the text is not a key that is followed by its certificate */
function parse(text: string): ServerCertificate {
  const begin = text.indexOf(CERT_BEGIN);
  const [key, cert] = [text.slice(0, Math.max(begin, 0)), text.slice(begin)];
  if (!key.includes('PRIVATE KEY')) throw new Error('there is no private key before the certificate');
  return { key, cert, fingerprint: new X509Certificate(cert).fingerprint256.toLowerCase() };
}

async function generate(): Promise<{ readonly key: string; readonly cert: string }> {
  const { privateKey, publicKey } = await promisify(generateKeyPair)('rsa', {
    modulusLength: KEY_BITS,
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  // Loaded here because it is needed once in the life of a cache folder and takes longer to load than the server.
  const { default: forge } = await import('node-forge');
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.publicKeyFromPem(publicKey);
  // Positive, as RFC 5280 section 4.1.2.2 asks for.
  certificate.serialNumber = `01${randomBytes(15).toString('hex')}`;
  certificate.validity.notBefore = new Date(Date.now() - 24 * 3600 * 1000);
  certificate.validity.notAfter = new Date();
  certificate.validity.notAfter.setFullYear(certificate.validity.notAfter.getFullYear() + VALIDITY_YEARS);
  const name = [{ name: 'commonName', value: 'restorelab embedded server' }];
  certificate.setSubject(name);
  certificate.setIssuer(name);
  certificate.setExtensions([
    { name: 'basicConstraints', cA: false },
    { name: 'keyUsage', digitalSignature: true, keyEncipherment: true },
    { name: 'extKeyUsage', serverAuth: true },
    {
      name: 'subjectAltName',
      altNames: [
        { type: 2, value: 'localhost' },
        { type: 7, ip: '127.0.0.1' },
      ],
    },
  ]);
  certificate.sign(forge.pki.privateKeyFromPem(privateKey), forge.md.sha256.create());
  return { key: privateKey, cert: forge.pki.certificateToPem(certificate) };
}
