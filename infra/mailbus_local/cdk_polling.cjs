// The CDK's command line asks every 5 seconds whether a stack is deployed, which has no option. The embedded
// AWS deploys one in about a second, so it is asked more often there.
const ASKED_MS = 5000;
const OFTEN_MS = 100;
const original = globalThis.setTimeout;
globalThis.setTimeout = (callback, milliseconds, ...values) =>
  original(callback, milliseconds === ASKED_MS ? OFTEN_MS : milliseconds, ...values);
