// Images.
import { z } from 'zod';
import { imageViewSchema } from '../../model/image-view.ts';
import { defineEndpoints } from '../endpoint.ts';
import { list, nameParams, emptyBody, jobResponse } from './parts.ts';

export const imageEndpoints = defineEndpoints({
  imageList: {
    method: 'GET',
    path: '/v1/images',
    summary: 'Every image of the site',
    access: { permission: 'view', on: 'each' },
    response: list(imageViewSchema),
  },
  imageShow: {
    method: 'GET',
    path: '/v1/images/:name',
    summary: 'One image',
    access: { permission: 'view', on: 'each' },
    versioned: 'image',
    params: nameParams,
    response: imageViewSchema,
  },
  imageBuild: {
    method: 'POST',
    path: '/v1/images/:name/build',
    summary: 'Make an image of the site, if it is not there',
    access: { permission: 'configure', on: 'site' },
    params: nameParams,
    body: emptyBody,
    response: jobResponse,
    job: true,
  },
  imageImport: {
    method: 'POST',
    path: '/v1/images',
    summary: 'Take a disk image, a file of the host or an address, under a name into the site',
    access: { permission: 'configure', on: 'site' },
    body: z.strictObject({
      name: z.string().max(63),
      source: z.union([z.strictObject({ file: z.string() }), z.strictObject({ url: z.string(), sha256: z.string() })]),
    }),
    response: jobResponse,
    job: true,
    logs: ['name', 'source'],
  },
  imageDelete: {
    method: 'DELETE',
    path: '/v1/images/:name',
    summary: 'Delete an image that no guest uses',
    access: { permission: 'configure', on: 'site' },
    versioned: 'image',
    params: nameParams,
    response: jobResponse,
    job: true,
  },
});
