import type { FileHandle } from 'node:fs/promises';

import { systemFiles, type FilePort } from '../../../../src/pbs/datastore/file-port.ts';

/** A call that has ended well: `write a`, `sync a`, `rename a b`, `mkdir a`, ... */
export interface WatchedCall {
  readonly name: 'write' | 'truncate' | 'sync' | 'rename' | 'mkdir' | 'rm' | 'other';
  readonly path: string;
  /** Of a rename. */
  readonly to?: string;
}

type Fault = (call: WatchedCall) => Error | undefined;

export const noSpace = (): Error =>
  Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC', errno: -28 });

/** The system's files, with a list of what was done in which order, and with faults where a test plants them. */
export class WatchedFiles {
  readonly calls: WatchedCall[] = [];
  fault: Fault = () => undefined;

  readonly port: FilePort = {
    ...systemFiles,
    open: (async (path: string, flags: string, mode?: number) => {
      const file = await systemFiles.open(path, flags, mode);
      return this.#watch(file, path);
    }) as FilePort['open'],
    rename: async (from, to) => {
      await this.#do({ name: 'rename', path: String(from), to: String(to) }, () => systemFiles.rename(from, to));
    },
    mkdir: (async (path: string, options: { mode: number }) => {
      await this.#do({ name: 'mkdir', path }, () => systemFiles.mkdir(path, options));
    }) as FilePort['mkdir'],
    rm: async (path, options) => {
      await this.#do({ name: 'rm', path: String(path) }, () => systemFiles.rm(path, options));
    },
  };

  async #do<Result>(call: WatchedCall, run: () => Promise<Result>): Promise<Result> {
    const fault = this.fault(call);
    if (fault !== undefined) throw fault;
    const result = await run();
    this.calls.push(call);
    return result;
  }

  #watch(file: FileHandle, path: string): FileHandle {
    const watched = { write: 'write', writev: 'write', sync: 'sync', datasync: 'sync', truncate: 'truncate' } as const;
    return new Proxy(file, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key, target);
        if (typeof value !== 'function') return value;
        const call = value.bind(target) as (...parameters: unknown[]) => Promise<unknown>;
        if (!Object.hasOwn(watched, key)) return call;
        const name = watched[key as keyof typeof watched];
        return async (...parameters: unknown[]) => await this.#do({ name, path }, () => call(...parameters));
      },
    });
  }
}
