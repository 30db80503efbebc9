import assert from 'node:assert/strict';
import { it } from 'node:test';

import { placesFrom } from '../../src/cache/places.ts';

it('places are those of XDG, or below the home folder', () => {
  assert.deepEqual(placesFrom({ XDG_CACHE_HOME: '/c', XDG_STATE_HOME: '/s' }, '/home/u'), {
    cache: '/c/restorelab',
    code: '/c/restorelab-code',
    state: '/s/restorelab',
    restores: '/s/restorelab/restores',
  });
  const fallback = {
    cache: '/home/u/.cache/restorelab',
    code: '/home/u/.cache/restorelab-code',
    state: '/home/u/.local/state/restorelab',
    restores: '/home/u/.local/state/restorelab/restores',
  };
  assert.deepEqual(placesFrom({}, '/home/u'), fallback);
  assert.deepEqual(placesFrom({ XDG_CACHE_HOME: '', XDG_STATE_HOME: 'relative' }, '/home/u'), fallback);
});
