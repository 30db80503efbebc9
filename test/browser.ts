import chromium from '@sparticuz/chromium';
import { chromium as browserType, type Browser } from 'playwright-core';

/** The sandbox needs rights that containers lack; the rest keeps the browser from calling home. */
const flags = [
  '--no-sandbox',
  '--no-zygote',
  '--disable-gpu',
  '--disable-quic',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A headless browser, to be closed by the caller. */
export async function launchBrowser(): Promise<Browser> {
  return await browserType.launch({ executablePath: await chromium.executablePath(), args: flags });
}
