// The least that a server of the runtime costs: answers each path with bytes that it was given. Started as a process of its own.
// Arguments: socket file, then pairs of path and file.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const [socketPath, ...rest] = process.argv.slice(2);
const answers = new Map<string, Buffer>();
for (let index = 0; index + 1 < rest.length; index += 2) answers.set(rest[index] ?? '', readFileSync(rest[index + 1] ?? ''));

createServer((request, response) => {
  const body = answers.get(request.url ?? '');
  response.writeHead(body ? 200 : 404, { 'content-type': 'application/json', 'content-length': body?.length ?? 0 });
  response.end(body);
}).listen({ path: socketPath }, () => process.stdout.write('ready\n'));
