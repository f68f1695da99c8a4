// The version of this program, from the package it is.
import manifest from '../../package.json' with { type: 'json' };

export const version: string = manifest.version;
