// Who caused something, as one text: it stands in jobs, events, logs and whatever else tells who did what, and keeps its meaning when the user or
// token is gone.

/**
 * `local`: whoever can open the daemon's unix socket, the host's administrator. `token`: who shows the token of the file `api-token`.
 * `system`: a reconciler. `anonymous`: nobody has said who they are. Names of users and tokens are plain lower-case ASCII.
 */
export type Actor = 'local' | 'system' | 'anonymous' | 'token' | `user:${string}` | `token:${string}`;
