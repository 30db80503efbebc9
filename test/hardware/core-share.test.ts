import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { coreShare } from '../../src/hardware/core-share.ts';
import { GB } from '../../src/model/units.ts';
import { plantedProfile } from './planted-profile.ts';

describe('the share of a core that computing work had', () => {
  it('is all of it on a machine that does nothing else', () => {
    assert.equal(coreShare(plantedProfile()), 1);
  });

  it('is what other load left, whatever TLS waited for', () => {
    const half = { perCpuSecond: 2 * GB, perSecond: GB };
    const share = coreShare(
      plantedProfile({
        'sha-256': half,
        'crc-32': half,
        'zstd-decompress-2': half,
        'aes-256-gcm': half,
        'chunk-verify': half,
      }),
    );
    assert.ok(share !== undefined && Math.abs(share - 0.5) < 1e-9);
    assert.equal(coreShare(plantedProfile({ 'tls-receive': half, 'file-write': half })), 1);
  });

  it('is unknown where nothing of the kind was measured', () => {
    assert.equal(coreShare({ ...plantedProfile(), measurements: [] }), undefined);
  });
});
