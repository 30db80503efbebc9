import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { test } from 'node:test';

import { hostFacts, type FolderFacts } from '../../src/metrics/host-inventory.ts';

test('names the machine, the versions and the file system of a folder', async () => {
  const facts = await hostFacts({ versions: process.versions, folders: [tmpdir()] });
  assert.equal(facts.platform, process.platform);
  assert.ok(facts.cores >= 1);
  assert.ok(facts.memoryBytes > 0);
  assert.equal((facts['versions'] as Record<string, string>)['node'], process.versions.node);
  assert.equal('ares' in (facts['versions'] as object), false);
  const folders = facts['folders'] as readonly FolderFacts[] | undefined;
  for (const { folder, mount } of folders ?? []) assert.ok(folder.startsWith(mount));
});

test('an inventory that takes too long leaves out what it could not read', async () => {
  const facts = await hostFacts({ folders: [tmpdir()], timeoutMs: 0 });
  assert.equal(facts['virtualisation'], undefined);
  assert.equal(facts['folders'], undefined);
  assert.ok(facts.cores >= 1);
});
