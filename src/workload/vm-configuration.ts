import { MiB } from '../model/units.ts';

/** `qemu-server.conf` of a VM with this one disk, as PVE stores it in a backup (spec 1.6). */
export function vmConfiguration(sizeBytes: number): string {
  const lines = [
    'boot: order=scsi0',
    'cores: 2',
    'memory: 2048',
    'name: restorelab',
    'numa: 0',
    'ostype: l26',
    `scsi0: local-lvm:vm-100-disk-0,size=${Math.ceil(sizeBytes / MiB)}M`,
    'scsihw: virtio-scsi-single',
    'sockets: 1',
    // A drive without its map line is not restored.
    '#qmdump#map:scsi0:drive-scsi0:local-lvm:raw:',
  ];
  return `${lines.join('\n')}\n`;
}
