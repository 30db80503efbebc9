import { clinicBubbleprof } from './clinic-bubbleprof.ts';
import { clinicDoctor } from './clinic-doctor.ts';
import { clinicFlame } from './clinic-flame.ts';
import { inspector } from './inspector.ts';
import type { ProfileTool } from './profile-tool.ts';
import { zeroX } from './zero-x.ts';

/** What `--with` takes, in the order of help and documentation. */
export const profileToolNames = ['inspector', '0x', 'clinic-doctor', 'clinic-flame', 'clinic-bubbleprof'] as const;
export type ProfileToolName = (typeof profileToolNames)[number];

export const profileTools: Readonly<Record<ProfileToolName, ProfileTool>> = {
  inspector,
  '0x': zeroX,
  'clinic-doctor': clinicDoctor,
  'clinic-flame': clinicFlame,
  'clinic-bubbleprof': clinicBubbleprof,
};
